"""The literals of a text and of its branches. Source bytes in, ranges of bytes out; knows no trace.

A branch is parsed from the last statement of the file that begins before it leaves its text, up to the end of its own last line: what
stands before is as it is known to be, and what follows says nothing of where a literal begins.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tokenscope_trace.languages.bounded_parsing import bounded_tree
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.literals import CodeLiterals, Literals, Range, code_literals, find_literals
from tokenscope_trace.languages.passages import MARKDOWN, code_passages
from tokenscope_trace.languages.settings_files import settings_literals


class BranchedLiterals:
    """Those of a text, whose number is -1, and of its branches: texts that are the same up to a place, and behind what was written there."""

    def __init__(
        self,
        text: bytes,
        source: str,
        language: Language | None,
        *,
        conversation: bool = False,
        breaks: Sequence[int] = (),
    ) -> None:
        self._source, self._language, self._conversation, self._breaks = source, language, conversation, tuple(breaks)
        self._fenced = conversation or source.lower().endswith(MARKDOWN)
        codes = [] if self._fenced else code_passages(b"", source, language)
        self._readings: dict[int, _Reading] = {}
        self._begins: tuple[int, ...] = ()
        self.found: Literals | None  # None where the text is in no language that is known
        if codes:
            self._readings[-1] = _Reading.of(text, codes[0].language)
            self.found = self._readings[-1].literals
            return
        self.found = find_literals(text, source, language, conversation=conversation, breaks=breaks)
        if self._fenced:
            self._begins = self._breaks if conversation else tuple(_behind_fences(text, source, language))

    def of_branch(self, number: int, above: int, text: bytes, own: Range, *, kept: bool) -> Literals | None:
        """Those that touch bytes `own` of a branch, which leaves the text `above` where they begin. `kept`: others leave this one."""
        if self.found is None:
            return None
        if self._readings:
            reading = self._readings[above].continued(text, own)
            if kept:
                self._readings[number] = reading
            return reading.literals
        if self._fenced:
            return self._of_document(text, own[0])
        line = text.rfind(b"\n", 0, own[0]) + 1
        return Literals(*settings_literals(text, line, _line_end(text, own[1])))

    def _of_document(self, text: bytes, byte: int) -> Literals:
        """Those of a text in Markdown, from the last place before a byte on where nothing is open."""
        first = max((begin for begin in self._begins if begin <= byte), default=0)
        breaks = [begin - first for begin in self._breaks if begin > first]
        found = find_literals(text[first:], self._source, self._language, conversation=self._conversation, breaks=breaks)
        assert found is not None
        return Literals(_moved(found.strings, first), _moved(found.comments, first))


def _moved(ranges: Sequence[Range], by: int) -> tuple[Range, ...]:
    return tuple((start + by, end + by) for start, end in ranges)


def _behind_fences(text: bytes, source: str, language: Language | None) -> list[int]:
    """Where the line begins that follows a closed fence which nothing holds."""
    found = []
    for passage in code_passages(text, source, language):
        opening = text[text.rfind(b"\n", 0, max(passage.start - 1, 0)) + 1 : passage.start]
        if passage.closed and opening.startswith((b"```", b"~~~")):
            found.append(_line_end(text, passage.end) + 1)
    return [byte for byte in found if byte < len(text)]


def _line_end(text: bytes, byte: int) -> int:
    end = text.find(b"\n", byte)
    return len(text) if end < 0 else end


@dataclass(frozen=True, eq=False)
class _Reading:
    """Code as it was parsed from byte `begin` on, and the bytes from which on others can be: where its statements begin. `broken`: what
    stands before `begin` is; `loose`: a quotation mark in it, a comment sign in it, belongs to no literal.
    """

    language: Language
    begin: int
    found: CodeLiterals
    statements: tuple[int, ...]
    errors: tuple[int, ...]  # where those end that are broken
    broken: bool
    loose: tuple[bool, bool]
    unread: bool  # parsing it would take too much work, and then a branch that leaves it is not tried

    @classmethod
    def of(
        cls,
        text: bytes,
        language: Language,
        begin: int = 0,
        *,
        broken: bool = False,
        loose: tuple[bool, bool] = (False, False),
        unread: bool = False,
    ) -> _Reading:
        tree = None if unread else bounded_tree(text[begin:], language)
        found = code_literals(text[begin:], tree, language, broken=broken, loose=loose)
        nodes = tree.root_node.children if tree is not None and tree.root_node.type != "ERROR" else []
        statements = tuple(begin + node.start_byte for node in nodes if not (node.is_extra or node.is_error))
        errors = tuple(begin + node.end_byte for node in nodes if node.has_error)
        return cls(language, begin, found, statements, errors, broken, loose, tree is None)

    @property
    def literals(self) -> Literals:
        return Literals(_moved(self.found.strings, self.begin), _moved(self.found.comments, self.begin))

    def continued(self, text: bytes, own: Range) -> _Reading:
        """A text that is the same up to where `own` begins."""
        number = bisect_left(self.statements, own[0]) - 1
        begin = self.statements[number] if number >= 0 else self.begin
        first = begin - self.begin
        quote, sign = (
            known or bool(places and places[0] < first)
            for known, places in zip(self.loose, (self.found.loose_quotes, self.found.loose_signs), strict=True)
        )
        broken = self.broken or bool(self.errors and self.errors[0] <= begin)
        end = _line_end(text, own[1])
        return _Reading.of(text[:end], self.language, begin, broken=broken, loose=(quote, sign), unread=self.unread)
