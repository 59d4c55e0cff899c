"""The alignment of two sequences, of lines or of words: which of them stand in both, and what each has in their place. Knows no text.

Short ones are difflib's, whose blocks read best. Its work grows with the square or the cube of what is alike, so where a bound would
be passed, the lines that are alike only once (patience diff, by Bram Cohen) divide the sequences first, and difflib is asked between
them; where even that is too much, equal lines are matched in their order. The bound is one of work, not of time: what is found is the
same on every machine.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

WORK = 20_000_000  # comparisons of two items: about a second
_ROUNDS = 8  # how often a stretch is divided, each in time that grows with n log n
_Pairs = list[tuple[int, int]]  # a place in A, one in B


class AlignedBlock(NamedTuple):
    """A stretch of A, items [a1, a2), beside one of B, [b1, b2): `kind` is equal, replace, delete or insert, as difflib has them."""

    kind: str
    a1: int
    a2: int
    b1: int
    b2: int


@dataclass(frozen=True)
class Alignment:
    """The blocks of two sequences, in order; all of both is in one of them, and none is empty.

    `rough` says that not all could be looked into: some of what is alike may stand as different.
    """

    blocks: tuple[AlignedBlock, ...]
    rough: bool = False


class _Stretch(NamedTuple):
    """Items [a1, a2) of A and [b1, b2) of B."""

    a1: int
    a2: int
    b1: int
    b2: int


def align(a: Sequence[Hashable], b: Sequence[Hashable], work: int = WORK) -> Alignment:
    """The alignment of two sequences within so much work; beside that, time and memory grow with n log n and n."""
    numbers: dict[Hashable, int] = {}
    one, two = ([numbers.setdefault(item, len(numbers)) for item in items] for items in (a, b))
    whole = _Stretch(0, len(one), 0, len(two))
    if one == two:
        return Alignment(_blocks(whole, [whole]))
    if difflib_work(one, two) <= work:
        return Alignment(_blocks(whole, _matched(one, two, whole)))
    equal, gaps = _divided(one, two, [whole], _once)
    rough, left = False, work
    for cost, gap in sorted((difflib_work(one[gap.a1 : gap.a2], two[gap.b1 : gap.b2]), gap) for gap in gaps):
        if cost <= left:
            left -= cost
            equal += _matched(one, two, gap)
        else:
            rough = True
            equal += _divided(one, two, [gap], _in_their_order)[0]
    return Alignment(_blocks(whole, sorted(equal)), rough)


def difflib_work(a: Sequence[int], b: Sequence[int]) -> int:
    """What difflib's passes over two sequences cost at most: each looks at all pairs of equal items, and each finds one more block."""
    ours, theirs = Counter(a), Counter(b)
    alike = ours.keys() & theirs.keys()
    pairs = sum(ours[item] * theirs[item] for item in alike)
    blocks = sum(min(ours[item], theirs[item]) for item in alike)
    return (1 + blocks) * (len(a) + pairs)


def hunks(blocks: Sequence[AlignedBlock], context: int) -> Iterator[list[AlignedBlock]]:
    """The different blocks with so many equal items around each, those that are near to each other together, as a unified diff has them."""
    hunk: list[AlignedBlock] = []
    for block in blocks:
        size = block.a2 - block.a1
        if block.kind != "equal" or (hunk and size <= 2 * context and block is not blocks[-1]):
            hunk.append(block)
        else:
            if hunk and context:
                hunk.append(
                    AlignedBlock(
                        "equal", block.a1, min(block.a1 + context, block.a2), block.b1, min(block.b1 + context, block.b2)
                    )
                )
            if hunk:
                yield hunk
            kept = min(context, size)
            hunk = [AlignedBlock("equal", block.a2 - kept, block.a2, block.b2 - kept, block.b2)] if kept else []
    if any(block.kind != "equal" for block in hunk):
        yield hunk


def _matched(a: Sequence[int], b: Sequence[int], stretch: _Stretch) -> list[_Stretch]:
    """What difflib finds equal in a stretch."""
    matcher = difflib.SequenceMatcher(None, a[stretch.a1 : stretch.a2], b[stretch.b1 : stretch.b2], autojunk=False)
    return [
        _Stretch(stretch.a1 + i, stretch.a1 + i + size, stretch.b1 + j, stretch.b1 + j + size)
        for i, j, size in matcher.get_matching_blocks()
        if size
    ]


