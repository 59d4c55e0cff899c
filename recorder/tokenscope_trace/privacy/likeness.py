"""Likeness: when a text is as good as a part of another, whatever its case and the signs in between. Bytes in, sets of short texts out.

Two texts share something where four signs of a word of one follow each other in a word of the other: in any case, and without what
stands between the parts of a name (`apiKey`, `API_KEY`, `api-key`). Of scripts that write a word in a sign or two, two signs do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tokenscope_trace.traces.pruning import SIGN

WORD = re.compile(rb"[\w+/=.@~\x80-\xff-]+")
FIGURES = re.compile(rb"(?<![\w.])\d[\w.]*")
SHARED = 4  # signs in a row
SHORTEST_KEY = 3  # signs of what is looked for as a whole
_BETWEEN = str.maketrans("", "", "_-. \t\r\n'\"`")
_WIDE = re.compile("[\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
_SIGN = SIGN.decode()


def folded(text: bytes) -> str:
    """The text in no case; a sign that is a word by itself counts as three."""
    found = text.decode("utf-8", "surrogateescape").casefold()
    return found if found.isascii() else _WIDE.sub(lambda match: match[0] * SHORTEST_KEY, found)


def key(text: bytes) -> str:
    """A word in no case and without what stands between its parts."""
    return folded(text).translate(_BETWEEN)


def grams(text: str, size: int) -> Iterator[str]:
    """Its parts of so many signs."""
    return (text[i : i + size] for i in range(len(text) - size + 1))


class Grams:
    """The parts of some texts, of `SHORTEST_KEY` and of `SHARED` signs."""

    def __init__(self, texts: Iterable[bytes], *, named: bool) -> None:
        """As they stand, in no case; where they are `named`, as other names of theirs could have them, too."""
        self.short: set[str] = set()
        self.shared: set[str] = set()
        for text in texts:
            self._add(folded(text))
            for word in WORD.findall(text) if named else ():
                self._add(key(word))

    def _add(self, text: str) -> None:
        text = text.replace(_SIGN, "\0")
        self.short.update(grams(text, SHORTEST_KEY))
        self.shared.update(grams(text, SHARED))

    def without(self, others: Grams) -> Grams:
        """Those that the others have not."""
        found = Grams((), named=False)
        found.short, found.shared = self.short - others.short, self.shared - others.shared
        return found

    def share(self, text: str) -> bool:
        """Whether a text shares something with them."""
        return any(part in self.shared for part in grams(text, SHARED))

    def tell(self, word: bytes, before: bytes = b"") -> bool:
        """Whether a token says something of them where it stands behind these bytes."""
        own = folded(word).strip()
        if self.share(own) or (len(own) == SHORTEST_KEY and own in self.short):
            return True
        names = [key(part) for part in WORD.findall(word)]
        if any(self.share(name) or (len(name) == SHORTEST_KEY and name in self.short) for name in names):
            return True
        grown = _last_word(before) + (_FIRST_WORD.match(word) or [b""])[0]
        return self.share(key(grown)[-_GROWN:]) if len(grown) > len(word) else False


_FIRST_WORD = re.compile(rb"[\w+/=.@~\x80-\xff-]*")
_LAST_WORD = re.compile(rb"[\w+/=.@~\x80-\xff-]*\Z")
_GROWN = 64


def _last_word(text: bytes) -> bytes:
    found = _LAST_WORD.search(text)
    return found[0] if found else b""
