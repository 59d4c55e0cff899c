r"""Text for readers: foreign text that cannot deceive, and numbers, for the terminal and the page alike.

What has no glyph of its own, or that of another sign, is written out.

In: bytes or strings from a model, a prompt, a file name. Out: the same with controls, bidirectional marks, zero-width and odd
space characters as escapes such as <U+202E>, likewise letters of another alphabet inside of a Latin word and signs that look like
ASCII's, and invalid bytes as \\xE3. viewer/reading/text.js holds the same rule for the page.

A number that is not zero never reads as zero, and a probability that is not one never as 100 %; viewer/reading/format.js writes numbers
the same way.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Zs", "Co", "Cn"}
_NOT_PLAIN = re.compile("[^ -~]")  # printable ASCII is most of what there is, and needs no look
_NOT_PLAIN_LINES = re.compile("[^ -~\n\t]")
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Letters beside ASCII letters in one word: Greek ones that look like Latin ones, Cyrillic, Armenian, Cherokee, Roman numerals, Coptic,
# Lisu, and Latin ones that are wide or mathematical. Alone they are letters like all others.
_ALIKE = re.compile(
    "[\u037f\u0391\u0392\u0395-\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bd\u03bf\u0400-\u052f\u0531-\u0587\u13a0-\u13ff"
    "\u1c80-\u1c8f\u2160-\u217f\u2c80-\u2cff\ua4d0-\ua4ff\ua640-\ua69f\uab70-\uabbf\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]"
)
_SIGN_ALIKE = re.compile("[\u01c0-\u01c3\u02d0\u037e\u2024\u2215\u2223\u2236\ua789]")  # | ! : ; . / in other clothes
_HALF = re.compile("[\ud800-\udfff]")
_REACH = 32  # characters to either side of one whose word is looked at
_PICTURE = re.compile("[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]")
_SELECTOR, _JOINER, _KEYCAP = "\ufe0f", "\u200d", "\u20e3"
_SIGNS = {"\n": "↵", "\r": "\\r", "\t": "→"}


def fact_text(text: str) -> str:
    r"""A text of a command line, a file name or the environment as what a file can hold: UTF-8, as those meant it who typed it.

    Where Python could not read its bytes, by the locale, they are read again as UTF-8; those that are none are written out, as \\xE3.
    """
    if text.isascii():
        return text
    with contextlib.suppress(UnicodeEncodeError):  # half a character, of which no byte is known
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return _HALF.sub(lambda half: _written_out(half[0]), text)


def told_apart(names: Iterable[str]) -> list[str]:
    """The names as facts; one that is there already gets a number in front of it, which leaves its suffix as it is."""
    found: dict[str, None] = {}
    times: Counter[str] = Counter()
    for name in map(fact_text, names):
        own = name
        while own in found:
            times[name] += 1
            own = f"({times[name] + 1})/{name}"
        found[own] = None
    return list(found)


def _written_out(half: str) -> str:
    return f"\\x{ord(half) & 0xFF:02X}" if "\udc80" <= half <= "\udcff" else f"<U+{ord(half):04X}>"


def visible_text(content: bytes | str) -> str:
    """Several lines: line breaks and tabs stay, the rest is written out."""
    return _drawn(content, keep=frozenset("\r\n\t"))


def visible_line(content: bytes | str) -> str:
    """One line: line breaks and tabs become signs too."""
    return _drawn(content, signs=_SIGNS)


def visible_token(content: bytes) -> str:
    """One token: as a line, with spaces at either end drawn as middle dots."""
    text = visible_line(content)
    if not text:
        return "(empty)"
    left = len(text) - len(text.lstrip(" "))
    right = 0 if left == len(text) else len(text) - len(text.rstrip(" "))
    return "·" * left + text[left : len(text) - right] + "·" * right


def deceptive(texts: Iterable[bytes]) -> str:
    """One sentence about the characters in these texts that are written out; empty where there is none."""
    found: Counter[str] = Counter()
    for content in texts:
        text = content.decode("utf-8", "replace")
        for place in _NOT_PLAIN_LINES.finditer(text):
            i = place.start()
            ends_line = text[i : i + 2] == "\r\n"
            if not ends_line and (kind := _kind(text, i)):
                found[kind] += 1
    if not found:
        return ""
    count = found.total()
    parts = ", ".join(f"{number:,} {_plural(kind) if number > 1 else kind}" for kind, number in found.most_common())
    holds = (
        "one character that does not show as what it is"
        if count == 1
        else f"{count:,} characters that do not show as what they are"
    )
    return f"This text holds {holds} ({parts}). What a program reads there is written out, as in <U+202E>."


def _plural(kind: str) -> str:
    first, *rest = kind.split(" ")
    if first in ("letter", "sign"):
        return " ".join([f"{first}s", *rest]).replace("looks", "look")
    return f"{kind}s"


def escaped_json(value: object) -> str:
    """JSON in lines, in which nothing invisible stands as it is: a terminal or an editor may show it."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    return _NOT_PLAIN.sub(
        lambda found: found[0] if found[0] == "\n" or not _kind(text, found.start()) else json.dumps(found[0])[1:-1], text
    )


