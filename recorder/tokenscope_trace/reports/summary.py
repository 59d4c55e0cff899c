"""The summary of a recording as plain data: what was run, what shaped the code, how sure the model was and where least.

Knows numbers and sentences, no markup. The page shows this summary with and without scripts, so it is computed here only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from tokenscope_trace.analysis.uncertainty import (
    UNCERTAIN,
    changed_lines,
    changed_nodes,
    is_changed,
    least_certain_lines,
    near_certain,
    others,
    perplexity,
    ranked_files,
    surprised,
)
from tokenscope_trace.reports.check_verdict import Verdict, make_verdict
from tokenscope_trace.reports.code import kept_output
from tokenscope_trace.reports.excerpts import (
    ExcerptPart,
    ExcerptRow,
    capped,
    excerpt,
    excerpt_parts,
    excerpt_rows,
    numbered_rows,
)
from tokenscope_trace.reports.program_words import (
    ENDED_EARLY,
    finish_sentences,
    state_sentences,
    warning_sentences,
)
from tokenscope_trace.reports.provenance import fact_rows, settings_text
from tokenscope_trace.reports.review import Review, make_review
from tokenscope_trace.text import deceptive, decimal, percent, shortened, visible_line, visible_token
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.schema import METRICS, SURPRISAL_EDGES, Origin
from tokenscope_trace.traces.texts import Text
from tokenscope_trace.traces.trace import Trace

LISTED_PLACES = 8
LONGEST_NAME = 300  # signs of a file, a title or a model
LONGEST_NOTE = 2000
FILES_LISTED = 100
FILES_SHOWN = 10  # with an excerpt

_NAMES = frozenset({"same", "renamed"})  # outcomes that change nothing else
_WORDING = _NAMES | {"unknown"}  # prose has no outcome


@dataclass(frozen=True)
class Alternative:
    """Another token that was likely, in visible form."""

    token: str
    percent: str


@dataclass(frozen=True)
class UncertainPlace:
    """One of the least certain tokens. `bucket` is its step on the surprisal scale, 0 to 5."""

    node: int
    line: int
    token: str
    surprisal: str
    probability: str
    bucket: int
    instead: tuple[Alternative, ...]
    file: str = ""
    changed: bool = False
    expected: bool = False


@dataclass(frozen=True)
class FileSummary:
    """A scored file: its figures, and its first rows, the changed ones with their context before all others."""

    source: str
    changed: str
    tokens: str
    bits: str
    perplexity: str
    rows: tuple[ExcerptRow, ...]
    left_out: int


@dataclass(frozen=True)
class Summary:
    """All that the summary says, as strings in the order of the page; of scored code it has `files` and no output. Where there is a verdict
    of the check, that is the headline.
    """

    title: str
    source: str
    model: str
    settings: str
    extent: str
    headline: str
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    places: tuple[UncertainPlace, ...]
    before: str
    before_left_out: int
    output: tuple[ExcerptPart, ...]
    output_left_out: int
    after: str
    after_left_out: int
    columns: tuple[str, ...]
    numbers: tuple[tuple[str, ...], ...]
    definitions: tuple[tuple[str, str, str], ...]
    facts: tuple[tuple[str, str], ...]
    files: tuple[FileSummary, ...] = ()
    files_left_out: int = 0
    review: Review | None = None
    verdict: Verdict | None = None
    warnings: tuple[str, ...] = ()  # those of the sentences that say what is the matter with the output
    warning: str = ""  # of characters that do not show as what they are
    line: int = 1  # of the first line of `before`
    output_line: int = 1
    after_line: int = 1

    @property
    def before_rows(self) -> list[ExcerptRow]:
        """The lines before the output with their numbers."""
        return numbered_rows([ExcerptPart(self.before)], self.line)

    @property
    def output_rows(self) -> list[ExcerptRow]:
        """Those of the output; its first one may be the prompt's last."""
        return numbered_rows(self.output, self.output_line)

    @property
    def after_rows(self) -> list[ExcerptRow]:
        """Those behind it."""
        return numbered_rows([ExcerptPart(self.after)], self.after_line)


