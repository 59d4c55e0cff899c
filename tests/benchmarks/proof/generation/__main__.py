"""Benchmark A, generation: does the list of decisions lead to what repairs a program that fails, and sooner than other orders do?

Records each task with a real model, greedily and in samples, with a tree and the task's tests as its check; measures every recording; prints
the table. What is recorded is kept in `.real/proof/`, what is measured in `--results`, a line of JSON a case: a run that was interrupted goes
on where it was, and `--table` counts again without a model. Use: python -m tests.benchmarks.proof.generation --help
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from tests.benchmarks.proof.generation.cases import MODELS, SAMPLES, TREE_NODES, Case, cases, human_eval, own
from tests.benchmarks.proof.generation.measured import Measured, MeasuredDecision, MeasuredOption, as_json, measure
from tests.benchmarks.proof.generation.table import table
from tests.support.real_models import ROOT, NotMade

from tokenscope_trace import Trace
from tokenscope_trace.settings import TreeSettings

SETS = {"human-eval": human_eval, "own": own}


@click.command(help=__doc__, context_settings={"max_content_width": 130})
@click.option("--model", type=click.Choice(list(MODELS)), default="gemma3", show_default=True)
@click.option("--tasks", type=click.Choice(list(SETS)), default="human-eval", show_default=True)
@click.option("--samples", type=click.IntRange(0), default=SAMPLES, show_default=True, help="beside the greedy one")
@click.option("--limit", type=click.IntRange(1), help="how many tasks, the first ones")
@click.option("--results", type=click.Path(path_type=Path), help="default: results/ beside the benchmark")
@click.option("--table", "only_table", is_flag=True, help="only count what was measured")
@click.option("--anew", is_flag=True, help="measure again what was recorded")
def main(
    model: str, tasks: str, samples: int, limit: int | None, results: Path | None, only_table: bool, anew: bool
) -> None:
    """Run it; exit code 1 where a model cannot be had, 130 after an interruption."""
    file = results or Path(__file__).parents[1] / "results" / f"generation-{tasks}-{model}.jsonl"
    known = {} if anew else {one["case"]: one for one in read(file)}
    try:
        if not only_table:
            wanted = dict(list(SETS[tasks]().items())[:limit])
            for case in cases(model, wanted, samples):
                if case.name not in known:
                    known[case.name] = as_json(_measured(case))
                    write(file, list(known.values()))
                    print(_line(known[case.name]), flush=True)
    except NotMade as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted; what was measured is kept, and the next run goes on from there.", file=sys.stderr)
        sys.exit(130)
    print(table([of_json(one) for one in known.values()], model, tasks))


def _measured(case: Case) -> Measured:
    seconds = 0.0
    if not case.trace.is_file():
        begun = time.monotonic()
        trace = _record(case)
        seconds = time.monotonic() - begun
        case.trace.parent.mkdir(parents=True, exist_ok=True)
        trace.save(case.trace)
    return measure(case, Trace.load(case.trace), _version(), seconds)


_loaded: dict[str, Any] = {}


def _record(case: Case) -> Trace:
    import tokenscope_trace as ts

    if case.model not in _loaded:
        from transformers.utils import logging

        logging.disable_progress_bar()
        _loaded[case.model] = ts.load_model(MODELS[case.model](), device="cpu")
    return ts.record(
        _loaded[case.model],
        case.task.prompt,
        source=f"{case.task.name}.py",
        generation=case.generation,
        tree=TreeSettings(nodes=TREE_NODES),
        replay=None,
        check=case.check(),
    )


def _version() -> str:
    """The commit of what measured."""
    said = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


def _line(one: dict[str, Any]) -> str:
    verdict = {True: "passes", False: "fails", None: "not finished"}[one["passes"]]
    return f"{one['case']}: {verdict}, {one['passing']} of {one['finished']} finished branches pass, {one['seconds']} s"


def read(file: Path) -> list[dict[str, Any]]:
    """What a file of results holds; nothing where there is none."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def write(file: Path, found: list[dict[str, Any]]) -> None:
    """All of it, in one step, in the order of the cases' names."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".part")
    lines = [json.dumps(one, separators=(",", ":")) for one in sorted(found, key=lambda one: str(one["case"]))]
    new.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    new.replace(file)


def of_json(found: dict[str, Any]) -> Measured:
    """What `as_json` gave."""
    decisions = tuple(
        MeasuredDecision(**{**one, "options": tuple(MeasuredOption(**option) for option in one["options"])})
        for one in found["decisions"]
    )
    return Measured(**{field.name: found[field.name] for field in fields(Measured)} | {"decisions": decisions})


if __name__ == "__main__":
    main()
