"""The unit that a prompt began: the function, the statement or the file that its text breaks off in, and where what goes on from there has
completed it. Bytes in, places out; runs no model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.passages import CodePassage, CodePiece, code_passages, code_piece
from tokenscope_trace.languages.units import is_in_function, unit_end
from tokenscope_trace.settings import Until
from tokenscope_trace.traces.schema import Scope
from tokenscope_trace.traces.trace import Trace

_SCOPES = {"function": Scope.FUNCTION, "statement": Scope.STATEMENT}


@dataclass(frozen=True)
class PromptUnit:
    """What is to be completed: code of a file `source`, or of a chat, of which the byte `begin` is the first that is not the prompt's."""

    until: Until
    source: str
    language: Language | None
    conversation: bool
    begin: int
    breaks: tuple[int, ...] = ()  # bytes at which the messages of a chat begin

    def end(self, text: bytes, *, ended: bool = False) -> int | None:
        """The byte where the unit is complete in a text that goes on from the prompt: nothing that follows could still be part of it, or
        nothing follows, for the text has `ended`. None where it is not complete, and where nothing of it was written.
        """
        scope = _SCOPES.get(self.until)
        piece = None if scope is None else self._piece(text, ended=ended)
        if scope is None or piece is None:
            return None
        found = unit_end(piece.program, piece.passage.own(self.begin), scope)
        end = None if found is None else piece.passage.outer_end(found)
        return None if end is None or end <= self.begin else end

    def resolved(self, text: bytes, otherwise: Until = "text") -> PromptUnit:
        """The same, until the end of the function that it begins in; where it does not, until `otherwise`."""
        piece = self._piece(text)
        inside = piece is not None and is_in_function(piece.program, piece.passage.own(self.begin))
        return replace(self, until="function" if inside else otherwise)

    def _piece(self, text: bytes, *, ended: bool = False) -> CodePiece | None:
        for passage in self.passages(text):
            if passage.start <= self.begin <= passage.end:
                return code_piece(text, passage, ended=ended, written=len(text))
        return None

    def passages(self, text: bytes) -> list[CodePassage]:
        """Where a text that goes on from the prompt is code."""
        return code_passages(text, self.source, self.language, conversation=self.conversation, breaks=self.breaks)


def unit_of(trace: Trace, language: Language | None) -> PromptUnit:
    """The unit that a recording was to complete, as it says itself."""
    prompt, facts = trace.facts.prompt, trace.facts.program
    until = facts.until if facts is not None and facts.until is not None else "text"
    return PromptUnit(until, prompt.source or "-", language, prompt.kind == "chat", trace.programs.main.begin, trace.breaks)
