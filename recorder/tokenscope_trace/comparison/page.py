"""The page of two recordings: one HTML file that shows them beside each other. Plain HTML and a style: its policy lets nothing run at all."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from tokenscope_trace import __version__
from tokenscope_trace.comparison.side_by_side import SideBySide, compare
from tokenscope_trace.reports.assets import digest, style_sheet
from tokenscope_trace.traces.trace import Trace

_POLICY = "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"


def compared_page(a: Trace, b: Trace, *, title: str | None = None, names: tuple[str, str] = ("", "")) -> str:
    """The page as one HTML string; `names` are those of the recordings' files. Raises TraceError where there is nothing that both are about."""
    return comparison_page(compare(a, b, title, names))


def comparison_page(found: SideBySide) -> str:
    """The page of a comparison."""
    sheet = _style()
    return _template().render(
        policy=_POLICY.format(style=digest(sheet)),
        style=Markup(sheet),  # noqa: S704  our own source, which bundle_style() checked
        found=found,
        generator=f"tokenscope-trace {__version__}",
    )


@cache
def _style() -> str:
    return style_sheet("page.css", "comparison.css")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = files("tokenscope_trace.templates").joinpath("comparison.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(source)