def summarise(trace: Trace, title: str | None = None) -> Summary:
    """The summary of a trace; `title` replaces the prompt's file name as the title."""
    if trace.files:
        return _summarise_scored(trace, title)
    path = trace.texts[0].nodes
    is_prompt = trace.nodes.origin[path] == Origin.PROMPT
    written, prompt, output = path[~is_prompt], path[is_prompt], kept_output(trace)
    line_of = trace.texts[0].line_of
    places = tuple(_place(trace, node, line_of[node]) for node in _least_certain(trace, output))
    source = _name(trace.facts.prompt.source or "-")
    source = "standard input" if source == "-" else source
    first_output = int(np.argmin(is_prompt)) if len(written) else len(path)
    last_output = first_output + len(written)
    prefix, suffix = trace.program_bytes(path[:first_output]), trace.program_bytes(path[last_output:])
    before, before_left_out = excerpt(prefix, last=True)
    after, after_left_out = excerpt(suffix, last=False)
    shown, output_left_out = capped(trace, output)
    found = make_review(trace)
    certain = _headline(trace, output)
    decided = _decided(found)
    verdict = make_verdict(trace)
    output_line = 1 + prefix.count(b"\n")
    return Summary(
        title=_name(title) if title else source,
        source=source,
        model=_name(trace.facts.model.id or "unnamed model"),
        settings=settings_text(trace.facts.sampling),
        extent=_tokens(len(output)),
        headline=verdict.headline if verdict else decided or certain,
        sentences=(
            *([decided] if verdict and decided else []),
            *state_sentences(trace),
            *([certain] if verdict or decided else []),
            *_sentences(trace, output),
        ),
        notes=tuple(shortened(visible_line(note), LONGEST_NOTE) for note in trace.facts.notes),
        places=places,
        before=before,
        before_left_out=before_left_out,
        output=tuple(excerpt_parts(trace, shown, {place.node for place in places})),
        output_left_out=output_left_out,
        after=after,
        after_left_out=after_left_out,
        columns=("prompt", "output"),
        numbers=tuple(_numbers(trace, prompt, output)),
        definitions=tuple(_definitions(trace)),
        facts=tuple(fact_rows(trace.facts)),
        review=found,
        verdict=verdict,
        warnings=tuple(warning_sentences(trace)),
        warning=deceptive([trace.texts[0].bytes]),
        line=output_line - before.count("\n"),
        output_line=output_line,
        after_line=1 + trace.programs.main.text.count(b"\n", 0, trace.programs.main.written),
    )


def _name(text: str) -> str:
    return shortened(visible_line(text[: 4 * LONGEST_NAME]), LONGEST_NAME)


def _summarise_scored(trace: Trace, title: str | None) -> Summary:
    """The summary of code that the model did not write."""
    files = ranked_files(trace)
    changed = np.concatenate([changed_nodes(file) for file in files])
    rest = np.setdiff1d(trace.scored, changed)
    places = tuple(
        _scored_places(trace, files, [*_least_certain(trace, changed), *_least_certain(trace, rest)][:LISTED_PLACES])
    )
    marked = {place.node for place in places}
    shown = [_file(trace, file, marked if i < FILES_SHOWN else None) for i, file in enumerate(files[:FILES_LISTED])]
    name = _name(files[0].source)
    source = name if len(files) == 1 else f"{name} and {len(files) - 1} more"
    revision = trace.facts.score.revision if trace.facts.score is not None else None
    return Summary(
        title=_name(title) if title else source,
        source=source,
        model=_name(trace.facts.model.id or "unnamed model"),
        settings="scored" if revision is None else visible_line(f"scored, changes since {revision}"),
        extent=f"{_tokens(len(trace.scored))} in {_files(len(files))}",
        headline=_surprise(trace, files, changed),
        sentences=tuple(_scored_sentences(trace, files, changed)),
        notes=tuple(shortened(visible_line(note), LONGEST_NOTE) for note in trace.facts.notes),
        places=places,
        before="",
        before_left_out=0,
        output=(),
        output_left_out=0,
        after="",
        after_left_out=0,
        columns=("changed", "unchanged") if len(changed) else ("code",),
        numbers=tuple(_numbers(trace, changed, rest) if len(changed) else _numbers(trace, rest)),
        definitions=tuple(_definitions(trace)),
        facts=tuple(fact_rows(trace.facts)),
        files=tuple(shown),
        files_left_out=len(files) - len(shown),
        warning=deceptive(file.bytes for file in files),
    )


