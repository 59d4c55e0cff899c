"""A trace -> one HTML file: summary, recording, viewer and style, under a policy that lets nothing else run or load.

The page carries the viewer's script compressed; a small inline script unpacks and starts it, and the policy holds the hashes
of both. The same trace gives the same bytes. Knows the page's frame; what it says comes from summary.py, what it does from viewer/.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import jinja2
from markupsafe import Markup

from tokenscope_trace import __version__
from tokenscope_trace.bundle import bundle, bundle_classic, bundle_style
from tokenscope_trace.contents import contents
from tokenscope_trace.fitting import fitted, marked, said
from tokenscope_trace.schema import MAJOR_VERSION
from tokenscope_trace.summary import summarise
from tokenscope_trace.traces import Trace

_POLICY = (
    "default-src 'none'; script-src 'sha256-{boot}' 'sha256-{viewer}'; style-src 'sha256-{style}' 'sha256-{sheet}'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types tokenscope"
)
_TRIES = 3  # what a summary needs is known when it is written
_SENTENCE = 512  # bytes, for saying what is left out
_BOOT = "boot.js"  # stands in the page by itself; all other scripts of viewer/ are modules of the bundle


def render(trace: Trace, *, title: str | None = None) -> str:
    """The report as one HTML string; `title` stands in place of the prompt's file name."""
    boot, viewer, sheet, style = boot_script(), viewer_script(), viewer_style(), page_style()
    return _template().render(
        policy=_POLICY.format(boot=_digest(boot), viewer=_digest(viewer), style=_digest(style), sheet=_digest(sheet)),
        boot=Markup(boot),  # noqa: S704  our own source, which bundle_classic() made safe inside a script element
        style=Markup(style),  # noqa: S704  our own source, which bundle_style() checked
        summary=summarise(trace, title),
        contents=contents(trace),
        viewer=packed_viewer(),
        sheet=packed_style(),
        payload=_pack(trace.payload, 6),
        payload_bytes=len(trace.payload),
        format_version=MAJOR_VERSION,
        generator=f"tokenscope-trace {__version__}",
    )


def render_within(trace: Trace, limit: int, *, title: str | None = None) -> tuple[str, str]:
    """(the report in at most `limit` bytes, a sentence on what it lacks for that, empty for nothing).

    What cannot be left out stays, so that the page may be larger. `limit` 0 is none.
    """
    page = render(trace, title=title)
    over = len(page.encode()) - limit
    if not limit or over <= 0:
        return page, ""
    room = _packed_size(trace) - over - _SENTENCE
    for _try in range(_TRIES):
        found = fitted(trace, room, _packed_size)
        page = render(marked(found, limit), title=title)
        over = len(page.encode()) - limit
        if over <= 0 or not found.fits:
            break
        room -= over + _SENTENCE
    return page, said(found, limit) if found.left_out else ""


@cache
def boot_script() -> str:
    """The script that unpacks and starts the viewer's."""
    return bundle_classic("boot", files("tokenscope_trace.viewer").joinpath(_BOOT).read_text(encoding="utf-8"))


@cache
def viewer_script() -> str:
    """The viewer's modules as one classic script, which a debugger shows under its name."""
    return bundle(dict(_modules(files("tokenscope_trace.viewer"))), "main") + "//# sourceURL=tokenscope-viewer.js\n"


def _modules(folder: Traversable, place: str = "") -> Iterator[tuple[str, str]]:
    """(name as in an import, source) of each module in a folder and in those inside of it."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _modules(entry, f"{place}{entry.name}/")
        elif entry.name.endswith(".js") and entry.name != _BOOT:
            yield place + entry.name.removesuffix(".js"), entry.read_text(encoding="utf-8")


@cache
def packed_viewer() -> str:
    """The viewer's script as the page carries it."""
    return _pack(viewer_script().encode("ascii"), 9)


@cache
def page_style() -> str:
    """What the page shows itself with before the viewer runs, and without scripts."""
    return style("page.css")


@cache
def viewer_style() -> str:
    """What only the viewer needs."""
    return style("viewer.css")


def style(*names: str) -> str:
    """Style sheets as one, in ASCII so that no server's wrong charset can break its hash."""
    viewer = files("tokenscope_trace.viewer")
    return bundle_style("".join(viewer.joinpath(name).read_text(encoding="utf-8") for name in names))


@cache
def packed_style() -> str:
    """The viewer's style as the page carries it."""
    return _pack(viewer_style().encode("ascii"), 9)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = files("tokenscope_trace.templates").joinpath("report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(re.sub(r"^ +", "", source, flags=re.MULTILINE))  # no line inside of a <pre> is indented


def _pack(data: bytes, level: int) -> str:
    """Base64 around gzip, which carries a checksum."""
    return base64.b64encode(gzip.compress(data, level, mtime=0)).decode("ascii")


def _packed_size(trace: Trace) -> int:
    return len(_pack(trace.payload, 6))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")
