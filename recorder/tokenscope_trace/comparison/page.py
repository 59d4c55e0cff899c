"""The page of two recordings: one HTML file that shows them beside each other. Plain HTML and a style: its policy lets nothing run at all."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from tokenscope_trace import __version__
from tokenscope_trace.comparison.side_by_side import SideBySide, compare
from tokenscope_trace.reports.bundle import bundle_style
from tokenscope_trace.reports.static_style import names_in, static_style
from tokenscope_trace.traces.trace import Trace

_POLICY = "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
_KINDS = ("same", "changed", "only-a", "only-b", "letter-a", "letter-b")
_NAMES = frozenset({*_KINDS, *(f"{way}{step}" for way in ("more", "less") for step in (1, 2, 3))})


def compared_page(a: Trace, b: Trace, *, title: str | None = None, names: tuple[str, str] = ("", "")) -> str:
    """The page as one HTML string; `names` are those of the recordings' files. Raises TraceError where there is nothing that both are about."""
    return comparison_page(compare(a, b, title, names))


def comparison_page(found: SideBySide) -> str:
    """The page of a comparison."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode("ascii")).digest()).decode("ascii")
    return _template().render(
        policy=_POLICY.format(style=digest),
        style=Markup(style),  # noqa: S704  our own source, which bundle_style() checked
        found=found,
        generator=f"tokenscope-trace {__version__}",
    )


@cache
def _style() -> str:
    viewer = files("tokenscope_trace.viewer")
    sheets = [viewer.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "comparison.css")]
    return static_style(bundle_style("".join(sheets)), names_in(_source()) | _NAMES)


@cache
def _source() -> str:
    return files("tokenscope_trace.templates").joinpath("comparison.html.jinja").read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_source())
