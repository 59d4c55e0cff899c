"""The two sides of a comparison in words: what each recording is, how it was made otherwise than the other, and what its check said.

Traces in, plain data out; knows no markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tokenscope_trace.analysis.uncertainty import perplexity
from tokenscope_trace.comparison.environment import machine_facts
from tokenscope_trace.reports.check_verdict import Verdict, make_verdict
from tokenscope_trace.reports.provenance import fact_rows, settings_text
from tokenscope_trace.text import decimal, visible_line
from tokenscope_trace.traces.trace import Trace

_SETTINGS = (
    "computed",
    "weights",
    "tokenizer",
    "stop",
    "redacted",
    "context",
    "compared with",
    "tree",
    "check",
    "libraries",
    "written by",
)
_LISTS = ("computed", "tree", "libraries", "machine")
_DOES = {
    "passes": "passes the check",
    "fails": "fails the check",
    "times-out": "times out in the check",
    "not-run": "could not be checked",
    "unchecked": "was not checked",
    "": "has no check",
}
_DO = {
    "passes": "pass the check",
    "fails": "fail the check",
    "times-out": "time out in the check",
    "not-run": "could not be checked",
    "unchecked": "were not checked",
}


@dataclass(frozen=True)
class Side:
    """One recording, in words. `check` is what the user's command said of its output, with what it printed that says most, and
    `check_key` names that for a style, as in Verdict; both are empty where there was none. `ended` says how the output ended.
    """

    letter: str
    name: str  # of the trace's file, without folders; empty where it has none
    source: str
    model: str
    recorded: str
    settings: str
    ended: str
    check: str
    check_key: str
    tokens: str
    perplexity: str
    bits: str


def make_side(trace: Trace, letter: str, name: str, ended: str) -> Side:
    """The words of one recording, whose trace is a file of this name, and whose output ended so."""
    nodes = trace.scored if trace.files else trace.output
    verdict = make_verdict(trace)
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
        ended=ended,
        check="" if verdict is None else _said(verdict),
        check_key="" if verdict is None else verdict.key,
        tokens=f"{len(nodes):,}",
        perplexity=decimal(perplexity(trace.nodes.logprob[nodes])),
        bits=decimal(float(np.nansum(trace.nodes.surprisal[nodes], dtype=np.float64))),
    )


def _said(verdict: Verdict) -> str:
    printed = f"It printed “{verdict.message}”." if verdict.key == "fails" and verdict.message else ""
    return " ".join(part for part in (verdict.sentence, printed, verdict.doubt) if part)


def verdicts_sentence(a: Side, b: Side) -> str:
    """What the checks said of both; empty where neither was checked."""
    if not a.check_key and not b.check_key:
        return ""
    if a.check_key == b.check_key:
        return f"Both {_DO[a.check_key]}."
    return f"A {_DOES[a.check_key]}, B {_DOES[b.check_key]}."


def differing_facts(a: Trace, b: Trace) -> Iterator[tuple[str, str, str]]:
    """(what, in A, in B): how they were recorded otherwise, beside model and decoding."""
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
    yield "machine", ", ".join(f"{name} {value}" for name, value in machine_facts(trace.facts))
    limit = trace.facts.sampling.max_new_tokens
    if limit is not None and not trace.files:
        yield "limit", f"{limit:,} tokens"