def _divided(
    a: Sequence[int], b: Sequence[int], stretches: list[_Stretch], pairs: Callable[[Sequence[int], Sequence[int]], _Pairs]
) -> tuple[list[_Stretch], list[_Stretch]]:
    """(what is equal, the gaps between it that hold items of both) after some rounds, in each of which the pairs of equal items divide
    the gaps that are left.
    """
    equal: list[_Stretch] = []
    for _ in range(_ROUNDS):
        before, gaps = len(equal), []
        for stretch in stretches:
            inner = _trimmed(a, b, stretch, equal)
            anchors = [
                (inner.a1 + i, inner.b1 + j) for i, j in _ascending(pairs(a[inner.a1 : inner.a2], b[inner.b1 : inner.b2]))
            ]
            equal += [_Stretch(i, i + 1, j, j + 1) for i, j in anchors]
            ends = [(inner.a1 - 1, inner.b1 - 1), *anchors, (inner.a2, inner.b2)]
            gaps += [_Stretch(i + 1, k, j + 1, m) for (i, j), (k, m) in pairwise(ends) if i + 1 < k and j + 1 < m]
        stretches = gaps
        if len(equal) == before:
            break
    return equal, stretches


def _trimmed(a: Sequence[int], b: Sequence[int], stretch: _Stretch, equal: list[_Stretch]) -> _Stretch:
    """A stretch without what both begin and end with, which goes to what is equal."""
    a1, a2, b1, b2 = stretch
    while a1 < a2 and b1 < b2 and a[a1] == b[b1]:
        a1, b1 = a1 + 1, b1 + 1
    while a1 < a2 and b1 < b2 and a[a2 - 1] == b[b2 - 1]:
        a2, b2 = a2 - 1, b2 - 1
    ends = _Stretch(stretch.a1, a1, stretch.b1, b1), _Stretch(a2, stretch.a2, b2, stretch.b2)
    equal += [end for end in ends if end.a1 < end.a2]
    return _Stretch(a1, a2, b1, b2)


def _once(a: Sequence[int], b: Sequence[int]) -> _Pairs:
    """The items that stand once in each."""
    ours, theirs = Counter(a), Counter(b)
    places = {item: place for place, item in enumerate(b) if theirs[item] == 1}
    return [(place, places[item]) for place, item in enumerate(a) if ours[item] == 1 and item in places]


def _in_their_order(a: Sequence[int], b: Sequence[int]) -> _Pairs:
    """The first of some equal items with the first, the second with the second, and so on."""
    waiting: dict[int, list[int]] = {}
    for place in reversed(range(len(b))):
        waiting.setdefault(b[place], []).append(place)
    return [(place, waiting[item].pop()) for place, item in enumerate(a) if waiting.get(item)]


def _ascending(pairs: _Pairs) -> _Pairs:
    """The longest run of pairs, ascending in their first, that ascends in their second, too."""
    tails: list[int] = []  # the smallest second with which a run of this length ends
    last: list[int] = []  # the pair that it is of
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(tails, place)
        tails[length : length + 1], last[length : length + 1] = [place], [number]
        before.append(last[length - 1] if length else -1)
    found: _Pairs = []
    number = last[-1] if last else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]


def _blocks(whole: _Stretch, equal: Sequence[_Stretch]) -> tuple[AlignedBlock, ...]:
    """All blocks from what is equal, in order; neighbours are one."""
    found: list[AlignedBlock] = []
    for stretch in (*equal, _Stretch(whole.a2, whole.a2, whole.b2, whole.b2)):
        a, b = (found[-1].a2, found[-1].b2) if found else (0, 0)
        if (a, b) != (stretch.a1, stretch.b1):
            kind = "insert" if a == stretch.a1 else "delete" if b == stretch.b1 else "replace"
            found.append(AlignedBlock(kind, a, stretch.a1, b, stretch.b1))
        if stretch.a1 < stretch.a2:
            joins = found and found[-1].kind == "equal"
            first = found.pop() if joins else stretch
            found.append(AlignedBlock("equal", first.a1, stretch.a2, first.b1, stretch.b2))
    return tuple(found)
