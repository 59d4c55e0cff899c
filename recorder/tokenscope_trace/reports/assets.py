"""Assets of the page: the viewer's script and the style sheets, as text that a page carries, with the hashes that admit them.

From the package's own files alone; the same files give the same bytes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from tokenscope_trace.reports.bundle import bundle_classic, bundle_modules, bundle_style

_BOOT = "boot.js"  # stands in the page by itself; all other scripts of viewer/ are modules of the bundle


@cache
def boot_script() -> str:
    """The script that unpacks and starts the viewer's."""
    return bundle_classic("boot", files("tokenscope_trace.viewer").joinpath(_BOOT).read_text(encoding="utf-8"))


@cache
def viewer_script() -> str:
    """The viewer's modules as one classic script, which a debugger shows under its name."""
    return bundle_modules(dict(_modules(files("tokenscope_trace.viewer"))), "main") + "//# sourceURL=tokenscope-viewer.js\n"


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
    return pack(viewer_script().encode("ascii"), 9)


@cache
def page_style() -> str:
    """What the page shows itself with before the viewer runs, and without scripts."""
    return style_sheet("page.css")


@cache
def viewer_style() -> str:
    """What only the viewer needs."""
    return style_sheet("viewer.css")


def style_sheet(*names: str) -> str:
    """Style sheets as one, in ASCII so that no server's wrong charset can break its hash."""
    viewer = files("tokenscope_trace.viewer")
    return bundle_style("".join(viewer.joinpath(name).read_text(encoding="utf-8") for name in names))


@cache
def packed_style() -> str:
    """The viewer's style as the page carries it."""
    return pack(viewer_style().encode("ascii"), 9)


def pack(data: bytes, level: int) -> str:
    """Base64 around gzip, which carries a checksum."""
    return base64.b64encode(gzip.compress(data, level, mtime=0)).decode("ascii")


def digest(text: str) -> str:
    """The SHA-256 of ASCII text, as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")
