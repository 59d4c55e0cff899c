"""The contents of a file that is passed on, part by part, for the one who passes it on. A Trace in, words out; knows no markup."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgpack
import numpy as np

from tokenscope_trace.text import visible_line
from tokenscope_trace.traces.facts import AttentionFacts, CheckFacts, LensFacts
from tokenscope_trace.traces.schema import REDACTED_ID, Origin
from tokenscope_trace.traces.trace import Trace

_MEASURED = 1 << 20  # bytes of a column that are compressed to know how small it gets
_PARTS = {
    "text": ("tokens", "token_bytes", "spellings", "spelling_bytes"),
    "numbers": ("nodes",),
    "alternatives": ("alternatives",),
    "branches": ("branches", "outcomes"),
    "attention": ("attention_layers", "attention_rows", "attention"),
    "lens": ("lens",),
    "syntax": ("syntax",),
    "decisions": ("decisions", "decision_options"),
    "checks": ("checks",),
}
ABSENT = (
    "The recorder writes no name of a user or a machine, no absolute path, nothing of the environment and none of the model's "
    "weights. What code, prompt and command line say themselves is in it."
)


@dataclass(frozen=True)
class Contents:
    """Rows of a part's name, what is in it and its share of the recording; what was left out, empty for nothing; what never is in it."""

    rows: tuple[tuple[str, str, str], ...]
    left_out: str
    absent: str = ABSENT


def list_contents(trace: Trace) -> Contents:
    """What a recording, and so every report that carries it, contains."""
    shares = _shares(trace)
    rows = ((name, words, shares.get(part, "")) for name, part, words in _rows(trace) if words)
    return Contents(tuple((name, visible_line(words), share) for name, words, share in rows), left_out(trace))


def left_out(trace: Trace) -> str:
    """What was redacted, in a sentence; empty for nothing. That it was is the recording's own word: the tokens that lack are counted."""
    names = trace.facts.redacted
    if not names:
        return ""
    count = int(np.count_nonzero(trace.nodes.token_id == REDACTED_ID))
    listed = {"prompt": "the prompt", "strings": "strings", "comments": "comments"}
    words = " and ".join(listed.get(name, visible_line(name)) for name in names)
    if not count:
        return f"The recording says that this was left out: {words}; all of its tokens have their text."
    return f"Left out, as the recording says: {words}. Shown as █: {_of(count, 'token')}."


def _rows(trace: Trace) -> Iterator[tuple[str, str, str]]:
    """(name, part of _PARTS or nothing, what it holds)."""
    run = trace.facts
    source = run.prompt.source or "-"
    if trace.files:
        yield "code", "text", f"{_of(len(trace.scored), 'token')} of {_of(len(trace.files), 'file')}, by name"
    else:
        yield "prompt", "", f"{_of(len(trace.prompt), 'token')} of {'standard input' if source == '-' else source}"
        yield "output", "", _of(len(trace.output), "token")
        yield "text", "text", f"of the {len(trace.tokens):,} different tokens that occur anywhere in this list"
    yield "numbers", "numbers", "probability, entropy, rank and others of every token"
    yield "alternatives", "alternatives", f"{len(trace.alternatives):,}, what else was likely, with probabilities"
    if len(trace.branches):
        tokens = int(np.count_nonzero(trace.nodes.origin == Origin.BRANCH))
        yield "branches", "branches", f"{len(trace.branches):,}, what would have followed: {_of(tokens, 'token')}"
    yield "attention", "attention", _attention(run.attention, len(trace.tables["attention_layers"]["layer"]))
    yield "lens", "lens", _lens(run.lens)
    if run.syntax is not None:
        names = sorted({passage.language for passage in run.syntax.passages})
        yield "syntax", "syntax", f"{_of(len(trace.tables['syntax']['kind']), 'node')}, {', '.join(names)}"
    yield "decisions", "decisions", f"{len(trace.decisions):,}" if len(trace.decisions) else ""
    yield "checks", "checks", _check(run.check, len(trace.checks))
    facts = "the model's name and shape, settings, the command line, versions of libraries"
    yield "facts", "", ", ".join([facts, *([f"the time: {run.clock.created}"] if run.clock.created else [])])


def _attention(facts: AttentionFacts | None, layers: int) -> str:
    if facts is None or not layers:
        return ""
    return f"{_of(layers, 'layer')}: for every token and head the {facts.top:,} tokens looked at most, as positions with weights"


def _lens(facts: LensFacts | None) -> str:
    if facts is None or not facts.layers:
        return ""
    return f"what {_of(len(facts.layers), 'layer')} would have said in place of {_of(facts.count, 'token')}"


def _check(facts: CheckFacts | None, rows: int) -> str:
    if facts is None:
        return ""
    printed = sum(bool(output) for output in facts.outputs)
    said = f"the ends of {printed:,} things it printed" if printed else "nothing that it printed"
    return f"a command, {_of(rows, 'result')}, and {said}"


def _shares(trace: Trace) -> dict[str, str]:
    """The share of each part in the compressed recording, as far as a beginning of each column tells."""
    tables = msgpack.unpackb(trace.payload, strict_map_key=False)["tables"]
    sizes = {
        part: sum(_packed(column["data"]) for name in names if name in tables for column in tables[name]["columns"].values())
        for part, names in _PARTS.items()
    }
    total = sum(sizes.values()) or 1
    return {part: f"{100 * size / total:.0f} %" if size >= total / 100 else "< 1 %" for part, size in sizes.items() if size}


def _packed(data: bytes) -> float:
    measured = data[:_MEASURED]
    return len(zlib.compress(measured, 1)) * len(data) / len(measured) if measured else 0.0


def _of(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
