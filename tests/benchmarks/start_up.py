"""How soon the commands are done where there is little to do, each as a process of its own, alternating.

The bare imports of torch and transformers are the yardstick: a whole `tokenscope-record` of one token with the built-in
model, and `tokenscope-html` of that recording, as ratios of medians.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

RECORD = ["-m", "tokenscope_trace.cli.record_command", "prompt.py", "--quiet", "--force", "--tree-nodes", "0"]
COMMANDS = {
    "import torch, transformers": ["-c", "import torch, transformers"],
    "record one token": [*RECORD, "--max-new-tokens", "1"],
    "make its page": ["-m", "tokenscope_trace.cli.html_command", "prompt.tsc", "--force"],
}


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Rounds of runs, after one to warm up.")
def main(rounds: int) -> None:
    """Print seconds and ratios."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "prompt.py").write_text("def mean(values):", encoding="utf-8")
        for number in range(rounds + 1):
            for name, command in COMMANDS.items():
                begin = time.perf_counter()
                subprocess.run([sys.executable, *command], check=True, cwd=folder, capture_output=True)
                if number:
                    taken[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    imports, *_ = medians.values()
    for name, seconds in medians.items():
        print(f"{name:28} {seconds:5.2f} s, {seconds / imports:.2f} of the bare imports")


if __name__ == "__main__":
    main()
