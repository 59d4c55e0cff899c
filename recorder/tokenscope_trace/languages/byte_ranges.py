"""Ranges of bytes: what several of them cover together, and what lies between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]


def joined_ranges(ranges: Iterable[Range]) -> list[Range]:
    """The bytes of these ranges as ranges of which no two touch, ascending."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def ranges_between(ranges: Iterable[Range], first: int, last: int) -> list[Range]:
    """What of [first, last) lies in none of these, ascending."""
    found, at = [], first
    for start, end in sorted(ranges):
        if start > at:
            found.append((at, start))
        at = max(at, end)
    return [*found, (at, last)] if at < last else found
