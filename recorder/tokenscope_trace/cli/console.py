"""The console of a recording: progress while it runs, a summary at its end. All of it goes to stderr.

On a terminal the progress is a bar, elsewhere plain lines, at most one every few seconds. Knows no torch.
"""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tokenscope_trace.analysis.uncertainty import (
    best_other,
    changed_lines,
    changed_nodes,
    least_certain_lines,
    near_certain,
    perplexity,
    surprised,
)
from tokenscope_trace.cli.estimate_words import PLAIN_WIDTH, in_a_line
from tokenscope_trace.failures import OnMissing
from tokenscope_trace.progress import Estimate, OnState, ShouldStop, Watcher
from tokenscope_trace.reports.check_verdict import Verdict, make_verdict
from tokenscope_trace.reports.code import kept_output
from tokenscope_trace.reports.decision_entries import DecisionEntry, OptionEntry
from tokenscope_trace.reports.program_words import warning_sentences
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.text import decimal, duration, file_size, percent, shortened, visible_line, visible_token
from tokenscope_trace.traces.facts import TreeFacts
from tokenscope_trace.traces.schema import BranchEnd
from tokenscope_trace.traces.trace import Trace

_VERDICT_STYLES = {
    "passes": "bold green",
    "fails": "bold red",
    "times-out": "bold red",
    "not-run": "bold yellow",
    "unchecked": "bold",
}
_PLAIN_EVERY_SECONDS = 5.0
_SHOWN_LINES = 3
_NOT_NOTED = "not noted (SOURCE_DATE_EPOCH is set)"
_FINISHES = {
    "end-of-text": "the model ended the text",
    "stop-string": "a stop string came",
    "unit": "the unit that the prompt began is complete",
    "length": "the limit of new tokens was reached",
    "context": "the model's context is full",
    "interrupted": "interrupted",
}
_TREE_FINISHES = {
    "complete": "all within the bounds",
    "nodes": "the bound; --tree-nodes",
    "memory": "the memory was full",
    "interrupted": "interrupted",
}
ALONE = ("snapshots", "recomputation")  # engines that compute one branch at a time
_NO_BRANCHES = {
    "complete": "none: no alternative is probable enough (--tree-min-prob)",
    "memory": "none: the memory does not suffice",
    "interrupted": "none: interrupted",
}


def make_console(*, quiet: bool = False) -> Console:
    """The console on stderr, for errors only where it is to be quiet; elsewhere than on a terminal it has no colours and wide lines."""
    width = None if sys.stderr.isatty() else PLAIN_WIDTH
    return Console(stderr=True, highlight=False, width=width, quiet=quiet)


def _say(console: Console, sentence: str) -> None:
    """One line as it is: no name in it is markup, or acted upon."""
    console.print(Text(visible_line(sentence)))


class Terminal:
    """The display of a recording on a terminal, or as plain lines where stderr is none."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def quiet(self) -> bool:
        """Whether the user wants to hear of errors only."""
        return self._console.quiet

    def say(self, sentence: str) -> None:
        """A sentence, unless the user wants to hear of errors only."""
        _say(self._console, sentence)

    def insist(self, sentence: str) -> None:
        """A sentence, even where the user wants to hear of errors only."""
        quiet, self._console.quiet = self._console.quiet, False
        self._console.print(Text(visible_line(sentence)), soft_wrap=True)
        self._console.quiet = quiet

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that something without measurable progress goes on."""
        if self._console.is_terminal:
            with self._console.status(Text(visible_line(what))):
                yield
        else:
            self.say(what)
            yield

    @contextmanager
    def following(
        self, extent: Mapping[str, int], should_stop: ShouldStop, on_state: OnState, on_missing: OnMissing
    ) -> Iterator[Watcher]:
        """Show a recording as it goes on: a bar on a terminal, lines elsewhere."""
        with _bar(self._console) if self._console.is_terminal else nullcontext() as bar:
            yield _Follower(self._console, bar, extent).watcher(should_stop, on_state, on_missing)

    @contextmanager
    def checking(self) -> Iterator[Callable[[int, int], None]]:
        """Show how many programs the user's command has judged: yields what is called with so many of so many."""
        if self._console.is_terminal:
            with self._console.status("") as status:
                yield lambda done, of: status.update(f"Checking programs, {done:,} of {of:,}")
        else:
            yield lambda done, of: self.say(f"Checked {of:,} program{'' if of == 1 else 's'}") if done == of else None

    def summary(self, trace: Trace, path: Path | None, size: int) -> None:
        """What the recording was, where it is, and what to run next."""
        print_summary(self._console, trace, path, size)


