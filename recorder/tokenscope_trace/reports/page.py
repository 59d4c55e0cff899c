"""The page of a recording, one HTML file: summary, recording, viewer and style, under a policy that lets nothing else run or load.

The page carries the viewer's script compressed; a small inline script unpacks and starts it, and the policy holds the hashes
of both; the one picture is its icon, which is in it, too. The same trace gives the same bytes. Knows the page's frame; what it says comes from summary.py, what it does from viewer/.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from tokenscope_trace import __version__
from tokenscope_trace.reports.assets import (
    boot_script,
    digest,
    pack,
    packed_style,
    packed_viewer,
    page_style,
    viewer_script,
    viewer_style,
)
from tokenscope_trace.reports.code import code_ranges
from tokenscope_trace.reports.contents import list_contents
from tokenscope_trace.reports.icon import icon_of
from tokenscope_trace.reports.pull_request import decision_comment
from tokenscope_trace.reports.size_limit import fitted, left_out_sentence, with_notes
from tokenscope_trace.reports.summary import summarise
from tokenscope_trace.traces.schema import MAJOR_VERSION
from tokenscope_trace.traces.trace import Trace

_POLICY = (
    "default-src 'none'; img-src data:; script-src 'sha256-{boot}' 'sha256-{viewer}'; style-src 'sha256-{style}' 'sha256-{sheet}'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types tokenscope"
)
_TRIES = 3  # what a summary needs is known when it is written
_SENTENCE = 512  # bytes, for saying what is left out


def html_page(trace: Trace, *, title: str | None = None) -> str:
    """The report as one HTML string; `title` stands in place of the prompt's file name."""
    boot, viewer, sheet, style = boot_script(), viewer_script(), viewer_style(), page_style()
    summary = summarise(trace, title)
    return _template().render(
        policy=_POLICY.format(boot=digest(boot), viewer=digest(viewer), style=digest(style), sheet=digest(sheet)),
        boot=Markup(boot),  # noqa: S704  our own source, which bundle_classic() made safe inside a script element
        style=Markup(style),  # noqa: S704  our own source, which bundle_style() checked
        summary=summary,
        icon=icon_of(summary.verdict.key if summary.verdict else ""),
        contents=list_contents(trace),
        comment=decision_comment,
        viewer=packed_viewer(),
        sheet=packed_style(),
        payload=pack(trace.payload, 6),
        payload_bytes=len(trace.payload),
        code_ranges=" ".join(f"{start}-{end}" for start, end in code_ranges(trace)),
        format_version=MAJOR_VERSION,
        minor_version=trace.minor_version,
        generator=f"tokenscope-trace {__version__}",
    )


def html_page_within(trace: Trace, limit: int, *, title: str | None = None) -> tuple[str, str]:
    """(the report in at most `limit` bytes, a sentence on what it lacks for that, empty for nothing).

    What cannot be left out stays, so that the page may be larger. `limit` 0 is none.
    """
    page = html_page(trace, title=title)
    over = len(page.encode()) - limit
    if not limit or over <= 0:
        return page, ""
    room = _packed_size(trace) - over - _SENTENCE
    for _try in range(_TRIES):
        found = fitted(trace, room, _packed_size)
        page = html_page(with_notes(found, limit), title=title)
        over = len(page.encode()) - limit
        if over <= 0 or not found.fits:
            break
        room -= over + _SENTENCE
    return page, left_out_sentence(found, limit) if found.left_out else ""


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = files("tokenscope_trace.templates").joinpath("report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(re.sub(r"^ +", "", source, flags=re.MULTILINE))  # no line inside of a <pre> is indented


def _packed_size(trace: Trace) -> int:
    return len(pack(trace.payload, 6))
