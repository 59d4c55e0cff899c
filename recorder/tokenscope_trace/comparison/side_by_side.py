"""Two recordings side by side: where they part, which lines differ, which decisions fell otherwise, what the models found
more surprising. Two Traces in, plain data out; knows no markup.

Programs are aligned by lines, numbers by bytes: a token of one is compared with a token of the other only where both hold the same
bytes of a line that is equal in both; where tokenizers differ, statements are compared by the shares of their tokens.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.analysis.uncertainty import perplexity
from tokenscope_trace.errors import TraceError
from tokenscope_trace.reports.decision_entries import DecisionEntry
from tokenscope_trace.reports.provenance import fact_rows, settings_text
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.text import decimal, percent, shortened, visible_line, visible_text, visible_token
from tokenscope_trace.traces.schema import Origin
from tokenscope_trace.traces.syntax import Span, aggregate, lines_of
from tokenscope_trace.traces.trace import Trace

DOUBTFUL = (
    "So the outputs are answers to different questions: where they part and what moved tells of the prompts as much as of models "
    "and settings."
)
_SETTINGS = (
    "computed",
    "weights",
    "tokenizer",
    "stop",
    "context",
    "compared with",
    "tree",
    "check",
    "libraries",
    "written by",
)
_LISTS = ("computed", "tree", "libraries")
CONTEXT = 3  # equal lines beside a different one
ROWS = 2000
WIDTH = 160
LISTED_SHIFTS = 12
_ALIGNED = 20_000  # lines
_PAIRS = 4_000_000  # of equal lines
_WORDS = 2000  # characters of a line that are compared word by word
MOVED = 1.0  # bits: a change that is worth a line


@dataclass(frozen=True)
class Side:
    """One recording, in words."""

    letter: str
    name: str  # of the trace's file, without folders; empty where it has none
    source: str
    model: str
    recorded: str
    settings: str
    tokens: str
    perplexity: str
    bits: str


@dataclass(frozen=True)
class LinePair:
    """Lines beside each other: `kind` is same, changed, only-a or only-b. `step` is the change in bits in steps from -3 to 3, 0 for
    little or none; `before` says how many equal lines are left out above.
    """

    kind: str
    number_a: str
    text_a: str
    bits_a: str
    number_b: str
    text_b: str
    bits_b: str
    change: str
    step: int
    before: int = 0


@dataclass(frozen=True)
class Flip:
    """A decision of one recording that fell otherwise in the other: `foreseen` is how likely the first held what the other wrote."""

    letter: str
    number: int
    line: int
    where: str
    written: str
    percent: str
    other_line: int
    instead: str
    foreseen: str


@dataclass(frozen=True)
class Shift:
    """A token, or a statement, that stands in both, and its surprisal in each."""

    line: int
    text: str
    bits_a: str
    bits_b: str
    change: str
    step: int


@dataclass(frozen=True)
class FileLines:
    """The rows of one text."""

    source: str
    rows: tuple[LinePair, ...]
    left_out: int


@dataclass(frozen=True)
class SideBySide:
    """All that is said of two recordings; `moved_what` is tokens or statements."""

    title: str
    headline: str
    sentences: tuple[str, ...]
    sides: tuple[Side, Side]
    flips: tuple[Flip, ...]
    moved: tuple[Shift, ...]
    moved_what: str
    files: tuple[FileLines, ...]
    differing: tuple[tuple[str, str, str], ...]  # (what, in A, in B) of how they were recorded
    warning: str  # what makes the comparison doubtful; empty for nothing


def compare(a: Trace, b: Trace, title: str | None = None, names: tuple[str, str] = ("", "")) -> SideBySide:
    """What two recordings differ in; `names` are those of their files.

    Raises TraceError where there is nothing that both are about: generated and scored code, or files of other names.
    """
    if bool(a.files) != bool(b.files):
        raise TraceError("one of the traces is of generated and the other of existing code; compare two of one sort.")
    pairs = _pairs(a, b)
    if not pairs:
        raise TraceError("the traces are of files of other names; compare two of the same files.")
    same = _same_tokenizer(a, b)
    moved = sorted((m for pair in pairs for m in pair.moved(tokens=same)), key=lambda m: -abs(m[0]))
    flips = [flip for letter in "AB" for flip in _flips(a, b, pairs[0], letter)] if not a.files else []
    source = visible_line(pairs[0].source)
    asked_otherwise = not a.files and _prompt(a) != _prompt(b)
    return SideBySide(
        title=visible_line(title) if title else f"{source}, two recordings",
        headline="The prompts differ." if asked_otherwise else _headline(pairs),
        sentences=(*([DOUBTFUL, _headline(pairs)] if asked_otherwise else []), *_sentences(a, b, pairs, same=same)),
        sides=(_side(a, "A", names[0]), _side(b, "B", names[1])),
        flips=tuple(flips),
        moved=tuple(row for _, row in moved[:LISTED_SHIFTS]),
        moved_what="tokens" if same else "statements",
        files=tuple(pair.file() for pair in pairs),
        differing=tuple(_differing(a, b)),
        warning=f"The prompts differ. {DOUBTFUL}" if asked_otherwise else "",
    )


def _prompt(trace: Trace) -> list[tuple[str, bytes]]:
    """What was asked, by role, without what a template puts around it."""
    parts: dict[str, bytes] = {}
    for part in trace.facts.prompt.segments:
        if part.role != "control":
            parts[part.role] = parts.get(part.role, b"") + trace.text(np.arange(part.first, part.end), special=False)
    return sorted((role, text.strip()) for role, text in parts.items())


def _differing(a: Trace, b: Trace) -> Iterator[tuple[str, str, str]]:
    """How they were recorded otherwise, beside model and decoding."""
    one, two = (dict(_recorded(trace)) for trace in (a, b))
    for name in dict.fromkeys([*one, *two]):
        parts = [side.get(name, "").split(", ") if name in _LISTS else [side.get(name, "")] for side in (one, two)]
        a_only, b_only = ([part for part in own if part not in other] for own, other in (parts, parts[::-1]))
        if a_only or b_only:
            yield name, ", ".join(a_only) or "–", ", ".join(b_only) or "–"


def _recorded(trace: Trace) -> Iterator[tuple[str, str]]:
    for name, words in fact_rows(trace.facts):
        if name in _SETTINGS:
            yield name, re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", words)
    limit = trace.facts.sampling.max_new_tokens
    if limit is not None and not trace.files:
        yield "limit", f"{limit:,} tokens"


def _pairs(a: Trace, b: Trace) -> list[_Pair]:
    if not a.files:
        return [_Pair(a, 0, b, 0, a.facts.prompt.source or "-")]
    places = {file.source: place for place, file in enumerate(b.files)}
    return [_Pair(a, i, b, places[f.source], f.source) for i, f in enumerate(a.files) if f.source in places]


def _same_tokenizer(a: Trace, b: Trace) -> bool:
    one, two = (trace.facts.model.tokenizer_sha256 for trace in (a, b))
    return one is not None and one == two


class _Text:
    """One text of a trace: its bytes, lines and tokens."""

    def __init__(self, trace: Trace, number: int) -> None:
        self.trace, self.text = trace, trace.texts[number]
        self.nodes, self.bytes, self.places = self.text.nodes, self.text.bytes, self.text.places
        self.lines = lines_of(self.bytes)
        self.surprisal: NDArray[np.float32] = trace.nodes.surprisal

    @cached_property
    def line_texts(self) -> list[bytes]:
        """The lines without their breaks."""
        return [self.bytes[line.start : line.end].rstrip(b"\r\n") for line in self.lines]

    def bits(self, span: Span) -> float:
        """The surprisal of a span, bits; NaN where nothing is measured."""
        nodes, shares = self.places.within(span.start, span.end)
        return aggregate(self.surprisal[nodes], shares).sum

    def line_at(self, byte: int) -> int:
        """The line of a byte, from 0."""
        return int(np.searchsorted(self._breaks, byte))

    @cached_property
    def _breaks(self) -> NDArray[np.int64]:
        """Where line breaks stand."""
        return np.flatnonzero(np.frombuffer(self.bytes, np.uint8) == 10)

    def token_at(self, byte: int) -> int:
        """The node whose token holds a byte, -1 for none."""
        nodes, _ = self.places.within(byte, byte + 1)
        return int(nodes[0]) if len(nodes) else -1


class _Pair:
    """Two texts, aligned by lines."""

    def __init__(self, a: Trace, number_a: int, b: Trace, number_b: int, source: str) -> None:
        self.a, self.b, self.source = _Text(a, number_a), _Text(b, number_b), source
        self.blocks = _aligned(self.a.line_texts, self.b.line_texts)
        equal = [(a1, a2, b1) for kind, a1, a2, b1, _ in self.blocks if kind == "equal"]
        self.equal = [  # (first byte in A, the byte after it, how far it stands from there in B)
            (self.a.lines[a1].start, self.a.lines[a2 - 1].end, self.b.lines[b1].start - self.a.lines[a1].start)
            for a1, a2, b1 in equal
        ]

    @property
    def is_equal(self) -> bool:
        """Whether both are the same text."""
        return self.a.bytes == self.b.bytes

    @property
    def parts(self) -> int:
        """The first byte in which they differ."""
        one, two = self.a.bytes, self.b.bytes
        return next((i for i, (x, y) in enumerate(zip(one, two, strict=False)) if x != y), min(len(one), len(two)))

    def changed_line(self, line: int, letter: str) -> int | None:
        """Of a line of A or B, from 0, that is written otherwise in the other, that line; None for any other line."""
        for kind, a1, a2, b1, b2 in self.blocks:
            first, end, other, stop = (a1, a2, b1, b2) if letter == "A" else (b1, b2, a1, a2)
            if first <= line < end and kind == "replace" and other + line - first < stop:
                return other + line - first
        return None

    def file(self) -> FileLines:
        """The rows: different lines with what is around them, or all of a short text."""
        rows = list(self._rows())
        near = {
            n
            for place, row in enumerate(rows)
            if row.kind != "same" or row.step
            for n in range(place - CONTEXT, place + CONTEXT + 1)
        }
        kept, last = [], -1
        for place, row in enumerate(rows):
            if place in near or len(rows) <= 60:
                kept.append(row if place == last + 1 else _with_gap(row, place - last - 1))
                last = place
        return FileLines(visible_line(self.source), tuple(kept[:ROWS]), len(rows) - len(kept[:ROWS]))

    def _rows(self) -> Iterator[LinePair]:
        for kind, a1, a2, b1, b2 in self.blocks:
            for k in range(max(a2 - a1, b2 - b1)):
                i, j = (a1 + k if a1 + k < a2 else None), (b1 + k if b1 + k < b2 else None)
                what = (
                    "same"
                    if kind == "equal"
                    else "changed"
                    if i is not None and j is not None
                    else "only-a"
                    if j is None
                    else "only-b"
                )
                yield _row(what, self.a, i, self.b, j)

    def moved(self, *, tokens: bool) -> Iterator[tuple[float, Shift]]:
        """(change in bits, the row) of each token or statement that stands in both and moved."""
        for span in self._spans(tokens=tokens):
            shift = self._shift(span)
            if shift is None:
                continue
            other = Span(span.start + shift, span.end + shift, span.kind, -1)
            if tokens and not self._is_token(other):
                continue
            before, after = self.a.bits(span), self.b.bits(other)
            if abs(after - before) >= MOVED:
                text = self.a.bytes[span.start : span.end]
                shown = visible_token(text) if tokens else shortened(visible_line(text.split(b"\n")[0]), 60)
                line = self.a.line_at(span.start + len(text) - len(text.lstrip())) + 1
                yield (
                    after - before,
                    Shift(line, shown, decimal(before), decimal(after), _signed(after - before), _step(after - before)),
                )

    def _spans(self, *, tokens: bool) -> list[Span]:
        if not tokens:
            return self.a.text.spans("statement") or self.a.lines
        return [Span(int(s), int(e), "", -1) for s, e in zip(self.a.places.start, self.a.places.end, strict=True) if e > s]

    def _is_token(self, span: Span) -> bool:
        place = int(np.searchsorted(self.b.places.start, span.start, side="right")) - 1
        return bool(place >= 0 and self.b.places.start[place] == span.start and self.b.places.end[place] == span.end)

    def _shift(self, span: Span) -> int | None:
        """How far a span of A stands from the same bytes in B; None where they are not there."""
        place = bisect_right(self.equal, span.start, key=lambda block: block[0]) - 1
        if place < 0 or span.end > self.equal[place][1]:
            return None
        shift = self.equal[place][2]
        same = self.a.bytes[span.start : span.end] == self.b.bytes[span.start + shift : span.end + shift]
        return shift if same else None


def _aligned(a: Sequence[bytes], b: Sequence[bytes]) -> Sequence[tuple[str, int, int, int, int]]:
    """Opcodes as difflib has them. Where very many lines are alike, those that occur most are no anchors (its `autojunk`); where even
    that would take hours, only what both begin and end with is.
    """
    others = Counter(b)
    pairs = sum(count * others[line] for line, count in Counter(a).items())
    if max(len(a), len(b)) <= _ALIGNED:
        return difflib.SequenceMatcher(None, a, b, autojunk=pairs > _PAIRS).get_opcodes()
    shorter = min(len(a), len(b))
    head = next((i for i in range(shorter) if a[i] != b[i]), shorter)
    tail = next((i for i in range(shorter - head) if a[-1 - i] != b[-1 - i]), shorter - head)
    ends = (head, len(a) - tail, head, len(b) - tail)
    kind = "replace" if ends[0] < ends[1] and ends[2] < ends[3] else "delete" if ends[0] < ends[1] else "insert"
    blocks = [("equal", 0, head, 0, head), (kind, *ends), ("equal", ends[1], len(a), ends[3], len(b))]
    return [block for block in blocks if block[1] < block[2] or block[3] < block[4]]


def _row(kind: str, a: _Text, i: int | None, b: _Text, j: int | None) -> LinePair:
    bits_a = float("nan") if i is None else a.bits(a.lines[i])
    bits_b = float("nan") if j is None else b.bits(b.lines[j])
    change = bits_b - bits_a if kind == "same" else float("nan")
    return LinePair(
        kind=kind,
        number_a="" if i is None else f"{i + 1:,}",
        text_a="" if i is None else shortened(visible_text(a.line_texts[i]), WIDTH),
        bits_a="" if i is None else decimal(bits_a),
        number_b="" if j is None else f"{j + 1:,}",
        text_b="" if j is None else shortened(visible_text(b.line_texts[j]), WIDTH),
        bits_b="" if j is None else decimal(bits_b),
        change="" if np.isnan(change) else _signed(change),
        step=0 if np.isnan(change) else _step(change),
    )


def _with_gap(row: LinePair, before: int) -> LinePair:
    return LinePair(**{**vars(row), "before": before})


def _flips(a: Trace, b: Trace, pair: _Pair, letter: str) -> Iterator[Flip]:
    """The decisions of one side in whose place the other wrote something else."""
    found = make_review(a if letter == "A" else b)
    own, other = (pair.a, pair.b) if letter == "A" else (pair.b, pair.a)
    for decision in found.decisions if found else ():
        line = pair.changed_line(decision.line - 1, letter)
        if line is None:
            continue
        before, after = (visible_line(text[:_WORDS]) for text in (own.line_texts[decision.line - 1], other.line_texts[line]))
        instead = in_place(before, decision.written.removesuffix(" …"), after)
        if instead is not None:
            yield _flip(letter, decision, line + 1, instead)


def _flip(letter: str, decision: DecisionEntry, line: int, instead: str) -> Flip:
    foreseen = next((option.percent for option in decision.options if option.text.removesuffix(" …") == instead), "")
    return Flip(
        letter,
        decision.number,
        decision.line,
        decision.where,
        decision.written,
        decision.percent,
        line,
        shortened(instead, 60),
        foreseen,
    )


def in_place(before: str, written: str, after: str) -> str | None:
    """What stands in line `after` where `written` stands in line `before`, word by word; None where it is the same, or not there."""
    at = before.find(written)
    if at < 0 or not written.strip():
        return None
    lead, trail = before[:at], before[at + len(written) :]
    if after.startswith(lead) and after.endswith(trail) and len(after) >= len(lead) + len(trail):
        instead = after[at : len(after) - len(trail)].strip()
        return None if instead == written.strip() else instead
    one, two = (re.findall(r"\w+|\s+|[^\w\s]", line) for line in (before, after))
    ends = np.cumsum([0, *map(len, one)])
    first = int(np.searchsorted(ends, at, side="right")) - 1
    last = int(np.searchsorted(ends, at + len(written), side="left"))
    found: list[str] = []
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        low, high = max(a1, first), min(a2, last)
        if kind == "equal" and low < high:
            found += two[b1 + low - a1 : b1 + high - a1]
        elif kind != "equal" and (low < high or first < a1 == a2 < last):
            found += two[b1:b2]
    instead = "".join(found).strip()
    return None if instead == written.strip() else instead


def _headline(pairs: Sequence[_Pair]) -> str:
    differ = [pair for pair in pairs if not pair.is_equal]
    if not differ:
        return "Both recordings are of the same text." if len(pairs) == 1 else "Both recordings are of the same files."
    line = differ[0].a.line_at(differ[0].parts) + 1
    if len(pairs) > 1:
        return f"{len(differ):,} of {len(pairs):,} files differ."
    return f"The recordings part on line {line:,}."


def _sentences(a: Trace, b: Trace, pairs: Sequence[_Pair], *, same: bool) -> Iterator[str]:
    if not a.files and not pairs[0].is_equal:
        yield from _parting(pairs[0], same=same)
    if same:
        yield "Both have the same tokenizer, so tokens are compared with tokens."
    else:
        yield "Their tokenizers differ or are not known to be the same, so lines and statements are compared: sums of surprisal over the same bytes."
    missing = {file.source for file in a.files} ^ {file.source for file in b.files}
    if missing:
        yield f"{len(missing):,} file{'' if len(missing) == 1 else 's'} of only one of them {'is' if len(missing) == 1 else 'are'} left out."


def _parting(pair: _Pair, *, same: bool) -> Iterator[str]:
    """What each wrote where the texts part, and how likely the first held what the second wrote."""
    one, two = pair.a.token_at(pair.parts), pair.b.token_at(pair.parts)
    words = [
        f"{letter} wrote “{visible_token(side.trace.token_bytes(node))}” ({percent(float(side.trace.nodes.probability[node]))})"
        for letter, side, node in (("A", pair.a, one), ("B", pair.b, two))
        if node >= 0 and side.trace.nodes.origin[node] == Origin.MAIN
    ]
    if words:
        yield "There " + ", ".join(words) + "."
    if same and len(words) == 2:
        rows = pair.a.trace.alternatives_of(one)
        ids = pair.a.trace.alternatives.token_id[rows].tolist()
        token = int(pair.b.trace.nodes.token_id[two])
        if token in ids:
            p = float(np.exp(pair.a.trace.alternatives.logprob[rows][ids.index(token)]))
            yield f"A gave B's choice {percent(p)}."


def _side(trace: Trace, letter: str, name: str) -> Side:
    nodes = trace.scored if trace.files else trace.output
    return Side(
        letter=letter,
        name=visible_line(name),
        source=visible_line(trace.facts.prompt.source or "-"),
        model=visible_line(trace.facts.model.id or "unnamed model"),
        recorded=re.sub(
            r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ$",
            r"\1 \2 UTC",
            visible_line(trace.facts.clock.created or ""),
        ),
        settings="scored" if trace.files else settings_text(trace.facts.sampling),
        tokens=f"{len(nodes):,}",
        perplexity=decimal(perplexity(trace.nodes.logprob[nodes])),
        bits=decimal(float(np.nansum(trace.nodes.surprisal[nodes], dtype=np.float64))),
    )


def _step(change: float) -> int:
    size = sum(abs(change) >= edge for edge in (1.0, 4.0, 12.0))
    return size if change > 0 else -size


def _signed(change: float) -> str:
    return "0" if abs(change) < 0.005 else f"{change:+,.2f}".replace("-", "−")
