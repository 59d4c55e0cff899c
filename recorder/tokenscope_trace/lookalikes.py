r"""Characters that do not show as what they are: what draws nothing, and what looks like ASCII and is not. Knows no output.

In: a text. Out: the places of characters to be written out, each with its kind. The text becomes a text of classes, one for each
character (character_table.py: Unicode's own data, with UTS 39's confusables), and that is read line by line; the time is that of one
look-up a character and a few a word. viewer/reading/lookalikes.js holds the same rules; a test compares every code point, and texts.

A word is a run of letters, digits and marks. Among Latin letters every letter of another alphabet is written out, but for those of China,
Japan and Korea, which are written together with Latin ones (UTS 39's "highly restrictive"), and only where they look like ASCII. A word in
which every letter looks like ASCII is written out where no prose of its alphabet stands beside it; a Greek letter that mathematics
knows stays. A sign that looks like one of ASCII is written out, but beside letters of another alphabet, in comments and in prose.
"""

from __future__ import annotations

import re
from functools import cache, cached_property

from tokenscope_trace.character_table import RUNS

_FOREIGN = "letter of another alphabet inside of a word"
_LETTER = "letter that looks like another"
_SIGN = "sign that looks like another"
_UNSEEN = {"C": "control character", "B": "bidirectional control", "Z": "unusual space"}

_LINE = re.compile(r"[^\n\r]+")
_HIDDEN = re.compile(r"[BCFVWXZ]")
_READ = re.compile(r"[DEGHIKMNQRTU]")  # a line without any is as it looks
_WORD = re.compile(r"[a0ALNMGHIRDEJK]+")
_LATIN = re.compile(r"[aL]")
_FOREIGN_LETTERS = re.compile(r"[GHIRDE]")
_ALIKE = re.compile(r"[A0MNHIEK]*[MNHIEK][A0MNHIEK]*")
_TWO_KINDS_OF_DIGITS = re.compile(r"(?=.*0)(?=.*[DE])[A0DE]+")
_PLAIN = re.compile(r"[aLA0]+")
_OWN_WAY = re.compile(r"[GRDJ]")  # what looks like nothing in ASCII
_SPELLED = re.compile(r"L")
_EASTERN = re.compile(r"[JK]+")
_SIGNS = re.compile(r"[TUQ][ TUQO]*")
# Between words of prose: a blank, with signs of prose, or a hyphen; nothing that code is made of.
_PROSE_BETWEEN = re.compile(r"[.,:;!?)TUQO-]{0,4} {1,2}[(.,:;!?TUQO-]{0,4} ?|-|[TUQO]{1,4}")
_NEXT = re.compile(r"[^a0ALNMGHIRDEJK]{1,12}([a0ALNMGHIRDEJK]+)")
_NEAR = 2  # words to either side of one
_COMMENT = re.compile(
    r" *(?:#(?![a\[])|//|/\*|\*(?=[ */])|--(?= )|<!--|%(?= )|;;|\"\"\"|''')|[^\"'`]*(?: #[ !:]|[;{},)] *//)"
)
_LIST_MARK = re.compile(r"^ *(?:[-*+>]|0+[.)]) ")
_QUOTED = re.compile(r"`[^`]*`|\*\*")
_CODE = re.compile(r"[=\[\]{}<>\\|&^$@~+;_*%#`]|a\(")
_PROSE_WORD = re.compile(r"[aLANMGHIR]{2,}")
_PROSE_WORDS = 4
_OPENS = re.compile(r"(?:[=+\[{<>]|a\() {0,4}$")  # code in front of a quotation mark
_PICTURE_LETTER = "\u2139"


def disguised(text: str) -> dict[int, str]:
    """Places of characters that are to be written out, and why, in the singular. Line ends and tabs are not among them."""
    seen = classes(text)
    found = {
        match.start(): _UNSEEN.get(match[0], "invisible character")
        for match in _HIDDEN.finditer(seen)
        if not _at_work(text, seen, match.start())
    }
    if not text.isascii():
        for line in _LINE.finditer(seen):
            if _READ.search(line[0]):
                first = line.start()
                found.update((first + place, kind) for place, kind in _Line(line[0]).disguised().items())
    return found


def classes(text: str) -> str:
    """A class for each character; ASCII letters are `a`, digits `0`, a tab is a blank, and other ASCII is itself."""
    return text.translate(_table())


@cache
def _table() -> str:
    low = "".join({9: " ", 10: "\n", 13: "\r"}.get(i, "C") for i in range(32))
    signs = re.sub("[0-9]", "0", re.sub("[A-Za-z]", "a", "".join(map(chr, range(32, 127)))))
    runs = re.findall("([A-Z])([0-9a-z]*)", RUNS)
    return low + signs + "C" + "".join(letter * int(count or "1", 36) for letter, count in runs)


