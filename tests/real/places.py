"""Where the tokens of a path lie: in the unit that the prompt began, in a comment of it, behind its end, at a stop string, in a loop; of a
chat in the first fence, in another one, or in prose. By the judge's own reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum

from tests.real.judge import unit_of
from tests.real.paths import Paths, Written, fences
from tests.real.units import State

_STRINGS_AND_COMMENTS = re.compile(
    rb"""(?P<comment>\#[^\n]*)|\"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?""",
    re.DOTALL | re.VERBOSE,
)
_SHORTEST_LOOP = 12  # tokens: three blanks are none


class Place(Enum):
    """What a token is part of; of several the first."""

    STOP = "in or behind a stop string"
    COMMENT = "in a comment"
    BEHIND = "behind the unit's end"
    LOOP = "in an exact loop"
    OTHER_FENCE = "in another fence (chat)"
    PROSE = "in prose (chat)"
    UNIT = "in the function"


def places_of(paths: Paths, written: Written) -> list[Place]:
    """One for each token that a path wrote."""
    first, end = _unit_range(paths, written)
    prompt = b"" if paths.chat else written.prompt
    other = [(start, stop) for start, stop, _ in list(fences(written.kept))[1:]] if paths.chat else []
    remarks = [(start - len(prompt), stop - len(prompt)) for start, stop in comments(prompt + written.kept)]
    loops = in_loop(paths.trace.nodes.token_id[list(written.nodes)].tolist())
    found = []
    for start, piece, loop in zip(written.starts, written.pieces, loops, strict=True):
        stop = start + len(piece)
        middle = (start + stop) / 2
        in_fence = any(a <= middle < b for a, b in other)
        if stop > written.kept_size or (written.stopped and not piece):
            found.append(Place.STOP)
        elif paths.chat and not in_fence and not first <= middle <= end:
            found.append(Place.PROSE)
        elif any(a <= middle < b + 1 for a, b in remarks):
            found.append(Place.COMMENT)
        elif in_fence:
            found.append(Place.OTHER_FENCE)
        elif middle > end:
            found.append(Place.BEHIND)
        else:
            found.append(Place.LOOP if loop else Place.UNIT)
    return found


def _unit_range(paths: Paths, written: Written) -> tuple[float, float]:
    """(first byte, end) of what the prompt asked for, in the path's text; without an end where it is not complete."""
    if paths.chat:
        start, end, _ = next(fences(written.kept), (len(written.kept) + 1,) * 2 + (False,))
        return start, end
    unit = unit_of(paths, written, 0)
    assert unit is not None
    return 0, unit.end - len(written.prompt) if unit.state is State.COMPLETE else float("inf")


def comments(text: bytes) -> Iterator[tuple[int, int]]:
    """(first byte, end) of each comment of Python code, complete or not."""
    for found in _STRINGS_AND_COMMENTS.finditer(text):
        if found["comment"] is not None:
            yield found.span()


def in_loop(ids: Sequence[int]) -> list[bool]:
    """Of each token, whether it repeats, for the third time or more, the tokens before it."""
    found = [False] * len(ids)
    for period in range(1, len(ids) // 3 + 1):
        run = 0
        for at in range(period, len(ids)):
            run = run + 1 if ids[at] == ids[at - period] else 0
            if run >= max(2 * period, _SHORTEST_LOOP - period):
                found[at - run + period + 1 : at + 1] = [True] * (run - period)
    return found
