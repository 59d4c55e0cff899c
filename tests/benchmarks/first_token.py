"""How soon the built-in model has its first token: a whole `tokenscope-record` of one token against the bare imports.

Each in a process of its own, alternating; the ratio is that of the medians.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

IMPORTS = [sys.executable, "-c", "import torch, transformers"]
RECORD = [sys.executable, "-m", "tokenscope_trace.record_command", "prompt.py", "--quiet", "--force"]


@click.command()
@click.option("--pairs", default=5, show_default=True, help="Pairs of runs, after one pair to warm up.")
def main(pairs: int) -> None:
    """Print seconds and the ratio."""
    taken: dict[str, list[float]] = {"imports": [], "record": []}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "prompt.py").write_text("def mean(values):", encoding="utf-8")
        for number in range(pairs + 1):
            for name, command in (("imports", IMPORTS), ("record", [*RECORD, "--max-new-tokens", "1", "--tree-nodes", "0"])):
                begin = time.perf_counter()
                subprocess.run(command, check=True, cwd=folder)
                if number:
                    taken[name].append(time.perf_counter() - begin)
    imports, record = statistics.median(taken["imports"]), statistics.median(taken["record"])
    print(f"import torch, transformers {imports:.2f} s, one token recorded {record:.2f} s: ratio {record / imports:.2f}")


if __name__ == "__main__":
    main()
