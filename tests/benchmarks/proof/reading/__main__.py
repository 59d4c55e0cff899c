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
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tests.benchmarks.proof.halves import Half
from tests.benchmarks.proof.reading.cases import Case, cases
from tests.benchmarks.proof.reading.readings import FOLDER, readings, rows
from tests.benchmarks.proof.reading.scores import BASELINES, OURS, Reference
from tests.benchmarks.proof.reading.table import Scored, table
from tests.support import real_models

if TYPE_CHECKING:
    import tokenscope_trace as ts

RESULTS = Path(__file__).parents[1] / "results"
OURS_BEST = "likelier rest, replacements of 20 %"  # what is held against the baselines
MODELS: dict[str, Callable[[], Path]] = {"gemma3": real_models.gemma3, "smollm2": real_models.smollm2}


@click.command(help=__doc__, context_settings={"max_content_width": 130})
@click.option("--model", type=click.Choice(list(MODELS)), default="smollm2", show_default=True)
@click.option("--half", type=click.Choice([half.value for half in Half]), default=Half.TUNING.value, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="How many cases, the first ones of an order that is none.")
@click.option("--replacements", default=200, show_default=True, help="At most so many a program; 0 for none.")
@click.option("--table", "only_table", is_flag=True, help="Only count what was read.")
def main(model: str, half: str, limit: int | None, replacements: int, only_table: bool) -> None:
    """Run it; exit code 1 where a model cannot be had, 130 after an interruption."""
    try:
        if not only_table:
            read_all(model, Half(half), limit, replacements)
        file = RESULTS / f"reading-{half}-{model}.jsonl"
        if found := scored(model, Half(half)):
            write(file, found)
        print(table(stored(file), model, half, OURS_BEST, list(BASELINES)))
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
    # What would follow is read in bfloat16, four times as fast on a processor that has it: thousands of tokens a program.
    quick = ts.load_model(MODELS[model](), dtype="bfloat16")
    file.parent.mkdir(parents=True, exist_ok=True)
    for case in waiting:
        row = row_of(loaded, quick, case, replacements)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row, separators=(",", ":")) + "\n")
        print(f"{case.name}: {case.operator}, {row['seconds']} s", flush=True)


def scored(model: str, half: Half) -> list[Scored]:
    """Every case that was read, with the scores of its lines; what is usual for a kind of token is that of the tuning half."""
    names = {case.name for case in cases()}
    reference = Reference.of(readings(model, Half.TUNING, names))
    found = []
    for one in readings(model, half, names):
        scores = {
            name: tuple(round(value, 3) for value in score(one, reference)) for name, score in {**BASELINES, **OURS}.items()
        }
        found.append(Scored(one.name, one.operator, one.seconds, one.faulty, scores))
    return found


def write(file: Path, cases: list[Scored]) -> None:
    """A line of JSON a case."""
    file.parent.mkdir(exist_ok=True)
    lines = [json.dumps(asdict(case), separators=(",", ":")) for case in sorted(cases, key=lambda case: case.name)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def stored(file: Path) -> list[Scored]:
    """What `write` wrote."""
    return [
        Scored(
            row["name"],
            row["operator"],
            row["seconds"],
            tuple(row["faulty"]),
            {name: tuple(values) for name, values in row["scores"].items()},
        )
        for row in rows(file)
    ]


def row_of(model: ts.LoadedModel, quick: ts.LoadedModel, case: Case, replacements: int) -> dict[str, Any]:
    """One case, read: what `readings.py` takes. `quick` is the model that reads what would follow."""
    from tests.benchmarks.proof.reading.tokens import likelier_rest, read, suspects

    begun = time.process_time()
    reading = read(model, case.text)
    replaced = suspects(reading, set(case.lines), replacements)
    gains = likelier_rest(quick, reading["ids"], replaced) if replaced else []
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
