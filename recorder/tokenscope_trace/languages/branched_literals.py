"""The literals of a text and of its branches. Source bytes in, ranges of bytes out; knows no trace.

A branch is read with all that its program holds: where that does not parse, what stands behind it moves a literal, too. What this
costs is bounded: whoever asks for one more looks first whether it is `spent`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokenscope_trace.languages.bounded_parsing import ReadingWork
from tokenscope_trace.languages.byte_ranges import Range
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.literals import Literals, find_literals
from tokenscope_trace.languages.passages import MARKDOWN, code_passages
from tokenscope_trace.languages.settings_files import settings_literals

MAX_READ = 8 << 20  # bytes of all programs of a text's branches, with what a parser reads again


class BranchedLiterals:
    """Those of a text and of its branches: texts that are the same up to a place, and behind what was written there."""

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
        self._is_code = conversation or source.lower().endswith(MARKDOWN) or bool(code_passages(b"", source, language))
        self._work = ReadingWork(MAX_READ)
        self.found = self._literals(text, self._breaks, None)  # None where the text is in no language that is known

    @property
    def spent(self) -> bool:
        """Whether no work is left for another branch."""
        return self._work.left <= 0

    def of_branch(self, text: bytes, own: Range) -> Literals | None:
        """Those of a branch's program that touch bytes `own`, which it wrote itself."""
        self._work.left -= len(text)
        if self.found is None:
            return None
        if not self._is_code:
            line = text.rfind(b"\n", 0, own[0]) + 1
            return Literals(*settings_literals(text, line, _line_end(text, own[1])))
        first = max((begin for begin in self._breaks if begin <= own[0]), default=0)  # a message is a document of its own
        found = self._literals(text[first:], [begin - first for begin in self._breaks if begin > first], self._work)
        assert found is not None
        return Literals(*(_touching(_moved(ranges, first), own) for ranges in (found.strings, found.comments)))

    def _literals(self, text: bytes, breaks: Sequence[int], work: ReadingWork | None) -> Literals | None:
        return find_literals(text, self._source, self._language, conversation=self._conversation, breaks=breaks, work=work)


def _touching(ranges: Sequence[Range], own: Range) -> tuple[Range, ...]:
    return tuple((start, end) for start, end in ranges if start < own[1] and end > own[0])


def _moved(ranges: Sequence[Range], by: int) -> tuple[Range, ...]:
    return tuple((start + by, end + by) for start, end in ranges)


def _line_end(text: bytes, byte: int) -> int:
    end = text.find(b"\n", byte)
    return len(text) if end < 0 else end
