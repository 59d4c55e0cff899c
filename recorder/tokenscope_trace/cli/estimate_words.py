"""An estimate in words: a table of its stages, or one line. Numbers in, text out."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tokenscope_trace.progress import Estimate, Stage
from tokenscope_trace.text import duration, file_size, visible_line

PLAIN_WIDTH = 120  # columns, where the output is no terminal


def print_estimate(found: Estimate) -> None:
    """The table of a dry run, on standard output: it is what was asked for."""
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    console.print("This recording would take, at most:")
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("stage")
    for name in ("time", "memory", "in the file"):
        table.add_column(name, justify="right")
    for stage in found.stages:
        table.add_row(stage.name, *_cells(stage))
    table.add_row("in all", *_cells(Stage("in all", found.seconds, found.memory, found.file)))
    console.print(table)
    for note in found.notes:
        console.print(Text(visible_line(f"A few steps of it were tried. {note}")))
    if found.programs:
        console.print(
            f"The check is not in it: about {found.programs:,} programs, {duration(found.programs * found.timeout)} where each of them takes "
            f"the {found.timeout:g} s it may."
        )
    console.print("Estimated from a few of its steps; what it writes may end earlier. Nothing was recorded.")


def in_a_line(found: Estimate) -> str:
    """The sentence at the start of a long recording."""
    stages = ", ".join(
        f"{stage.name} {duration(stage.seconds)}"
        for stage in found.stages
        if stage.seconds is not None and stage.seconds >= 1
    )
    memory = "" if not found.memory else f"; at most about {file_size(round(found.memory))} of memory beside the model"
    size = "" if not found.file else f" and a file of {file_size(round(found.file))}"
    return f"About {duration(found.seconds)} more at most: {stages}{memory}{size}"


def _cells(stage: Stage) -> tuple[str, str, str]:
    seconds, memory = stage.seconds, stage.memory
    how_long = "–" if seconds is None else f"{seconds:.1f} s" if seconds < 10 else duration(seconds)
    return (
        how_long,
        "–" if memory is None else file_size(round(memory)),
        file_size(round(stage.file)) if stage.file >= 1 else "–",
    )
