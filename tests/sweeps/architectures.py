"""Every causal architecture that transformers knows, tiny and random: what the recorder supports of it, and whether it is right.

Use: make test-architectures. Each architecture runs in a process of its own, forked from one that has imported everything, within
limits of time and memory. Results are kept in build/architectures.jsonl, one line each, so that an interrupted run goes on; they
count for the same code and versions only. A complete run writes recorder/ARCHITECTURES.md; anything WRONG ends it with exit code 1.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection, wait
from pathlib import Path

import click
import torch
import transformers

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))
from tests.sweeps.architecture_checks import Row, check  # noqa: E402
from tests.sweeps.architecture_table import document, summary  # noqa: E402
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES  # noqa: E402

RESULTS = ROOT / "build" / "architectures.jsonl"
DOCUMENT = ROOT / "recorder" / "ARCHITECTURES.md"
MOST_SECONDS = 120
MOST_BYTES = 8 << 30  # of address space
_FORK = multiprocessing.get_context("fork")


def fingerprint() -> str:
    """What results depend on: the code and the versions."""
    files = sorted([*(ROOT / "recorder" / "tokenscope_trace").rglob("*.py"), *(ROOT / "tests" / "sweeps").glob("*.py")])
    digest = hashlib.sha256(f"{transformers.__version__} {torch.__version__}".encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def known(print_of: str | None) -> dict[str, Row]:
    """Rows of an earlier run, by model type: those with this fingerprint, or all for None."""
    rows = {}
    for line in RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.is_file() else ():
        entry = json.loads(line)
        if entry.pop("fingerprint") == print_of or print_of is None:
            rows[entry["kind"]] = Row(**entry)
    return rows


def _run_one(kind: str, send: Connection) -> None:
    """In the child: check, send the row, end without the parent's clean-up."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    send.send(check(kind))
    send.close()
    os._exit(0)


def rows_of(kinds: Sequence[str], processes: int) -> Iterator[Row]:
    """A row per kind, as they are done."""
    waiting, running = list(kinds), {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                kind = waiting.pop(0)
                receive, send = _FORK.Pipe(duplex=False)
                process = _FORK.Process(target=_run_one, args=(kind, send))
                process.start()
                send.close()
                running[receive] = (kind, process, time.monotonic())
            for receive in wait(list(running), timeout=1.0):
                kind, process, _ = running.pop(receive)
                try:
                    row = receive.recv()
                except EOFError:
                    process.join()
                    row = Row(
                        kind, builds=f"its process ended with code {process.exitcode}, over {MOST_BYTES >> 30} GiB perhaps"
                    )
                process.join()
                yield row
            for receive, (kind, process, begin) in list(running.items()):
                if time.monotonic() - begin > MOST_SECONDS:
                    process.kill()
                    process.join()
                    del running[receive]
                    yield Row(kind, builds=f"takes over {MOST_SECONDS} s", seconds=time.monotonic() - begin)
    finally:
        for _, process, _ in running.values():
            process.kill()


@click.command()
@click.argument("kinds", nargs=-1)
@click.option("--processes", type=click.IntRange(1), default=2, show_default=True, help="So many at once.")
@click.option("--fresh", is_flag=True, help="Forget earlier results.")
@click.option("--keep", is_flag=True, help="Take earlier results even though the code has changed since.")
def main(kinds: tuple[str, ...], processes: int, fresh: bool, keep: bool) -> None:
    """Print one line per architecture, then the sums; without KINDS, all of them, and the document."""
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)  # a fork of a process with threads would wait for them forever
    code = fingerprint()
    rows: dict[str, Row] = {} if fresh or kinds else known(None if keep else code)
    everything = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    unknown = sorted(set(kinds) - set(everything))
    if unknown:
        raise click.UsageError(f"transformers {transformers.__version__} knows no causal language model {unknown[0]}.")
    RESULTS.parent.mkdir(exist_ok=True)
    if not rows and not kinds:
        RESULTS.unlink(missing_ok=True)
    for row in rows_of([kind for kind in kinds or everything if kind not in rows], processes):
        rows[row.kind] = row
        print(summary(row), flush=True)
        with RESULTS.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(row) | {"fingerprint": code}) + "\n")
    if not kinds:
        found = [rows[kind] for kind in everything]
        DOCUMENT.write_text(document(found), encoding="utf-8")
        print(f"{DOCUMENT.relative_to(ROOT)} is written.")
    wrong = sorted(row.kind for row in rows.values() if row.wrong)
    print(f"{len(rows)} architectures, {len(wrong)} with something WRONG{': ' + ', '.join(wrong) if wrong else ''}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
