r"""Text for readers: foreign text that cannot deceive, and numbers, for the terminal and the page alike.

What has no glyph of its own, or that of another sign, is written out.

In: bytes or strings from a model, a prompt, a file name. Out: the same with controls, bidirectional marks, zero-width and odd
space characters as escapes such as <U+202E>, likewise letters and signs that look like others (lookalikes.py), and invalid bytes as
\\xE3. viewer/reading/text.js holds the same rule for the page.

A number that is not zero never reads as zero, and a probability that is not one never as 100 %; viewer/reading/format.js writes numbers
the same way.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import accumulate

from tokenscope_trace.lookalikes import disguised

_NOT_PLAIN = re.compile("[^ -~]")  # printable ASCII is most of what there is, and needs no look
_NOT_PLAIN_LINES = re.compile("[^ -~\n\t]")
_HALF = re.compile("[\ud800-\udfff]")
_LONE_RETURN = re.compile("\r(?!\n)")
_BREAKS = frozenset("\r\n\t")
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
    return _drawn(content, keep=_BREAKS)


def visible_parts(contents: Sequence[bytes]) -> list[str]:
    """The parts of one text of several lines, each as it is drawn in the whole; a part begins and ends with whole characters."""
    return _drawn_parts(contents, keep=_BREAKS, signs={})


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
        found.update(disguised(text).values())
        found.update(["control character"] * len(_LONE_RETURN.findall(text)))
    found = +found
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
    hidden = disguised(text)
    return _NOT_PLAIN.sub(lambda found: json.dumps(found[0])[1:-1] if found.start() in hidden else found[0], text)


def shortened(text: str, limit: int) -> str:
    """The text in at most so many characters, an ellipsis for what is left away."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _drawn(content: bytes | str, *, keep: frozenset[str] = frozenset(), signs: dict[str, str] | None = None) -> str:
    return _drawn_parts([content], keep=keep, signs=signs or {})[0]


def _drawn_parts(contents: Sequence[bytes | str], *, keep: frozenset[str], signs: dict[str, str]) -> list[str]:
    parts = [part if isinstance(part, str) else part.decode("utf-8", "surrogateescape") for part in contents]
    after_return = ("\n", "") if signs else ("\n",)  # at the end of a token it may be half of a line break
    pattern = _NOT_PLAIN_LINES if keep else _NOT_PLAIN
    text = "".join(parts)
    if not pattern.search(text):
        return parts
    hidden = disguised(text)

    def drawn(found: re.Match[str], first: int) -> str:
        character, i = found[0], first + found.start()
        if character in "\r\n\t":
            ends_line = character != "\r" or text[i + 1 : i + 2] in after_return
            if ends_line and (character in keep or character in signs):
                return character if character in keep else signs[character]
            return f"<U+{ord(character):04X}>"
        if "\ud800" <= character <= "\udfff":
            return _written_out(character)
        return f"<U+{ord(character):04X}>" if i in hidden else character

    starts = accumulate(map(len, parts), initial=0)
    return [pattern.sub(partial(drawn, first=first), part) for first, part in zip(starts, parts, strict=False)]


def percent(p: float) -> str:
    """Per cent with one decimal; never zero for what is possible, never 100 for what is not certain; a dash where nothing was measured."""
    if math.isnan(p):
        return "–"
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
