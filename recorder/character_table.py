"""What every character of Unicode looks like -> recorder/tokenscope_trace/character_table.py and viewer/reading/character_table.js.

    apt-get install unicode-data libicu72     # Debian: the character database and UTS 39's confusables, both 15.0.0
    python recorder/character_table.py

The table gives each code point a class, one letter (see `CLASSES`); lookalikes.py and lookalikes.js read a line of text as a line of
classes. The data are Unicode's own: scripts, categories, pictures and what draws nothing from the character database, what looks alike
from confusables.txt, as ICU has it, and compatibility (NFKC). Written by Unicode, Inc. under the Unicode License V3.
"""

from __future__ import annotations

import ctypes
import re
import sys
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parent
DATA = Path("/usr/share/unicode")
PYTHON, SCRIPT = ROOT / "tokenscope_trace" / "character_table.py", ROOT.parent / "viewer" / "reading" / "character_table.js"
ICU = "72"  # the version whose data are those of Unicode 15.0.0
CLASSES = {
    "A": "in words, of no script of its own: combining marks, raised digits, the micro sign",
    "L": "a letter of the Latin script that looks like nothing in ASCII, or is spelled so in some language",
    "N": "a letter of a Latin alphabet of today that looks like an ASCII one (the dotless i)",
    "M": "a letter or digit that looks like ASCII, or is ASCII in other clothes (NFKC), of no other alphabet",
    "G": "a letter or mark of another alphabet",
    "H": "a letter or mark of another alphabet that looks like ASCII",
    "I": "a small letter of Greek that looks like an ASCII one, and not by intention: in mathematics a name of its own",
    "R": "a letter or mark of a script in which joiners do ordinary work",
    "D": "a digit of another script",
    "E": "a digit of another script that looks like ASCII",
    "J": "a letter of the scripts of China, Japan and Korea, which are written together with Latin ones",
    "K": "one of those that looks like ASCII",
    "T": "a sign that looks like one of ASCII",
    "U": "one that is a picture, too",
    "Q": "a quotation mark of prose, or its ellipsis, that looks like what ASCII has",
    "O": "another sign",
    "P": "a picture",
    "W": "the selector of pictures",
    "X": "the zero-width joiner",
    "F": "the zero-width non-joiner",
    "Y": "the key around a sign",
    "C": "a control character",
    "B": "a control of direction",
    "Z": "a space that is none of ASCII",
    "V": "what draws nothing, is not assigned or private",
    "S": "half of a character of UTF-16",
}
_EAST = {"Han", "Hiragana", "Katakana", "Hangul", "Bopomofo"}
_JOINED = {
    "Arabic", "Syriac", "Mongolian", "Nko", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada",
    "Malayalam", "Sinhala", "Khmer", "Myanmar", "Tibetan",
}  # fmt: skip
_OWN = {"Latin", "Common", "Inherited", "Unknown"}
# What intentional.txt of UTS 39 has of Greek: letters that are drawn like Latin ones on purpose.
_INTENTIONAL = set("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϳ")
_CLOTHES = {
    "<font>",
    "<wide>",
    "<narrow>",
    "<small>",
    "<vertical>",
    "<compat>",
}  # raised, circled or squared ones are seen to be
_SMALL_CAPITAL = re.compile(
    "LATIN (?:CAPITAL )?LETTER SMALL CAPITAL ([A-Z])"
)  # those of no alphabet, of which UTS 39 has a part
_STOPS = {"\u3002": ".", "\uff61": "."}  # UTS 46 reads them so in names of hosts
_LICENCE = (
    "Data: Unicode 15.0.0, (c) 1991-2022 Unicode, Inc., under the Unicode License V3 (https://www.unicode.org/license.txt)."
)


def main() -> None:
    """Write both files."""
    runs = encoded(classes())
    rows = [runs[i : i + 110] for i in range(0, len(runs), 110)]
    head = "What every character looks like, as runs: a class, and how often in base 36 (1 is left out), from U+0080 on."
    python = "\n".join(f'    "{row}"' for row in rows)
    PYTHON.write_text(
        f'"""{head}\n\nWritten by recorder/character_table.py, which says what each class means; not by hand.\n{_LICENCE}\n"""\n\n'
        f"RUNS = (\n{python}\n)\n",
        encoding="utf-8",
    )
    script = " +\n".join(f"  '{row}'" for row in rows)
    SCRIPT.write_text(
        f"/**\n * {head}\n * Written by recorder/character_table.py, which says what each class means; not by hand.\n * {_LICENCE}\n */\n"
        f"export const RUNS =\n{script};\n",
        encoding="utf-8",
    )
    sys.stderr.write(f"{len(runs):,} characters of table\n")