class _Follower:
    """Shows a recording as it goes on: what it needs, its tokens as they are written or read, then the tree's. `extent` says that it
    is `writing` so many tokens at most, or `reading` so many files.
    """

    def __init__(self, console: Console, bar: Progress | None, extent: Mapping[str, int]) -> None:
        self._console, self._bar = console, bar
        self._stage: Callable[[int], None] = lambda _count: None
        self._writing, reading = extent.get("writing"), extent.get("reading")
        self._reading = "Reading again" if reading is None else "Reading" if reading == 1 else f"Reading {reading} files"

    def watcher(self, should_stop: ShouldStop, on_state: OnState, on_missing: OnMissing) -> Watcher:
        """A Watcher that shows itself here."""
        return Watcher(
            on_need=self.on_need,
            on_token=self.on_token,
            on_read=self.on_read,
            on_plan=self.on_plan,
            on_nodes=self.on_nodes,
            should_stop=should_stop,
            on_state=on_state,
            on_missing=on_missing,
            on_estimate=self.on_estimate,
        )

    def on_need(self, needed: int) -> None:
        """Before anything runs: the bytes it takes beside the model."""
        what = self._reading if self._writing is None else f"Writing at most {self._writing:,} tokens"
        _say(self._console, f"{what}; needs about {file_size(needed)} of memory beside the model")
        if self._writing is not None:
            self._stage = self._stage_of("Writing", self._writing, "tokens")

    def on_estimate(self, rest: Estimate) -> None:
        """Once the first steps show that the rest takes long."""
        _say(self._console, in_a_line(rest))

    def on_token(self, count: int) -> None:
        """After each token of the output, with the number so far."""
        self._stage(count)

    def on_read(self, done: int, total: int) -> None:
        """While tokens are read: so many of so many."""
        if self._reading:
            self._announce(f"{self._reading}, {total:,} tokens")
            self._stage = self._stage_of(self._reading, total, "tokens")
            self._reading = ""
        self._stage(done)

    def on_plan(self, nodes: int, seconds: float | None, engine: str) -> None:
        """Before the tree: its most nodes, how long they take (None where unknown), and what computes them."""
        how_long = "" if seconds is None else f", about {duration(seconds)}"
        _say(self._console, f"Growing branches of at most {nodes:,} tokens in all{how_long} ({engine.replace('-', ' ')})")
        self._stage = self._stage_of("Growing branches", nodes, "tokens")

    def on_nodes(self, count: int) -> None:
        """After each step of the tree, with the number of nodes so far."""
        self._stage(count)

    def _announce(self, what: str) -> None:
        if self._bar is None:
            _say(self._console, what)

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
        _say(self._console, f"{count} of {self._total} {self._unit}, {speed:.1f} {self._unit}/s, at most {left:.0f} s left")


