"""The list of a decision's options as a reader should see it: no two that read the same, what the check says of them, in which order.
Entries in, entries out. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tokenscope_trace.reports.decision_entries import PASSES, OptionEntry
from tokenscope_trace.text import percent

DEDENTED, INDENTED = "dedented", "indented deeper"
_SIGNS = str.maketrans("", "", " ·↵→")  # how white space is drawn
_BLANKS = ("·", "↵", "→")
_OPEN = ("unfinished", "unknown")


@dataclass(frozen=True)
class Candidate:
    """An option with the visible form of the token that it begins with, and whether that token begins with white space."""

    entry: OptionEntry
    token: str
    blank: bool


def as_shown(written: str, check: str, fork: int, options: Sequence[Candidate]) -> tuple[str, tuple[OptionEntry, ...]]:
    """(the verdict on the output as far as it is worth ink, the options) of a decision where `written` stands, whose output has the
    verdict `check` and whose fork is the token `fork`.
    """
    entries = [option.entry for option in _marked(written, _merged(options))]
    check, entries = _inked(check, entries)
    return check, _ordered(entries, check, fork)


def _inked(check: str, options: Sequence[OptionEntry]) -> tuple[str, list[OptionEntry]]:
    """Without verdicts where all are alike: those tell nothing."""
    verdicts = {option.check for option in options if option.check}
    if (len(verdicts | ({check} if check else set())) > 1 and verdicts) or (not check and PASSES in verdicts):
        return check, list(options)
    return "", [replace(option, check="", said=()) for option in options]


def _merged(options: Sequence[Candidate]) -> list[Candidate]:
    """Options that read the same but for white space as one, where they depart at one token and nothing shows that they lead elsewhere."""
    found: list[Candidate] = []
    alike: dict[tuple[int, bool, str], list[int]] = {}
    for option in options:
        entry = option.entry
        places = alike.setdefault((entry.fork, entry.is_end, reading(entry.text)), [])
        place = next((place for place in places if _are_one(entry, found[place].entry)), None)
        if place is None:
            places.append(len(found))
            found.append(option)
        else:
            found[place] = _joined(found[place], option)
    return found


def _are_one(one: OptionEntry, two: OptionEntry) -> bool:
    """Whether nothing shows that two lead elsewhere, which depart at one token and read the same."""
    notes = {note for note in (one.note, two.note) if note in (DEDENTED, INDENTED)}
    keys = {key for key in (one.key, two.key) if key not in _OPEN}
    checks = {check for check in (one.check, two.check) if check}
    return len(keys) <= 1 and len(checks) <= 1 and (not notes or one.note == two.note)


def _joined(one: Candidate, two: Candidate) -> Candidate:
    """The better explored of two, with the probability of both."""
    better = max(one, two, key=_explored)
    probability = min(1.0, one.entry.probability + two.entry.probability)
    overall = min(1.0, one.entry.overall + two.entry.overall)
    note = better.entry.note if one.entry.note == two.entry.note else ""
    entry = replace(better.entry, probability=probability, percent=percent(probability), overall=overall, note=note)
    return Candidate(entry, better.token, better.blank)


def _explored(option: Candidate) -> tuple[bool, bool, bool, float]:
    entry = option.entry
    return entry.branch >= 0, entry.key not in _OPEN, bool(entry.check), entry.probability


def _marked(written: str, options: Sequence[Candidate]) -> list[Candidate]:
    """With a note where a text reads as what was written does, or as another option."""
    taken = {("", reading(written))}
    alike = Counter((reading(option.entry.text), option.entry.note) for option in options)
    blanks = Counter((reading(option.entry.text), option.blank) for option in options)
    numbers: Counter[str] = Counter()
    found = []
    for option in options:
        entry = option.entry
        reads = reading(entry.text)
        if (entry.note, reads) in taken or (alike[reads, entry.note] > 1 and not entry.note):
            others = blanks[reads, option.blank] - 1
            if reading(written) == reads:
                others += entry.against_text.startswith(_BLANKS) == option.blank
            note = next((note for note in _notes(option, unique=not others) if (note, reads) not in taken), "")
            if not note:
                numbers[reads] += 1
                note = f"another, {numbers[reads] + 1}"
            entry = replace(entry, note=note)
        taken.add((entry.note, reads))
        found.append(replace(option, entry=entry))
    return found


def _notes(option: Candidate, *, unique: bool) -> Iterator[str]:
    """What may tell an option from what reads the same, the plainest first; `unique`: no other begins with a blank, or without one, as it
    does.
    """
    entry = option.entry
    if unique:
        yield "with a blank" if option.blank else "without a blank"
    yield f"from “{option.token}” on"
    yield f"in place of “{entry.against_text}”"
    yield f"from “{option.token}” in place of “{entry.against_text}”"


def _ordered(options: Iterable[OptionEntry], check: str, fork: int) -> tuple[OptionEntry, ...]:
    """Those with another verdict than the output first, those that pass before others; then those of the decision's own fork."""

    def key(option: OptionEntry) -> tuple[bool, bool, bool, float]:
        differs = bool(option.check) and option.check != check
        return not differs, not (differs and option.check == PASSES), option.fork != fork, -option.overall

    return tuple(sorted(options, key=key))


def reading(text: str) -> str:
    """A text as it reads: without white space, but where it is nothing else."""
    return text.translate(_SIGNS) or text
