r"""Text that cannot deceive: what has no glyph of its own is written out.

In: bytes or strings from a model, a prompt, a file name. Out: the same with controls, bidirectional marks, zero-width and odd
space characters as escapes such as <U+202E>, and invalid bytes as \\xE3. viewer/text.js holds the same rule for the page.
"""

from __future__ import annotations

import re
import unicodedata

_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Zs", "Co", "Cn"}
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_PICTURE = re.compile("[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]")
_SELECTOR, _JOINER, _KEYCAP = "\ufe0f", "\u200d", "\u20e3"
_SIGNS = {"\n": "↵", "\r": "\\r", "\t": "→"}


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


def shortened(text: str, limit: int) -> str:
    """The text in at most so many characters, an ellipsis for what is left away."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _drawn(content: bytes | str, *, keep: frozenset[str] = frozenset(), signs: dict[str, str] | None = None) -> str:
    text = content if isinstance(content, str) else content.decode("utf-8", "surrogateescape")
    signs = signs or {}
    after_return = ("\n", "") if signs else ("\n",)  # at the end of a token it may be half of a line break
    drawn = []
    for i, character in enumerate(text):
        ends_line = character != "\r" or text[i + 1 : i + 2] in after_return
        if character in keep and ends_line:
            drawn.append(character)
        elif character in signs and ends_line:
            drawn.append(signs[character])
        elif "\ud800" <= character <= "\udfff":
            drawn.append(f"\\x{ord(character) & 0xFF:02X}")
        elif _is_invisible(character) and not _inside_emoji(text, i):
            drawn.append(f"<U+{ord(character):04X}>")
        else:
            drawn.append(character)
    return "".join(drawn)


def _is_invisible(character: str) -> bool:
    if " " <= character <= "~":
        return False
    return unicodedata.category(character) in _CATEGORIES or bool(_BLANK.match(character))


def _inside_emoji(text: str, i: int) -> bool:
    """Whether this is a joiner or an emoji selector that does its ordinary work."""
    before, after = text[i - 1 : i] if i else "", text[i + 1 : i + 2]
    if text[i] == _SELECTOR:
        return bool(_PICTURE.match(before)) or after == _KEYCAP
    return text[i] == _JOINER and bool(_PICTURE.match(before) or before == _SELECTOR) and bool(_PICTURE.match(after))
