"""Every consumer of a recording: all that a command makes of one trace, or of two. Each takes a trace and another one.

What a consumer raises on purpose is a TokenScopeError of one sentence; there is no list here of what may go wrong with which.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tokenscope_trace import Trace
from tokenscope_trace.comparison.agreement import find_agreement
from tokenscope_trace.comparison.page import compared_page
from tokenscope_trace.comparison.verdict import differences_json, verdict_lines
from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.reports.page import html_page_within
from tokenscope_trace.reports.pull_request import MOST_LINES
from tokenscope_trace.reports.reporters import REPORTERS
from tokenscope_trace.session.format_limit import within_format
from tokenscope_trace.session.recorded_settings import recorded_request
from tokenscope_trace.session.repetition import repetition_job
from tokenscope_trace.settings import Redaction

Consumer = Callable[[Trace, Trace], Any]
SMALL = 100_000  # bytes, within which no page fits
RESOLUTIONS = ("token", "expression", "statement", "line", "block")


def write(kind: str, trace: Trace, _other: Trace) -> str:
    """A report, as bytes could hold it."""
    text = REPORTERS[kind].write(trace, "report.html", None)
    text.encode("utf-8", "surrogateescape" if kind == "code" else "strict")
    return text


def write_page(trace: Trace, other: Trace) -> None:
    """The page, whose markup is its own."""
    page = write("html", trace, other)
    assert page.count("<script") == page.count("</script>") == 4
    assert page.count('<script type="text/plain" id="') == 3


def write_markdown(trace: Trace, other: Trace) -> None:
    """The comment, which keeps to its length."""
    assert write("markdown", trace, other).count("\n") <= MOST_LINES


def save(trace: Trace, _other: Trace) -> None:
    """Written and read again it is the same."""
    again = Trace.from_bytes(trace.to_bytes())
    assert again.text(again.main) == trace.text(trace.main)


def read(trace: Trace, _other: Trace) -> None:
    """Its texts, spans, layers, programs and its table of tokens."""
    for text in trace.texts:
        for resolution in RESOLUTIONS:
            text.spans(resolution)
    [layer.weights.sum() for layer in trace.attention]
    [layer.probability for layer in trace.lens]
    for branch in range(len(trace.branches)):
        trace.programs.of_branch(branch)
    trace.table()


def fit(trace: Trace, _other: Trace) -> None:
    """As small as it gets, as a page and as a file."""
    html_page_within(trace, SMALL)
    within_format(trace, 0)


def hide(what: tuple[Redaction, ...], trace: Trace, other: Trace) -> None:
    """Redacted, and written as every report."""
    left = redacted(trace, what)
    save(left, other)
    for kind in REPORTERS:
        write(kind, left, other)


def compare(trace: Trace, other: Trace) -> None:
    """Beside another recording, both ways."""
    compared_page(trace, other)
    compared_page(other, trace)


def agree(trace: Trace, other: Trace) -> None:
    """As if the other were its repetition, in words and as JSON."""
    found = find_agreement(trace, other)
    verdict_lines(trace, found)
    differences_json(found)


def repeat(trace: Trace, _other: Trace) -> None:
    """What would be asked of a model to record it again."""
    repetition_job(trace, recorded_request(trace), Path("a.tsc"))


def same(consumer: Consumer, trace: Trace, _other: Trace) -> None:
    """With itself."""
    consumer(trace, Trace.from_bytes(trace.to_bytes()))


def gone(trace: Trace, _other: Trace) -> None:
    """Without each of its branches, and what leans on it."""
    for branch in range(min(3, len(trace.branches))):
        trace.programs.leaning_on(np.arange(len(trace.branches)) == branch)


CONSUMERS: dict[str, Consumer] = {
    "save": save,
    "read": read,
    "page": write_page,
    "markdown": write_markdown,
    **{kind: partial(write, kind) for kind in REPORTERS if kind not in ("html", "markdown")},
    "fit": fit,
    "lose branches": gone,
    **{f"redact {what}": partial(hide, (what,)) for what in Redaction},
    "redact all": partial(hide, (Redaction.PROMPT, Redaction.STRINGS, Redaction.COMMENTS)),
    "redact text": partial(hide, (Redaction.STRINGS, Redaction.COMMENTS)),  # of scored code, which has no prompt
    "compare with itself": partial(same, compare),
    "compare": compare,
    "agree with itself": partial(same, agree),
    "agree": agree,
    "repeat": repeat,
}