def _at_work(text: str, seen: str, place: int) -> bool:
    """Whether a joiner or a selector of pictures does its ordinary work."""
    own, before, after = seen[place], seen[place - 1 : place] if place else "", seen[place + 1 : place + 2]
    if own == "W":
        return before in ("P", "U") or after == "Y" or text[place - 1 : place] == _PICTURE_LETTER
    if own == "X" and before in ("P", "U", "W") and after in ("P", "U"):
        return True
    return own in "XF" and "R" in (before, after) and before in ("R", "H") and after in ("R", "H")


class _Line:
    """One line of classes, and what in it is written out."""

    def __init__(self, seen: str) -> None:
        self._seen = seen
        self._quoting = False

    def disguised(self) -> dict[int, str]:
        found: dict[int, str] = {}
        before: list[tuple[int, int]] = []
        for word in _WORD.finditer(self._seen):
            if not _PLAIN.fullmatch(word[0]):
                found.update(self._of_word(word[0], word.start(), before))
            before = [word.span(), *before[: _NEAR - 1]]
        for run in _SIGNS.finditer(self._seen):
            found.update(self._of_signs(run[0], run.start(), found))
        return found

    def _of_word(self, word: str, first: int, before: list[tuple[int, int]]) -> dict[int, str]:
        if _LATIN.search(word):
            return self._among_latin(word, first, before)
        if _TWO_KINDS_OF_DIGITS.fullmatch(word):
            return {first + i: _FOREIGN for i, letter in enumerate(word) if letter in "DE"}
        if not _ALIKE.fullmatch(word):
            return {}
        letters = word.replace("A", "").replace("0", "")
        is_lone = len(letters) == 1
        end = first + len(word)
        if letters == "I" or (is_lone and (self._is_prose(first) or self._seen[end : end + 1] == "W")):
            return {}
        if self._beside(_OWN_WAY, first, end, before):
            return {}
        return {first + i: _LETTER for i, letter in enumerate(word) if letter in "MNHIEK"}

    def _among_latin(self, word: str, first: int, before: list[tuple[int, int]]) -> dict[int, str]:
        found = {first + match.start(): _FOREIGN for match in _FOREIGN_LETTERS.finditer(word)}
        found.update((first + i, _LETTER) for i, letter in enumerate(word) if letter == "M")
        spelled_so = "N" not in word or "L" in word or self._is_prose(first)
        if not spelled_so and not self._beside(_SPELLED, first, first + len(word), before):
            found.update((first + i, _LETTER) for i, letter in enumerate(word) if letter == "N")
        for run in _EASTERN.finditer(word):
            if "J" not in run[0]:
                found.update((first + place, _LETTER) for place in range(*run.span()))
        return found

    def _beside(self, what: re.Pattern[str], first: int, end: int, before: list[tuple[int, int]]) -> bool:
        """Whether a word near this one has such a letter, with nothing but prose between."""
        left = first
        for begin, stop in before:
            if not _PROSE_BETWEEN.fullmatch(self._seen, stop, left):
                break
            if what.search(self._seen, begin, stop):
                return True
            left = begin
        for _ in range(_NEAR):
            word = _NEXT.match(self._seen, end)
            if not word or not _PROSE_BETWEEN.fullmatch(self._seen, end, word.start(1)):
                break
            if what.search(word[1]):
                return True
            end = word.end()
        return False

    def _of_signs(self, run: str, first: int, known: dict[int, str]) -> dict[int, str]:
        """Signs with nothing but blanks and other signs between them."""
        end = first + len(run)
        before = first - 1
        while before > max(-1, first - 4) and self._seen[before] in " O":
            before -= 1
        for place in (before, end):
            if 0 <= place < len(self._seen) and self._seen[place] in "GHIRDEJK" and place not in known:
                return {}
        found = {}
        for place in range(first, end):
            sign = self._seen[place]
            if sign not in "TUQ" or self._seen[place + 1 : place + 2] == "W" or self._is_prose(place):
                continue
            if sign != "Q" or self._quotes_code(place):
                found[place] = _SIGN
        return found

    def _quotes_code(self, place: int) -> bool:
        """Whether a quotation mark stands where code begins a text, or ends what such a one began; asked from left to right."""
        if _OPENS.search(self._seen, max(0, place - 6), place):
            self._quoting = True
            return True
        is_apostrophe = self._seen[place - 1 : place] == "a" and self._seen[place + 1 : place + 2] == "a"
        ends, self._quoting = self._quoting and not is_apostrophe, self._quoting and is_apostrophe
        return ends

    def _is_prose(self, place: int) -> bool:
        return place >= self._comment or self._reads_as_prose

    @cached_property
    def _comment(self) -> int:
        """Where a comment begins; the line's end where none does."""
        begun = _COMMENT.match(self._seen)
        return begun.end() if begun else len(self._seen)

    @cached_property
    def _reads_as_prose(self) -> bool:
        """Whether there are several words, and no sign of code outside of backticks."""
        plain = _QUOTED.sub(" ", _LIST_MARK.sub("", self._seen))
        return not _CODE.search(plain) and len(_PROSE_WORD.findall(plain)) >= _PROSE_WORDS
