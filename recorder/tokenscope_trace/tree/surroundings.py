"""The surroundings of a fork: whether code stands there or prose, and where the unit that it stands in is complete. Bytes in, answers out;
runs no model.

A fork inside of a comment, of documentation, or behind the unit that was asked for decides nothing about the program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import accumulate

from tokenscope_trace.analysis.kept import cut_at_stop
from tokenscope_trace.analysis.units import PromptUnit
from tokenscope_trace.languages.loops import repeats_from
from tokenscope_trace.languages.passages import CodePiece, code_piece
from tokenscope_trace.languages.remarks import remark_around

_WITHIN_WORD = re.compile(rb"\w\w")
_LOOKED_AT = 2048  # bytes at a text's end in which a loop shows
_LINE_ENDS = (b"\n", b"\r", b";", b"}")


class Ground(Enum):
    """What stands around a fork."""

    CODE = 0
    PLAIN = 1  # text without code anywhere
    BEHIND = 2  # code behind what was asked for, such as an example of its use
    PROSE = 3  # beside code: nothing that is compared
    NOWHERE = 4  # what a fork there leads to is known, or is no part of the program


@dataclass(frozen=True)
class Look:
    """A path's text as far as it has grown, behind the prompt: where it is code, and from where on nothing is decided any more."""

    pieces: Sequence[CodePiece]
    begin: int  # bytes of the prompt
    asked: int  # where the code that was asked for ends, a byte of the text, too
    end: int

    def ground(self, place: int, other: bytes, own: bytes) -> Ground:
        """What stands around the byte `place` behind the prompt, where `other` could stand instead of `own`."""
        if place > self.end:
            return Ground.NOWHERE
        own_pieces = [one for one in self.pieces if one.end > self.begin]
        if not own_pieces:
            return Ground.PLAIN
        if _spells_beginning(other, own):
            return Ground.NOWHERE
        byte = self.begin + place
        piece = next((one for one in own_pieces if one.holds(byte)), None)
        if piece is None:
            return Ground.PROSE if byte < own_pieces[-1].end else Ground.NOWHERE
        place_there = piece.passage.own(byte)
        around = remark_around(piece.program, place_there)
        if around is None or (around == place_there and other.lstrip(b" \t")[:1] in (b"\n", b"\r")):
            return Ground.CODE if byte <= self.asked else Ground.BEHIND
        return Ground.NOWHERE


@dataclass(frozen=True)
class Surroundings:
    """What a tree is grown in: the unit that is to be completed, the text before the output, and behind it, where that fills a hole; how a
    token reads in a program, control tokens as nothing.
    """

    unit: PromptUnit
    spell: Callable[[int], bytes]
    before: bytes
    behind: bytes = b""

    def look(self, written: bytes, last: bytes, stops: Sequence[bytes]) -> Look:
        """At a path that wrote this behind the prompt, whose last token is `last`; `stops` are strings that end a text."""
        text = self.before + written + self.behind
        unit = self.unit
        pieces = [code_piece(text, one, ended=True, written=len(text)) for one in unit.passages(text)]
        ends = [len(written)]
        done = None if self.behind else unit.end(self.before + written)
        if done is not None:
            ends.append(done - len(self.before))
        stop = cut_at_stop(self.before + written, len(self.before) + len(written) - len(last), stops)
        if stop is not None:
            ends.append(stop[0] - len(self.before))
        loop = repeats_from(written)
        if loop is not None:
            ends.append(loop)
        return Look(pieces, len(self.before), self._asked(text, pieces), min(ends))

    def deciding(self, words: Sequence[bytes], stops: Sequence[bytes]) -> int:
        """How many tokens of an output that reads so stand in the code that was asked for; all of them where there is no code."""
        look = self.look(b"".join(words), words[-1] if words else b"", stops)
        places = accumulate(map(len, words[:-1]), initial=0)
        grounds = [look.ground(place, b"", b"") for place, _ in zip(places, words, strict=False)]
        return sum(ground in (Ground.CODE, Ground.PLAIN) for ground in grounds)

    def _asked(self, text: bytes, pieces: Sequence[CodePiece]) -> int:
        """Where the code that was asked for ends: the function that the prompt breaks off in, or the first code of an answer."""
        if self.unit.conversation:
            own = [one.end for one in pieces if one.end > self.unit.begin]
            return own[0] if own else len(text)
        unit = self.unit.resolved(self.before) if self.unit.until == "text" and not self.behind else self.unit
        end = None if self.behind else unit.end(text)
        return len(text) if end is None else end

    def completed(self, ids: Sequence[int]) -> bool:
        """Whether an output of these tokens has completed the unit that was asked for."""
        words = [self.spell(token) for token in ids[-4:]]
        if self.unit.until not in ("function", "statement") or not may_end_unit(words):
            return False
        text = self.before + b"".join(map(self.spell, ids))
        return self.unit.end(text) is not None

    def is_complete(self, written: bytes, fork: int) -> bool:
        """Whether a path that left another one `fork` bytes behind the prompt has completed the unit that it stands in."""
        if self.behind:
            return False
        text = self.before + written
        unit = self.unit
        if unit.until not in ("function", "statement"):
            unit = replace(unit, begin=len(self.before) + fork).resolved(text, otherwise="statement")
        return unit.end(text) is not None


def _spells_beginning(other: bytes, own: bytes) -> bool:
    """Whether a token is another one's beginning, broken off within a word: it is about to spell the same."""
    return (
        len(other) < len(own) and own.startswith(other) and bool(_WITHIN_WORD.match(own, len(other) - 1)) if other else False
    )


def may_end_unit(words: Sequence[bytes]) -> bool:
    """Whether the last token may have brought a unit to its end: it ends a statement, or it is the first on its line."""
    last = words[-1]
    if any(sign in last for sign in _LINE_ENDS):
        return True
    line = b"".join(words[-4:-1]).rsplit(b"\n", 1)
    return len(line) == 2 and not line[1].strip() and bool(last.strip())


def is_loop(written: bytes) -> bool:
    """Whether a text has begun to repeat itself."""
    return repeats_from(written[-_LOOKED_AT:]) is not None