def shortened(text: str, limit: int) -> str:
    """The text in at most so many characters, an ellipsis for what is left away."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _drawn(content: bytes | str, *, keep: frozenset[str] = frozenset(), signs: dict[str, str] | None = None) -> str:
    text = content if isinstance(content, str) else content.decode("utf-8", "surrogateescape")
    signs = signs or {}
    after_return = ("\n", "") if signs else ("\n",)  # at the end of a token it may be half of a line break

    def draw(found: re.Match[str]) -> str:
        character, i = found[0], found.start()
        ends_line = character != "\r" or text[i + 1 : i + 2] in after_return
        if character in keep and ends_line:
            return character
        if character in signs and ends_line:
            return signs[character]
        if "\ud800" <= character <= "\udfff":
            return _written_out(character)
        if _kind(text, i):
            return f"<U+{ord(character):04X}>"
        return character

    return (_NOT_PLAIN_LINES if keep else _NOT_PLAIN).sub(draw, text)


def _kind(text: str, i: int) -> str:
    """Why a character is written out, in the singular; empty where it shows as what it is."""
    character = text[i]
    if _SIGN_ALIKE.match(character):
        return "sign that looks like another"
    if _ALIKE.match(character):
        return "letter of another alphabet inside of a word" if _among_latin(text, i) else ""
    category = unicodedata.category(character)
    if not (category in _CATEGORIES or _BLANK.match(character)) or _inside_emoji(text, i):
        return ""
    if _BIDI.match(character):
        return "bidirectional control"
    return {"Cc": "control character", "Zs": "unusual space"}.get(category, "invisible character")


def _among_latin(text: str, i: int) -> bool:
    """Whether an ASCII letter stands in the same word."""
    for step in (-1, 1):
        for at in range(i + step, i + step * (_REACH + 1), step):
            if not 0 <= at < len(text) or not (text[at] == "_" or unicodedata.category(text[at])[0] in "LMN"):
                break
            if text[at] < "\x7f" and text[at].isalpha():
                return True
    return False


def _inside_emoji(text: str, i: int) -> bool:
    """Whether this is a joiner or an emoji selector that does its ordinary work."""
    before, after = text[i - 1 : i] if i else "", text[i + 1 : i + 2]
    if text[i] == _SELECTOR:
        return bool(_PICTURE.match(before)) or after == _KEYCAP
    return text[i] == _JOINER and bool(_PICTURE.match(before) or before == _SELECTOR) and bool(_PICTURE.match(after))


def percent(p: float) -> str:
    """Per cent with one decimal; never zero for what is possible, never 100 for what is not certain."""
    if p in (0, 1):
        return f"{100 * p:.0f} %"
    if p < 0.0005:
        return "<0.1 %"
    if p >= 0.9995:
        return ">99.9 %"
    return f"{100 * p:.1f} %"


def decimal(value: float, unit: str = "") -> str:
    """Two decimals with the unit; a dash where nothing was measured."""
    if math.isnan(value):
        return "–"
    number = "infinite" if math.isinf(value) else "<0.01" if 0 < value < 0.005 else f"{value:,.2f}"
    return f"{number} {unit}".strip()


def file_size(count: int) -> str:
    """Bytes, kB or MB, as operating systems count them: in powers of ten."""
    if count < 10_000:
        return f"{count:,} bytes"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def duration(seconds: float) -> str:
    """Whole seconds, or minutes or hours with one decimal, of a time that is only roughly known."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