def encoded(letters: str) -> str:
    """Runs of classes as text."""
    runs = ((letter, sum(1 for _ in same)) for letter, same in groupby(letters))
    return "".join(letter + (_base36(count) if count > 1 else "") for letter, count in runs)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def classes() -> str:
    """The class of each code point from U+0080 on."""
    scripts, categories = _property("Scripts.txt"), _property("extracted/DerivedGeneralCategory.txt")
    pictures = _property("emoji/emoji-data.txt", "Extended_Pictographic") | _property(
        "emoji/emoji-data.txt", "Emoji_Modifier"
    )
    ignored = _property("DerivedCoreProperties.txt", "Default_Ignorable_Code_Point")
    skeleton = _skeletons()
    return "".join(
        _class(
            chr(i), scripts.get(i, "Unknown"), categories.get(i, "Cn"), alike=_alike(chr(i), skeleton), picture=i in pictures,
            ignored=i in ignored or i == 0x2800,
        )
        for i in range(0x80, 0x110000)
    )  # fmt: skip


def _class(character: str, script: str, category: str, *, alike: str, picture: bool, ignored: bool) -> str:
    special = {"\ufe0f": "W", "\u200d": "X", "\u200c": "F", "\u20e3": "Y", "ı": "N"}
    if character in special:
        return special[character]
    if character in "\u061c\u200e\u200f" or "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069":
        return "B"
    if category in ("Cc", "Zs", "Cs"):
        return {"Cc": "C", "Zs": "Z", "Cs": "S"}[category]
    if category in ("Cf", "Zl", "Zp", "Co", "Cn") or ignored:
        return "P" if picture and category == "Cn" else "V"
    is_sign = not any(sign.isalnum() for sign in alike)
    if category[0] in "LMN" and category != "No" and not (alike and is_sign and script in _OWN):
        return _in_a_word(character, script, category, alike)
    if category == "No" and not alike:
        return "A" if script in _OWN else "G"
    if category == "Pd" or (
        category[0] in "PS" and alike and not alike.strip("l")
    ):  # what looks like | looks like l, in UTS 39
        return "U" if picture else "T"
    if alike and (not is_sign or category == "No"):  # such as an estimated sign, which looks like e
        return "M" if category in ("So", "No") and len(alike) == 1 and script in _OWN else "P" if picture else "O"
    if alike and (category in ("Pi", "Pf") or character == "\u2026"):
        return "Q"
    return ("U" if picture else "T") if alike else "P" if picture else "O"


def _in_a_word(character: str, script: str, category: str, alike: str) -> str:
    if script in _OWN:
        spelled_so = script == "Latin" and len(alike) > 1 and not _compatible(character)  # æ, Ɓ: letters of living languages
        return "M" if alike and not spelled_so else "L" if script == "Latin" else "A"
    if script in _EAST:
        return "K" if alike else "J"
    if category == "Nd":
        return "E" if alike else "D"
    if alike:
        return "I" if script == "Greek" and character not in _INTENTIONAL else "H"
    return "R" if script in _JOINED else "G"


def _alike(character: str, skeleton: dict[str, str]) -> str:
    """The ASCII that a reader takes the character for; empty where there is none."""
    small = _SMALL_CAPITAL.fullmatch(unicodedata.name(character, ""))
    return skeleton.get(character, "") or _compatible(character) or _STOPS.get(character, "") or (small[1] if small else "")


def _compatible(character: str) -> str:
    """The ASCII that the character is in other clothes."""
    composed = unicodedata.normalize("NFKC", character)
    tag = unicodedata.decomposition(character).split(" ")[0]
    clothes = tag in _CLOTHES or not tag.startswith("<")
    return composed if composed.isascii() and clothes and not composed.isspace() and " " not in composed else ""


def _skeletons() -> dict[str, str]:
    """Characters that UTS 39 maps to ASCII, by its own data."""
    library = ctypes.CDLL(f"libicui18n.so.{ICU}")
    checker_of, skeleton_of = getattr(library, f"uspoof_open_{ICU}"), getattr(library, f"uspoof_getSkeletonUTF8_{ICU}")
    checker_of.restype = ctypes.c_void_p
    error, buffer = ctypes.c_int(0), ctypes.create_string_buffer(400)
    checker = ctypes.c_void_p(checker_of(ctypes.byref(error)))

    def skeleton(character: str) -> str:
        content = character.encode()
        size = skeleton_of(checker, 0, content, len(content), buffer, len(buffer), ctypes.byref(error))
        return buffer.raw[:size].decode()

    percent = skeleton("%")  # the one sign of ASCII whose prototype is not ASCII
    found = {chr(i): skeleton(chr(i)) for i in range(0x80, 0x110000) if not 0xD800 <= i < 0xE000}
    return {
        character: "%" if like == percent else like
        for character, like in found.items()
        if like == percent or (like.isascii() and not like.isspace())
    }


def _property(name: str, wanted: str | None = None) -> dict[int, str]:
    """A property file of the character database."""
    return dict(_rows(DATA / name, wanted))


def _rows(path: Path, wanted: str | None) -> Iterator[tuple[int, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = [field.strip() for field in line.split("#")[0].split(";")]
        if len(fields) == 2 and wanted in (None, fields[1]):
            first, _, last = fields[0].partition("..")
            for code in range(int(first, 16), int(last or first, 16) + 1):
                yield code, fields[1]


if __name__ == "__main__":
    main()
