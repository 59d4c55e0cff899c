"""The comment for a pull request, in Markdown: the decisions, where they lead, and which file to attach.

At most MOST_LINES lines, so that it stays a comment: what does not fit is in the report. Knows no file system.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tokenscope_trace.reports.check_verdict import Verdict
from tokenscope_trace.reports.decision_entries import REST, DecisionEntry, OptionEntry, cautions, rest
from tokenscope_trace.reports.markdown import code_span, fenced, plain
from tokenscope_trace.reports.review import Review
from tokenscope_trace.reports.summary import Summary, UncertainPlace, summarise
from tokenscope_trace.text import visible_line
from tokenscope_trace.traces.trace import Trace

MOST_LINES = 59
LONGEST_COMMENT = 65_536  # signs that GitHub takes
_CUT = "More does not fit into a comment; the report has all of it."
_OPTIONS = 3
_SIGNS = {
    "passes": "\N{WHITE HEAVY CHECK MARK}",
    "fails": "\N{CROSS MARK}",
    "times-out": "\N{CROSS MARK}",
    "not-run": "\N{WARNING SIGN}\ufe0f",
    "unchecked": "\N{WARNING SIGN}\ufe0f",
}
_AND = {False: ", its alternatives and these branches", True: " and what was expected instead"}


def comment_text(trace: Trace, report: str, *, title: str | None = None) -> str:
    """The text; `report` is the name of the page that should be attached."""
    summary = summarise(trace, title)
    checks = summary.review.checks[1:] if summary.review else ()
    head = [
        _heading(summary),
        "",
        *_verdict(summary.verdict),
        f"{plain(summary.model)}, {plain(summary.settings)}, {summary.extent}. {_first(summary)}",
        *_shares(summary.review),
        *([plain(summary.warning)] if summary.warning else []),
        *(_quoting(sentence) for sentence in (summary.sentences if summary.files else (*summary.warnings, *checks))),
        "",
    ]
    foot = [
        "",
        f"Attach {code_span(visible_line(report))}: it shows every token{_AND[bool(summary.files)]}, offline. "
        "The numbers say how sure the model was, not whether the code is right.",
    ]
    found = summary.review
    body = _decisions(found, MOST_LINES - len(head) - len(foot)) if found and found.decisions else _places(summary)
    if _size(head, body, foot) > LONGEST_COMMENT and found and found.decisions:
        body = _decisions(found, 0)
    cut = False
    while body and _size(head, body, foot) > LONGEST_COMMENT - len(_CUT):
        body, cut = body[:-1], True
    return "\n".join([*head, *body, *([_CUT] if cut else []), *foot]) + "\n"


def _size(*parts: Sequence[str]) -> int:
    return sum(len(line) + 1 for part in parts for line in part)


def _first(summary: Summary) -> str:
    """What is said first of a recording beside the verdict of the check."""
    return plain(summary.sentences[0] if summary.verdict else summary.headline)


def _verdict(verdict: Verdict | None) -> Iterator[str]:
    """What the check said, in a line, and what it printed for the output."""
    if verdict is None:
        return
    printed = f" It printed {code_span(verdict.message)}." if verdict.message else ""
    yield f"**{plain(verdict.sentence)}**{printed}"
    yield ""


def _heading(summary: Summary) -> str:
    """The title, as a heading, with the verdict of the check as a sign; that of several files is words around one name."""
    if not summary.files:
        sign = f"{_SIGNS[summary.verdict.key]} " if summary.verdict else ""
        return f"### {sign}How the model wrote {code_span(summary.title)}{f': {summary.verdict.label}' if summary.verdict else ''}"
    name = code_span(summary.files[0].source)
    titled = summary.title != summary.source
    more = len(summary.files) + summary.files_left_out - 1
    return f"### How expected {code_span(summary.title) if titled else name if not more else f'{name} and {more:,} more'} {'is' if titled or not more else 'are'}"


def _shares(review: Review | None) -> Iterator[str]:
    if review is not None and review.shares:
        parts = ", ".join(f"{share.percent} {share.label}" for share in review.shares)
        yield f"Of the explored probability ({review.explored} of all): {parts}."
    elif review is not None and review.unexplored:
        yield plain(review.unexplored)


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


def _head(decision: DecisionEntry) -> str:
    where = f", {plain(decision.where)}" if decision.where else ""
    options = ([option for option in decision.options if option.branch >= 0] or list(decision.options))[:_OPTIONS]
    left = rest(decision, options)
    others = "; ".join([*(_option(decision, option) for option in options), *([f"{REST} {left}"] if left else [])])
    notes = ", ".join(
        note
        for note in (
            _quoting(decision.remark),
            f"drawn by chance, {decision.drawn}" if decision.drawn else "",
            "a coin flip" if decision.coin_flip else "",
            f"check {decision.check}" if decision.check else "",
        )
        if note
    )
    instead = f", or {others}" if others else ""
    return (
        f"{decision.number}. **Line {decision.line:,}**{where}: {_in_words(decision)} {decision.percent}"
        f"{f' ({notes})' if notes else ''}{instead}"
    )


def _option(decision: DecisionEntry, option: OptionEntry) -> str:
    check = f", check {option.check}" if option.check else ""
    return f"{_in_words(option)} {_sides(decision, option)} ({option.outcome}{check})"


def _sides(decision: DecisionEntry, option: OptionEntry) -> str:
    """The probability of an option, with that of what was written there where it does not stand at the decision's head."""
    if not decision.is_elsewhere(option):
        return option.percent
    return f"{option.percent} against {option.against_percent} of {code_span(option.against_text)}"