def _scored_places(trace: Trace, files: list[Text], nodes: list[int]) -> Iterator[UncertainPlace]:
    for node in nodes:
        file = next(file for file in files if file.nodes[0] <= node <= file.nodes[-1])
        line = file.line_of[node]
        place = _place(trace, node, line)
        expected = int(trace.nodes.rank[node]) > 1
        name = visible_line(file.source) if len(files) > 1 else ""
        yield replace(place, file=name, changed=is_changed(file, line), expected=expected)


def _file(trace: Trace, file: Text, marked: set[int] | None) -> FileSummary:
    """A file's figures; with an excerpt that marks some tokens, where they are not None."""
    surprisal = trace.nodes.surprisal[file.nodes]
    found, left_out = (
        ([], 0) if marked is None else excerpt_rows(excerpt_parts(trace, file.nodes, marked), partial(is_changed, file))
    )
    return FileSummary(
        source=_name(file.source),
        changed="–" if file.changed is None else f"{changed_lines(file):,}",
        tokens=f"{len(file.nodes):,}",
        bits=decimal(float(np.nansum(surprisal, dtype=np.float64))),
        perplexity=decimal(perplexity(trace.nodes.logprob[file.nodes])),
        rows=tuple(found),
        left_out=left_out,
    )


def _surprise(trace: Trace, files: list[Text], changed: Array) -> str:
    """How much surprised the model, in one sentence: of the changed lines where there are such, else of all."""
    nodes = changed if len(changed) else trace.scored
    found, measured = surprised(trace.nodes.surprisal[nodes])
    where = f"the {_changed_lines(files)}" if len(changed) else _files(len(files))
    if measured == 0:
        return f"{_tokens(len(nodes))} in {where}; how surprising they are is not measured."
    return f"The model was surprised by {f'{found:,}' if found else 'none'} of {_tokens(measured)} in {where}."


def _changed_lines(files: list[Text]) -> str:
    count = sum(changed_lines(file) for file in files)
    return "changed line" if count == 1 else f"{count:,} changed lines"


def _scored_sentences(trace: Trace, files: list[Text], changed: Array) -> Iterator[str]:
    """What the changed lines have in bits and where most of it stands, then the same of all that was read."""
    if len(changed):
        first = next(iter(least_certain_lines(trace, 1)), None)
        bits = decimal(float(np.nansum(trace.nodes.surprisal[changed], dtype=np.float64)))
        lines_in_words = _changed_lines(files)
        alone = lines_in_words == "changed line"
        yield f"The {lines_in_words} {'has' if alone else 'have'} {bits} bits."
        if first is not None and first.changed and not alone:
            where = f"{visible_line(first.file)}, line" if first.file and len(files) > 1 else "line"
            text = shortened(visible_line(first.text.strip()), 60)
            yield f"The most surprising of them is {where} {first.number:,} with {decimal(first.bits)}: “{text}”."
    yield "Surprised means a surprisal of 1 bit or more: a probability of a half or less."
    perplexed = decimal(perplexity(trace.nodes.logprob[trace.scored]))
    if len(changed):
        found, measured = surprised(trace.nodes.surprisal[trace.scored])
        where = "the whole file" if len(files) == 1 else f"all {len(files):,} files"
        yield f"In {where} that is so for {found:,} of {_tokens(measured)}; the perplexity is {perplexed}."
    else:
        yield f"The perplexity of the code is {perplexed}."
    if trace.facts.finish == "interrupted":
        yield ENDED_EARLY


def _least_certain(trace: Trace, nodes: Array) -> list[int]:
    """The nodes with most surprisal, if it is UNCERTAIN or more."""
    surprisal = trace.nodes.surprisal[nodes]
    candidates = np.flatnonzero(surprisal >= UNCERTAIN)
    found: list[int] = nodes[candidates[np.argsort(-surprisal[candidates], kind="stable")][:LISTED_PLACES]].tolist()
    return found


def _place(trace: Trace, node: int, line: int) -> UncertainPlace:
    surprisal = float(trace.nodes.surprisal[node])
    return UncertainPlace(
        node=node,
        line=line,
        token=visible_token(trace.token_bytes(node)),
        surprisal=decimal(surprisal, "bits"),
        probability=percent(float(trace.nodes.probability[node])),
        bucket=int(np.searchsorted(SURPRISAL_EDGES, surprisal, side="right")),
        instead=tuple(_instead(trace, node)),
    )