def print_summary(console: Console, trace: Trace, path: Path | None, size: int) -> None:
    """Tokens, time, certainty, the least certain lines, where the file is (None: it went to stdout), what to run next."""
    table = Table.grid(padding=(0, 2))
    found = make_review(trace)
    for name, said in _of_check(make_verdict(trace), found.checks[1:] if found else ()):
        table.add_row(name, said)
    for name, words in _of_scored(trace) if trace.files else _of_generated(trace):
        table.add_row(name, Text(words))
    if found is not None and found.decisions:
        for place, decision in enumerate(found.decisions[:_SHOWN_LINES]):
            for row, text in enumerate(_decision_texts(decision)):
                table.add_row("" if place or row else "decisions", text)
        if (more := found.found - _SHOWN_LINES) > 0:
            table.add_row("", Text(f"and {more:,} more", "dim"))
    else:
        for place, line in enumerate(_line_texts(trace)):
            table.add_row("" if place else "most surprising" if trace.files else "least certain", line)
    for note in trace.facts.notes:
        table.add_row("note", Text(visible_line(note)))
    table.add_row("trace", Text(f"{visible_line(str(path or 'standard output'))} ({file_size(size)})"))
    if path is not None:
        name = f"./{path}" if str(path).startswith("-") else str(path)  # no option
        table.add_row("next", Text(f"tokenscope-html {visible_line(shlex.quote(name))}"))
    console.print(table)


def _of_check(verdict: Verdict | None, others: Sequence[str]) -> Iterator[tuple[str, Text]]:
    """The verdict in its colour, what the check printed for the output, and other sentences about it."""
    if verdict is None:
        return
    yield "check", Text(verdict.sentence, _VERDICT_STYLES[verdict.key])
    for sentence in (*([f"It printed “{verdict.message}”."] if verdict.message else []), *others):
        yield "", Text(sentence)


def _of_generated(trace: Trace) -> Iterator[tuple[str, str]]:
    finish = _FINISHES[trace.facts.finish]
    left = len(trace.output) - len(kept_output(trace))
    behind = f" ({left:,} of them behind the program)" if left else ""
    yield "tokens", f"{len(trace.prompt):,} of prompt, {len(trace.output):,} of output{behind}; {finish}"
    for place, sentence in enumerate(warning_sentences(trace)):
        yield "" if place else "program", sentence
    yield "time", _times(trace)
    if trace.facts.tree is not None:
        yield "branches", _tree(trace, trace.facts.tree)
    kept = kept_output(trace)
    certain, measured = near_certain(trace.nodes.surprisal[kept])
    perplexed = decimal(perplexity(trace.nodes.logprob[kept]))
    yield (
        "certainty",
        f"{certain:,} of {measured:,} output tokens nearly certain (over 93 %), perplexity of the output {perplexed}",
    )


def _of_scored(trace: Trace) -> Iterator[tuple[str, str]]:
    seconds, files = trace.facts.clock.replay_seconds, len(trace.files)
    interrupted = "; interrupted" if trace.facts.finish == "interrupted" else ""
    yield "tokens", f"{len(trace.scored):,} in {'one file' if files == 1 else f'{files:,} files'}{interrupted}"
    if seconds is None:
        yield "time", _NOT_NOTED
    else:
        speed = f", {len(trace.scored) / seconds:.1f} tokens/s" if seconds > 0 else ""
        yield "time", f"{trace.facts.clock.load_seconds:.1f} s loading, {seconds:.1f} s scoring{speed}"
    found, measured = surprised(trace.nodes.surprisal[trace.scored])
    perplexed = decimal(perplexity(trace.nodes.logprob[trace.scored]))
    yield "surprise", f"{found:,} of {measured:,} tokens had a probability of a half or less, perplexity {perplexed}"
    if any(file.changed for file in trace.files):
        nodes = [node for file in trace.files for node in changed_nodes(file)]
        found, measured = surprised(trace.nodes.surprisal[nodes])
        lines = sum(changed_lines(file) for file in trace.files)
        yield "changed", f"{found:,} of {measured:,} tokens in {lines:,} changed line{'' if lines == 1 else 's'}"


