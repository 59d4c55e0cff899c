"""The icon of a page, as a data URI: the verdict of the check as a sign on a colour. A key in, text out; nothing foreign is in it.

Each verdict has a shape of its own, too, for those who see no colours.
"""

from __future__ import annotations

import base64

from tokenscope_trace.reports.check_verdict import FAILED, PASSED, TIMED_OUT, UNCHECKED, UNRUN

_SHAPES = {  # (colour, shape, sign) in a square of 16
    PASSED: ("#1a7f37", "M8 0a8 8 0 0 1 0 16a8 8 0 0 1 0-16", "M4 8.5l3 3l5-6.5"),
    FAILED: ("#c4281c", "M2 0h12q2 0 2 2v12q0 2-2 2h-12q-2 0-2-2v-12q0-2 2-2", "M5 5l6 6M11 5l-6 6"),
    TIMED_OUT: ("#c4281c", "M8 0a8 8 0 0 1 0 16a8 8 0 0 1 0-16", "M8 4v4.5l3 2"),
    UNRUN: ("#a15c00", "M8 .5l8 15h-16z", "M8 5.5v4.5M8 12.4v.6"),
    UNCHECKED: ("#63666e", "M8 0a8 8 0 0 1 0 16a8 8 0 0 1 0-16", "M4.5 8h7"),
    "": ("#2f57c8", "M2 0h12q2 0 2 2v12q0 2-2 2h-12q-2 0-2-2v-12q0-2 2-2", "M4 5h8M4 8h5M4 11h7"),
}


def icon_of(key: str) -> str:
    """The picture of a verdict by its key; that of no verdict for the empty one."""
    colour, shape, sign = _SHAPES[key]
    stroke = 'fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="{colour}" d="{shape}"/><path {stroke} d="{sign}"/></svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()
