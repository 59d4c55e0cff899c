"""What a reader promises about any payload at all: a TraceError of one sentence, or a recording that everything can render."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from tests.support.envelopes import packed

from tokenscope_trace import Trace
from tokenscope_trace.comparison.page import compared_page
from tokenscope_trace.errors import TraceError
from tokenscope_trace.reports.json_report import json_document
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.reports.pull_request import MOST_LINES, comment_text
from tokenscope_trace.reports.sarif import sarif_log

SENTENCE = 400  # characters


def hold(payload: bytes) -> str | None:
    """The sentence of the refusal, None for a recording. Raises whatever else happens."""
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        try:
            trace = Trace.from_bytes(packed(payload))
        except TraceError as error:
            sentence = str(error)
            assert sentence.isprintable(), sentence
            assert sentence.endswith("."), sentence
            assert len(sentence) <= SENTENCE, sentence
            return sentence
        _render(trace)
    return None


def reads(payload: bytes) -> bool:
    """Whether it is taken for a recording."""
    try:
        Trace.from_bytes(packed(payload))
    except TraceError:
        return False
    return True


def _render(trace: Trace) -> None:
    again = Trace.from_bytes(trace.to_bytes())
    assert again.text(again.main) == trace.text(trace.main)
    page = html_page(trace)
    assert page.count("<script") == 1
    assert page.count('<script type="text/plain" id="') == 3
    text = comment_text(trace, "report.html")
    assert text.count("\n") <= MOST_LINES
    for rendered in (page, text, json_document(trace), sarif_log(trace), compared_page(trace, again)):
        rendered.encode("utf-8")
    for number in range(len(trace.texts)):
        for size in ("token", "expression", "statement", "line", "block"):
            trace.texts[number].spans(size)
    [layer.weights.sum() for layer in trace.attention]
    [layer.probability for layer in trace.lens]


def keep(payload: bytes, name: str, folder: Path) -> None:
    """Write a payload that broke the promise, as a file that tokenscope-html can be tried on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.tsc").write_bytes(packed(payload))
