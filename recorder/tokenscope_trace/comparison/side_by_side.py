"""Two recordings side by side: where they part, which lines differ, which decisions fell otherwise, what the models found
more surprising. Two Traces in, plain data out; knows no markup.

Programs are aligned by lines, numbers by bytes: a token of one is compared with a token of the other only where both hold the same
bytes of a line that is equal in both; where tokenizers differ, statements are compared by the shares of their tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tokenscope_trace.alignment import WORK
from tokenscope_trace.comparison.endings import Ending, Endings
from tokenscope_trace.comparison.flipped_decisions import Flip, FlippedDecisions, find_flipped
from tokenscope_trace.comparison.line_rows import FileLines, file_lines
from tokenscope_trace.comparison.sides import Side, differing_facts, make_side, verdicts_sentence
from tokenscope_trace.comparison.surprisal_shifts import Shift, largest_shifts
from tokenscope_trace.comparison.text_pairs import AlignedTexts, ComparedText
from tokenscope_trace.errors import TraceError
from tokenscope_trace.text import percent, shortened, visible_line, visible_token
from tokenscope_trace.traces.schema import Origin
from tokenscope_trace.traces.trace import Trace

_UNKNOWN = "Whether the prompts differ is not known."
_MAYBE = "What was left out of one may make it another question."
DOUBTFUL = (
    "So the outputs are answers to different questions: where they part and what moved tells of the prompts as much as of models "
    "and settings."
)
_TOKEN_WIDTH = 60
_LOOKED_AT = 4 * (_TOKEN_WIDTH + 1)  # bytes
_HIDDEN = "\N{FULL BLOCK}".encode()  # what a token that was left out reads


@dataclass(frozen=True)
class SideBySide:
    """All that is said of two recordings; `moved_what` is tokens or statements."""

    title: str
    headline: str
    verdict: str  # what the checks said of both outputs; empty where neither was checked
    sentences: tuple[str, ...]
    sides: tuple[Side, Side]
    flips: tuple[Flip, ...]
    cut: str  # that one output was stopped where the other goes on, which is no decision; empty where that is not so
    moved: tuple[Shift, ...]
    moved_what: str
    files: tuple[FileLines, ...]
    differing: tuple[tuple[str, str, str], ...]  # (what, in A, in B) of how they were recorded
    warning: str  # what makes the comparison doubtful; empty for nothing


def compare(a: Trace, b: Trace, title: str | None = None, names: tuple[str, str] = ("", "")) -> SideBySide:
    """What two recordings differ in; `names` are those of their files. Work and memory grow with their texts.

    Raises TraceError where there is nothing that both are about: generated and scored code, or files of other names.
    """
    if bool(a.files) != bool(b.files):
        raise TraceError("one of the traces is of generated and the other of existing code; compare two of one sort.")
    pairs = _pairs(a, b)
    if not pairs:
        raise TraceError("the traces are of files of other names; compare two of the same files.")
    same = _same_tokenizer(a, b)
    endings = None if a.files else Endings.of(a, b)
    doubt = "" if a.files else _doubt(a, b)
    why = _MAYBE if doubt == _UNKNOWN else DOUBTFUL
    headline = _headline(pairs, None if doubt else endings)
    one = make_side(a, "A", names[0], endings.a.words if endings else "")
    two = make_side(b, "B", names[1], endings.b.words if endings else "")
    found = find_flipped(a, b, pairs[0], endings) if endings else FlippedDecisions((), ())
    return SideBySide(
        title=visible_line(title) if title else f"{visible_line(pairs[0].source)}, two recordings",
        headline=doubt or headline,
        verdict=verdicts_sentence(one, two),
        sentences=(
            *([why, headline] if doubt else []),
            *(_parting(pairs[0], endings, same=same) if endings else []),
            *_sentences(a, b, pairs, endings, same=same),
        ),
        sides=(one, two),
        flips=found.flips,
        cut=" ".join(_cut(endings.of_letter(letter)) for letter in found.stopped) if endings else "",
        moved=largest_shifts(pairs, tokens=same),
        moved_what="tokens" if same else "statements",
        files=file_lines(pairs),
        differing=tuple(differing_facts(a, b)),
        warning=f"{doubt} {why}" if doubt else "",
    )


def _doubt(a: Trace, b: Trace) -> str:
    """Why two outputs may be answers to different questions; empty where they are to the same."""
    one, two = _prompt(a), _prompt(b)
    if one == two:
        return ""
    hidden = any(trace.facts.redacted and any(_HIDDEN in text for _, text in parts) for trace, parts in ((a, one), (b, two)))
    return _UNKNOWN if hidden else "The prompts differ."


def _prompt(trace: Trace) -> list[tuple[str, bytes]]:
    """What was asked, by role, without what a template puts around it."""
    parts: dict[str, bytes] = {}
    for part in trace.facts.prompt.segments:
        if part.role != "control":
            parts[part.role] = parts.get(part.role, b"") + trace.text(np.arange(part.first, part.end), special=False)
    return sorted((role, text.strip()) for role, text in parts.items())


def _pairs(a: Trace, b: Trace) -> list[AlignedTexts]:
    """The texts that are compared: each of A with at most one of B, which share the work that aligning them may take."""
    if not a.files:
        return [AlignedTexts(a.texts[0], b.texts[0])]
    theirs = {text.source: text for text in b.files}
    found = [(text, theirs[text.source]) for text in a.files if text.source in theirs]
    return [AlignedTexts(*texts, WORK // len(found)) for texts in found]


def _same_tokenizer(a: Trace, b: Trace) -> bool:
    one, two = (trace.facts.model.tokenizer_sha256 for trace in (a, b))
    return one is not None and one == two


def _headline(pairs: Sequence[AlignedTexts], endings: Endings | None) -> str:
    """Where the recordings part; `endings` are those of outputs to one prompt."""
    differ = [pair for pair in pairs if not pair.is_equal]
    if not differ:
        return "Both recordings are of the same text." if len(pairs) == 1 else "Both recordings are of the same files."
    if len(pairs) > 1:
        return f"{len(differ):,} of {len(pairs):,} files differ."
    if endings and endings.shorter:
        return endings.headline
    if endings and endings.a.text == endings.b.text:
        return "Both wrote the same program."
    line = f"line {differ[0].a.line_at(differ[0].parts) + 1:,}"
    if _is_hidden(differ[0]):
        return f"The recordings differ from {line} on, where text was left out of one."
    return f"The recordings part on {line}."


def _is_hidden(pair: AlignedTexts) -> bool:
    """Whether what differs first was left out of one of the recordings."""
    return any(
        bool(side.trace.facts.redacted) and _HIDDEN in side.bytes[max(pair.parts - 2, 0) : pair.parts + 3]
        for side in (pair.a, pair.b)
    )


def _sentences(a: Trace, b: Trace, pairs: Sequence[AlignedTexts], endings: Endings | None, *, same: bool) -> Iterator[str]:
    if endings and endings.sentence:
        yield endings.sentence
    if same:
        yield "Both have the same tokenizer, so tokens are compared with tokens."
    else:
        yield "Their tokenizers differ or are not known to be the same, so lines and statements are compared: sums of surprisal over the same bytes."
    missing = len(a.files) + len(b.files) - 2 * len(pairs) if a.files else 0
    if missing:
        yield f"{missing:,} file{'' if missing == 1 else 's'} of only one of them {'is' if missing == 1 else 'are'} left out."
    gone = [
        f"of {letter} {' and '.join(trace.facts.redacted)}" for trace, letter in ((a, "A"), (b, "B")) if trace.facts.redacted
    ]
    if gone:
        yield f"Left out {', '.join(gone)}: nothing is known of what reads {_HIDDEN.decode()}."


def _parting(pair: AlignedTexts, endings: Endings, *, same: bool) -> Iterator[str]:
    """What each wrote where the texts part, and how likely the first held what the second wrote. Nothing where one was stopped."""
    shorter = endings.shorter
    if pair.is_equal or _is_hidden(pair) or endings.a.text == endings.b.text or (shorter and shorter.stopped):
        return
    one, two = (
        ending.node if ending is shorter else side.token_at(shorter.at if shorter else pair.parts)
        for side, ending in ((pair.a, endings.a), (pair.b, endings.b))
    )
    words = [
        _wrote(side, ending, node, ended=ending is shorter)
        for side, ending, node in ((pair.a, endings.a, one), (pair.b, endings.b, two))
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


def _wrote(side: ComparedText, ending: Ending, node: int, *, ended: bool) -> str:
    token = shortened(visible_token(side.trace.token_bytes(node)[:_LOOKED_AT]), _TOKEN_WIDTH)
    chance = percent(float(side.trace.nodes.probability[node]))
    return f"{ending.letter} {'ended the text' if ended else f'wrote “{token}”'} ({chance})"


def _cut(ending: Ending) -> str:
    return f"{ending.letter} {ending.words} on line {ending.line:,}: what the other wrote from there on is no decision."
