"""The reporters of one recording: each format's name, the suffix of its files, what to do with one, and the function that writes it.

A function is imported when it is called: templates cost a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

from tokenscope_trace.traces.trace import Trace


@dataclass(frozen=True)
class Reporter:
    """A format of reports. `write(trace, report, title)` gives its text, bytes that are no UTF-8 as lone surrogates (surrogateescape);
    `report` is the name that the page of the recording has.
    """

    suffix: str
    next_step: str
    write: Callable[[Trace, str, str | None], str]


def _html(trace: Trace, _report: str, title: str | None) -> str:
    from tokenscope_trace.reports.page import html_page

    return html_page(trace, title=title)


def _markdown(trace: Trace, report: str, title: str | None) -> str:
    from tokenscope_trace.reports.pull_request import comment_text

    return comment_text(trace, report, title=title)


def _json(trace: Trace, _report: str, title: str | None) -> str:
    from tokenscope_trace.reports.json_report import json_document

    return json_document(trace, title=title)


def _sarif(trace: Trace, _report: str, title: str | None) -> str:
    from tokenscope_trace.reports.sarif import sarif_log

    return sarif_log(trace, title=title)


def _code(trace: Trace, _report: str, _title: str | None) -> str:
    from tokenscope_trace.reports.code import written_code

    return written_code(trace).decode("utf-8", "surrogateescape")


REPORTERS = {
    "html": Reporter(".html", "open it in a browser, or attach it as it is.", _html),
    "markdown": Reporter(".md", "paste it into the pull request.", _markdown),
    "json": Reporter(".json", f"{resources.files(__package__) / 'report.schema.json'} describes it.", _json),
    "code": Reporter(".code", "the program, byte for byte.", _code),
    "sarif": Reporter(".sarif", "upload it to code scanning.", _sarif),
}