def _instead(trace: Trace, node: int) -> Iterator[Alternative]:
    """The two most probable tokens beside the one that stands there."""
    for token_id, p in islice(others(trace, node), 2):
        yield Alternative(visible_token(trace.bytes_of(token_id)), percent(p))


def _decided(found: Review | None) -> str:
    """How many decisions the page opens on, in one sentence; empty where there is none."""
    if found is None or not found.decisions:
        return ""
    count = len(found.decisions)
    keys = {option.key for decision in found.decisions for option in decision.options if option.branch >= 0}
    if keys and all(decision.taste for decision in found.decisions):
        if keys <= _NAMES:
            return "What else was likely would have changed names and notation, nothing more."
        if keys <= _WORDING:
            return f"{'One decision' if count == 1 else f'{count} decisions'} about names and wording, none about more."
    if found.found > count:
        return f"{count} of {found.found:,} decisions shaped this code most."
    return "One decision shaped this code." if count == 1 else f"{count} decisions shaped this code."


def _headline(trace: Trace, output: Array) -> str:
    if len(output) == 0:
        return "The model wrote nothing."
    certain, measured = near_certain(trace.nodes.surprisal[output])
    if measured == 0:
        return f"The model wrote {_tokens(len(output))}; how sure it was is not measured."
    which = "that can be read" if trace.facts.redacted else "it wrote"
    if measured == 1:
        return f"The model was {'nearly certain' if certain else 'not certain'} of the one token {which}."
    amount = "all" if certain == measured else "none" if certain == 0 else f"{certain:,}"
    return f"The model was nearly certain of {amount} of the {measured:,} tokens {which}."


def _sentences(trace: Trace, output: Array) -> Iterator[str]:
    logprob = trace.nodes.logprob[output]
    if np.any(~np.isnan(logprob)):
        yield f"Nearly certain means a probability above 93 %. The perplexity of the output is {decimal(perplexity(logprob))}."
    yield from finish_sentences(trace)


def _numbers(trace: Trace, *columns: Array) -> Iterator[tuple[str, ...]]:
    """Rows of a name and one figure for each of some sets of nodes."""

    def row(name: str, tell: Callable[[Array], str]) -> tuple[str, ...]:
        return name, *(tell(nodes) for nodes in columns)

    def reduced(values: Array, reduce: Callable[[Array], Any]) -> Callable[[Array], str]:
        def tell(nodes: Array) -> str:
            measured = values[nodes][~np.isnan(values[nodes])].astype(np.float64)
            return decimal(float(reduce(measured)) if len(measured) else float("nan"), "bits")

        return tell

    surprisal, entropy, logprob = trace.nodes.surprisal, trace.nodes.entropy, trace.nodes.logprob
    yield row("tokens", lambda nodes: f"{len(nodes):,}")
    yield row("measured", lambda nodes: f"{np.count_nonzero(~np.isnan(surprisal[nodes])):,}")
    yield row("perplexity", lambda nodes: decimal(perplexity(logprob[nodes])))
    yield row("surprisal, mean", reduced(surprisal, np.mean))
    yield row("surprisal, median", reduced(surprisal, np.median))
    yield row("surprisal, largest", reduced(surprisal, np.max))
    yield row("surprisal, sum", reduced(surprisal, np.sum))
    yield row("entropy, mean", reduced(entropy, np.mean))


def _definitions(trace: Trace) -> Iterator[tuple[str, str, str]]:
    """Rows of (name, unit, definition): our own of each number that we know, and what the trace says of others, as its words."""
    for name, metric in trace.metrics.items():
        if name in METRICS:
            yield name, METRICS[name].unit, METRICS[name].definition
        elif isinstance(metric, dict):
            unit, definition = (visible_line(str(metric.get(key) or "")) for key in ("unit", "definition"))
            yield _name(name), _name(unit), f"in the recording's words: “{shortened(definition, LONGEST_NOTE)}”"


def _tokens(count: int) -> str:
    return f"{count:,} token{'' if count == 1 else 's'}"


def _files(count: int) -> str:
    return "one file" if count == 1 else f"{count:,} files"
