"""A trace -> one HTML file: summary, recording, viewer and style, under a policy that lets nothing else run or load.

The same trace gives the same bytes. Knows the page's frame; what it says comes from summary.py, what it does from viewer/.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from tokenscope_trace import __version__
from tokenscope_trace.bundle import bundle, bundle_style
from tokenscope_trace.schema import MAJOR_VERSION
from tokenscope_trace.summary import summarise
from tokenscope_trace.traces import Trace

_POLICY = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def render(trace: Trace, *, title: str | None = None) -> str:
    """The report as one HTML string; `title` stands in place of the prompt's file name."""
    script, style = viewer_script(), viewer_style()
    return _template().render(
        policy=_POLICY.format(script=_digest(script), style=_digest(style)),
        script=Markup(script),  # noqa: S704  our own source, which bundle() made safe inside a script element
        style=Markup(style),  # noqa: S704  our own source, which bundle_style() checked
        summary=summarise(trace, title),
        payload=base64.b64encode(gzip.compress(trace.payload, 6, mtime=0)).decode("ascii"),
        payload_bytes=len(trace.payload),
        format_version=MAJOR_VERSION,
        generator=f"tokenscope-trace {__version__}",
    )


@cache
def viewer_script() -> str:
    """The viewer's modules as one classic script."""
    folder = files("tokenscope_trace.viewer")
    sources = {
        entry.name.removesuffix(".js"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".js")
    }
    return bundle(sources, "main")


@cache
def viewer_style() -> str:
    """The style sheet, in ASCII so that no server's wrong charset can break its hash."""
    return bundle_style(files("tokenscope_trace.viewer").joinpath("style.css").read_text(encoding="utf-8"))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(
        files("tokenscope_trace.templates").joinpath("report.html.jinja").read_text(encoding="utf-8")
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")
