"""A trace -> Markdown for the text of a pull request: the decisions, where they lead, and which file to attach.

At most LINES lines, so that it stays a comment: what does not fit is in the report. Knows no file system.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenscope_trace.markdown import code_span, fenced, plain
from tokenscope_trace.review import Decision, Option, Review
from tokenscope_trace.summary import Place, Summary, summarise
from tokenscope_trace.traces import Trace

LINES = 59
_OPTIONS = 3


def markdown(trace: Trace, report: str, *, title: str | None = None) -> str:
    """The text; `report` is the name of the page that should be attached."""
    summary = summarise(trace, title)
    head = [
        f"### How the model wrote {code_span(summary.title)}"
        if not summary.files
        else f"### How expected {code_span(summary.title)} is",
        "",
        f"{plain(summary.model)}, {plain(summary.settings)}, {summary.extent}. {plain(summary.headline)}",
        *_shares(summary.review),
        *(_quoting(sentence) for sentence in (summary.review.checks if summary.review else ())),
        "",
    ]
    foot = [
        "",
        f"Attach {code_span(report)}: it shows every token, its alternatives and these branches, offline. "
        "The numbers say how sure the model was, not whether the code is right.",
    ]
    found = summary.review
    body = _decisions(found, LINES - len(head) - len(foot)) if found and found.decisions else _places(summary)
    return "\n".join([*head, *body, *foot]) + "\n"


def _shares(review: Review | None) -> Iterator[str]:
    if review is not None and review.shares:
        parts = ", ".join(f"{share.percent} {share.label}" for share in review.shares)
        yield f"Of the explored probability ({review.explored} of all): {parts}."


def _quoting(sentence: str) -> str:
    """A sentence whose quoted parts become code."""
    parts = re.split("“(.*?)”", sentence)
    return "".join(code_span(part) if place % 2 else _words(part) for place, part in enumerate(parts))


def _words(part: str) -> str:
    """Words without markup, with the spaces at their ends."""
    lead, trail = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
    return f"{lead}{plain(part)}{trail}" if part.strip() else part


def _decisions(review: Review, room: int) -> list[str]:
    """A numbered list; the first decisions have their diff, as far as there is room for it."""
    heads = [_head(decision) for decision in review.decisions]
    if review.found > len(heads):
        room -= 2
    room -= len(heads)
    lines = []
    for decision, head in zip(review.decisions, heads, strict=True):
        diff = _diff(decision)
        shown = diff if len(diff) <= room else []
        room -= len(shown)
        lines += [head, *shown]
    if review.found > len(heads):
        lines += ["", f"The first {len(heads)} of {review.found:,} decisions."]
    return lines


def _head(decision: Decision) -> str:
    where = f", {plain(decision.where)}" if decision.where else ""
    options = [option for option in decision.options if option.branch >= 0] or list(decision.options)
    others = "; ".join(map(_option, options[:_OPTIONS]))
    flip = " (a coin flip)" if decision.coin_flip else ""
    instead = f", or {others}" if others else ""
    return f"{decision.number}. **Line {decision.line:,}**{where}: {code_span(decision.written)} {decision.percent}{flip}{instead}"


def _option(option: Option) -> str:
    check = f", check {option.check}" if option.check else ""
    return f"{code_span(option.text)} {option.percent} ({option.outcome}{check})"


def _diff(decision: Decision) -> list[str]:
    """The diff of the most probable alternative that differs, as lines inside of a list."""
    shown = next((option for option in decision.options if option.diff and option.key != "same"), None)
    if shown is None:
        return []
    text = fenced("\n".join(f"{line.sign}{line.text}" for line in shown.diff), "diff")
    return [f"   {line}" for line in text.splitlines()]


def _places(summary: Summary) -> list[str]:
    """What stands in for decisions where there are none: the least certain tokens."""
    if not summary.places:
        return ["No token has a surprisal of 1 bit or more."]
    return [f"- {_place(place)}" for place in summary.places]


def _place(place: Place) -> str:
    where = f"{code_span(place.file)} line {place.line:,}" if place.file else f"line {place.line:,}"
    word = "expected" if place.expected else "or"
    others = ", ".join(f"{code_span(other.token)} {other.percent}" for other in place.instead)
    return f"**{where}**: {code_span(place.token)} {place.probability}" + (f", {word} {others}" if others else "")
