"""Benchmark B, reading: are the lines that a report of scored code lists first those that are faulty?

Reads faulty programs with a real model; what is read is kept in `.real/proof/reading/`, a line of JSON a case, at once, so that the command
can be stopped and started at will. `--table` prints the table of what was read, and writes the scores of every case's lines to
`tests/benchmarks/proof/results/`. Use: python -m tests.benchmarks.proof.reading --help
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from tests.benchmarks.proof.halves import Half
from tests.benchmarks.proof.reading.cases import Case, cases
from tests.benchmarks.proof.reading.readings import FOLDER, rows
from tests.support import real_models

MODELS: dict[str, Callable[[], Path]] = {"gemma3": real_models.gemma3, "smollm2": real_models.smollm2}


@click.command(help=__doc__, context_settings={"max_content_width": 130})
@click.option("--model", type=click.Choice(list(MODELS)), default="smollm2", show_default=True)
@click.option("--half", type=click.Choice([half.value for half in Half]), default=Half.TUNING.value, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="How many cases, the first ones of an order that is none.")
@click.option("--replacements", default=200, show_default=True, help="At most so many a program; 0 for none.")
def main(model: str, half: str, limit: int | None, replacements: int) -> None:
    """Run it; exit code 1 where a model cannot be had, 130 after an interruption."""
    try:
        read_all(model, Half(half), limit, replacements)
    except real_models.NotMade as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted; what was read is kept, and the next run goes on from there.", file=sys.stderr)
        sys.exit(130)


def read_all(model: str, half: Half, limit: int | None, replacements: int) -> None:
    """Read the cases of a half that were not read yet."""
    file = FOLDER / f"{model}.jsonl"
    known = {row["name"] for row in rows(file)}
    waiting = [case for case in cases() if case.half == half][:limit]
    waiting = [case for case in waiting if case.name not in known]
    if not waiting:
        return
    import torch

    import tokenscope_trace as ts

    torch.set_num_threads(1)
    loaded = ts.load_model(MODELS[model]())
    file.parent.mkdir(parents=True, exist_ok=True)
    for case in waiting:
        row = row_of(loaded, case, replacements)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row, separators=(",", ":")) + "\n")
        print(f"{case.name}: {case.operator}, {row['seconds']} s", flush=True)


def row_of(model, case: Case, replacements: int) -> dict:
    """One case, read: what `readings.py` takes."""
    from tests.benchmarks.proof.reading.tokens import likelier_rest, read, suspects

    begun = time.process_time()
    reading = read(model, case.text)
    replaced = suspects(reading, set(case.lines), replacements)
    gains = likelier_rest(model, reading, replaced) if replaced else []
    return {
        "name": case.name,
        "program": case.program,
        "half": case.half,
        "operator": case.operator,
        "code": case.lines,
        "faulty": case.faulty,
        "seconds": round(time.process_time() - begun, 2),
        "reading": reading,
        "replaced": [[place, token, gain] for (place, token), gain in zip(replaced, gains, strict=True)],
    }


if __name__ == "__main__":
    main()
