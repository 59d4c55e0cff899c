"""What a recording says on the terminal: progress while it runs, a summary at its end. All of it goes to stderr.

On a terminal the progress is a bar, elsewhere plain lines, at most one every few seconds. Knows no torch.
"""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tokenscope_trace.figures import decimal, duration, file_size, percent
from tokenscope_trace.schema import BranchEnd
from tokenscope_trace.traces import Trace
from tokenscope_trace.uncertain import best_other, least_certain_lines, near_certain, perplexity
from tokenscope_trace.visible import visible_line, visible_token

_PLAIN_EVERY_SECONDS = 5.0
_SHOWN_LINES = 3
_PLAIN_WIDTH = 120
_FINISHES = {
    "end-of-text": "the model ended the text",
    "stop-string": "a stop string came",
    "length": "the limit of new tokens was reached",
    "context": "the model's context is full",
    "interrupted": "interrupted",
}
_TREE_FINISHES = {
    "complete": "no alternative within the bounds is left",
    "nodes": "the bound of tokens was reached (--tree-nodes)",
    "memory": "the memory was full",
    "interrupted": "interrupted",
}
_NO_BRANCHES = {
    "complete": "none: no alternative is probable enough (--tree-min-prob)",
    "memory": "none: the memory does not suffice",
    "interrupted": "none: interrupted",
}


def make_console() -> Console:
    """The console on stderr; elsewhere than on a terminal it has no colours and wide lines."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PLAIN_WIDTH)


@contextmanager
def working(console: Console, what: str) -> Iterator[None]:
    """Show that something without measurable progress goes on."""
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(what)
        yield


class Follower:
    """Shows a recording as it goes on: the output's tokens, then what the tree will take, then its nodes."""

    def __init__(self, console: Console, total: int, bar: Progress | None) -> None:
        self._console, self._bar = console, bar
        self._stage = self._stage_of("Writing", total, "tokens")
        if bar is None:
            console.print(f"Writing at most {total} tokens")

    def on_token(self, count: int) -> None:
        """After each token of the output, with the number so far."""
        self._stage(count)

    def on_plan(self, nodes: int, seconds: float | None, engine: str) -> None:
        """Before the tree: its most nodes, how long they take (None where unknown), and what computes them."""
        how_long = "" if seconds is None else f", about {duration(seconds)} at most"
        self._console.print(f"Growing branches of at most {nodes:,} tokens in all{how_long} ({engine.replace('-', ' ')})")
        self._stage = self._stage_of("Growing branches", nodes, "tokens")

    def on_nodes(self, count: int) -> None:
        """After each step of the tree, with the number of nodes so far."""
        self._stage(count)

    def _stage_of(self, what: str, total: int, unit: str) -> Callable[[int], None]:
        if self._bar is None:
            return _PlainCounter(self._console, total, unit)
        bar = self._bar
        for task in bar.task_ids:
            bar.remove_task(task)
        task = bar.add_task(what, total=total, speed="")
        begin = time.perf_counter()

        def update(count: int) -> None:
            speed = count / max(time.perf_counter() - begin, 1e-9)
            bar.update(task, completed=count, speed=f"{speed:.1f} {unit}/s")

        return update


@contextmanager
def following(console: Console, total: int) -> Iterator[Follower]:
    """A Follower of a recording of at most `total` output tokens: a bar on a terminal, lines elsewhere."""
    if console.is_terminal:
        with _bar(console) as bar:
            yield Follower(console, total, bar)
    else:
        yield Follower(console, total, None)


def _bar(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(compact=True),
    )
    return Progress(*columns, console=console, transient=True)


class _PlainCounter:
    def __init__(self, console: Console, total: int, unit: str) -> None:
        self._console, self._total, self._unit = console, total, unit
        self._begin = self._last = time.perf_counter()

    def __call__(self, count: int) -> None:
        now = time.perf_counter()
        if now - self._last < _PLAIN_EVERY_SECONDS:
            return
        self._last = now
        speed = count / (now - self._begin)
        left = max(self._total - count, 0) / speed
        self._console.print(f"{count} of {self._total} {self._unit}, {speed:.1f} {self._unit}/s, at most {left:.0f} s left")


def print_summary(console: Console, trace: Trace, path: Path | None, size: int) -> None:
    """Tokens, time, certainty, the least certain lines, where the file is (None: it went to stdout), what to run next."""
    surprisal = trace.nodes.surprisal[trace.output]
    finish = _FINISHES[trace.run["finish"]]
    table = Table.grid(padding=(0, 2))
    table.add_row("tokens", f"{len(trace.prompt):,} of prompt, {len(trace.output):,} of output; {finish}")
    table.add_row("time", _times(trace))
    if trace.run.get("tree") is not None:
        table.add_row("branches", _tree(trace))
    certain, measured = near_certain(surprisal)
    table.add_row(
        "certainty",
        f"{certain:,} of {measured:,} output tokens nearly certain (over 93 %), perplexity of the output "
        f"{decimal(perplexity(trace.nodes.logprob[trace.output]))}",
    )
    for place, line in enumerate(_line_texts(trace)):
        table.add_row("least certain" if place == 0 else "", line)
    for note in trace.run["notes"]:
        table.add_row("note", Text(note))
    table.add_row("trace", f"{path or 'standard output'} ({file_size(size)})")
    if path is not None:
        table.add_row("next", f"tokenscope-html {shlex.quote(str(path))}")
    console.print(table)


def _times(trace: Trace) -> str:
    clock = trace.run["clock"]
    if clock["decode_seconds"] is None:
        return "not noted (SOURCE_DATE_EPOCH is set)"
    seconds = clock["decode_seconds"]
    speed = f", {len(trace.output) / seconds:.1f} tokens/s" if seconds > 0 else ""
    tree = "" if clock.get("tree_seconds") is None else f", {clock['tree_seconds']:.1f} s branches"
    return f"{clock['load_seconds']:.1f} s loading, {clock['prefill_seconds']:.1f} s prompt, {seconds:.1f} s output{speed}{tree}"


def _tree(trace: Trace) -> str:
    tree, count = trace.run["tree"], len(trace.branches)
    if count == 0:
        return _NO_BRANCHES.get(tree["finish"], "none") if tree["nodes"] else "none"
    tokens = int(trace.branches.count.sum())
    rejoined = int((trace.branches.end == BranchEnd.REJOINED).sum())
    says = f"; {rejoined:,} of them come{'s' if rejoined == 1 else ''} back to the text they left" if rejoined else ""
    return f"{count:,} of {tokens:,} tokens in all; {_TREE_FINISHES[tree['finish']]}{says}"


def _line_texts(trace: Trace) -> list[Text]:
    texts = []
    for line in least_certain_lines(trace, _SHOWN_LINES):
        text = Text(f"line {line.number}, {line.bits:.1f} bits: {_short(visible_line(line.text.strip()), 48)}")
        own = _token(trace.token_bytes(line.node), int(trace.nodes.token_id[line.node]))
        chance = percent(math.exp(float(trace.nodes.logprob[line.node])))
        other = best_other(trace, line.node)
        if other is not None:
            text.append(f"  ({own} {chance}, or {_token(trace.bytes_of(other[0]), other[0])} {percent(other[1])})", "dim")
        texts.append(text)
    return texts


def _token(content: bytes, token_id: int) -> str:
    return _short(visible_token(content), 24) if content else f"id {token_id}"


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