def _diff(decision: DecisionEntry) -> list[str]:
    """The diff of the alternative that matters most, where it is another program, as lines inside of a list."""
    shown = decision.opened
    if shown is None or shown.key == "same":
        return []
    text = fenced("\n".join(f"{line.sign}{line.text}" for line in shown.diff), "diff")
    return [f"   {line}" for line in text.splitlines()]


def _places(summary: Summary) -> list[str]:
    """What stands in for decisions where there are none: the least certain tokens."""
    if not summary.places:
        return ["No token has a surprisal of 1 bit or more."]
    return [f"- {_place(place)}" for place in summary.places]


def _place(place: UncertainPlace) -> str:
    where = f"{code_span(place.file)} line {place.line:,}" if place.file else f"line {place.line:,}"
    word = "expected" if place.expected else "or"
    others = ", ".join(f"{code_span(other.token)} {other.percent}" for other in place.instead)
    return f"**{where}**: {code_span(place.token)} {place.probability}" + (f", {word} {others}" if others else "")


def _in_words(part: DecisionEntry | OptionEntry) -> str:
    """What was written, or could have been, in Markdown: code as code."""
    if isinstance(part, DecisionEntry):
        return part.written if part.is_end else code_span(part.written)
    note = f"{_quoting(part.note)}: " if part.note else ""
    return note + (part.text if part.is_end else code_span(part.text))


def decision_comment(decision: DecisionEntry) -> str:
    """A decision as a review comment, in Markdown."""
    lines = [f"**Line {decision.line:,}**, {plain(decision.where)}" if decision.where else f"**Line {decision.line:,}**"]
    wrote = "ended the text here" if decision.is_end else f"wrote {code_span(decision.written)}"
    remark = f"; {_quoting(decision.remark)}" if decision.remark else ""
    lines += [" ".join([f"The model {wrote} ({decision.percent}{remark}).", *cautions(decision)]), ""]
    lines += [f"- {_option_words(decision, option)}" for option in decision.options]
    lines += [f"- or {REST} ({decision.rest})"] if decision.rest else []
    shown = decision.opened
    if shown is not None:
        text = "\n".join(f"{line.sign}{line.text}" for line in shown.diff)
        lines += ["", f"With {_in_words(shown)}:", "", fenced(text, "diff")]
    return "\n".join(lines)


def _option_words(decision: DecisionEntry, option: OptionEntry) -> str:
    verdict = f"; the check {option.check}" if option.check else ""
    return f"or {_in_words(option)} ({_sides(decision, option)}): {option.outcome}{verdict}"