def _times(trace: Trace) -> str:
    clock = trace.facts.clock
    seconds = clock.decode_seconds
    if seconds is None:
        return _NOT_NOTED
    speed = f", {len(trace.output) / seconds:.1f} tokens/s" if seconds > 0 else ""
    tree = "" if clock.tree_seconds is None else f", {clock.tree_seconds:.1f} s branches"
    return f"{clock.load_seconds:.1f} s loading, {clock.prefill_seconds:.1f} s prompt, {seconds:.1f} s output{speed}{tree}"


def _tree(trace: Trace, tree: TreeFacts) -> str:
    count, finish = len(trace.branches), str(tree.finish)
    if count == 0:
        return _NO_BRANCHES.get(finish, "none") if tree.nodes else "none"
    tokens = int(trace.branches.count.sum())
    rejoined = int((trace.branches.end == BranchEnd.REJOINED).sum())
    says = f"; {rejoined:,} of them come{'s' if rejoined == 1 else ''} back to the text they left" if rejoined else ""
    return (
        f"{count:,} branch{'' if count == 1 else 'es'}, {tokens:,} token{'' if tokens == 1 else 's'} "
        f"({_TREE_FINISHES[finish]}){says}{_price(tree, tokens, trace.facts.clock.tree_seconds)}"
    )


def _price(tree: TreeFacts, tokens: int, seconds: float | None) -> str:
    """What it took to compute branches one after the other, where they were; the note beside it says why."""
    if tree.engine not in ALONE or seconds is None or not tokens:
        return ""
    return f"; one after the other ({tree.engine}), {seconds / tokens:.2g} s a token"


def _decision_texts(decision: DecisionEntry) -> Iterator[Text]:
    """One decision in two lines: where and what was written; the most probable alternative with what it led to."""
    where = f", {decision.where}" if decision.where else ""
    written = f"line {decision.line}{where}: {shortened(_plain(decision), 40)} {decision.percent}"
    yield Text(written, no_wrap=True, overflow="ellipsis")
    if decision.options:
        best = decision.opened or decision.options[0]
        check = f", {best.check} the check" if best.check in ("passes", "fails") else ""
        against = f" against {best.against_percent}" if decision.is_elsewhere(best) else ""
        note = f"{best.note}: " if best.note else ""
        text = f"  or {note}{shortened(_plain(best), 40)} {best.percent}{against}: {best.outcome}{check}"
        yield Text(text, "dim", no_wrap=True, overflow="ellipsis")


def _plain(part: DecisionEntry | OptionEntry) -> str:
    """What was written or could have been, without the signs of the spaces at its ends."""
    text = part.written if isinstance(part, DecisionEntry) else part.text
    return text.strip("·") or text


def _line_texts(trace: Trace) -> list[Text]:
    texts = []
    kept = None if trace.files else set(kept_output(trace).tolist())
    lines = (line for line in least_certain_lines(trace) if kept is None or line.node in kept)
    for line in islice(lines, _SHOWN_LINES):
        where = f"{shortened(visible_line(line.file), 40)} line" if line.file and len(trace.files) > 1 else "line"
        changed = " (changed)" if line.changed else ""
        text = Text(
            f"{where} {line.number}{changed}, {line.bits:.1f} bits: {shortened(visible_line(line.text.strip()), 48)}"
        )
        own = _token(trace.token_bytes(line.node), int(trace.nodes.token_id[line.node]))
        chance = percent(math.exp(float(trace.nodes.logprob[line.node])))
        other = best_other(trace, line.node)
        if other is not None:
            word = "expected" if trace.files and int(trace.nodes.rank[line.node]) > 1 else "or"
            text.append(
                f"  ({own} {chance}, {word} {_token(trace.bytes_of(other[0]), other[0])} {percent(other[1])})", "dim"
            )
        texts.append(text)
    return texts


def _token(content: bytes, token_id: int) -> str:
    """A token without the spaces at its ends, where it has more than these."""
    return shortened(visible_line(content.strip(b" ")) or visible_token(content), 24) if content else f"id {token_id}"
