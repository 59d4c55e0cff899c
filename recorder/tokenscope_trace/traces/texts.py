"""Texts of a recording: what is shown as one program, a scored file, or prompt and output in the order of the file.

Axis letter: T the text's tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tokenscope_trace.traces.columns import Indices
from tokenscope_trace.traces.syntax import Span, TokenPlaces, lines_of

if TYPE_CHECKING:
    from tokenscope_trace.traces.trace import Trace


@dataclass(frozen=True, eq=False)
class Text:
    """One text of a trace. `nodes` (T,) spell it in the order of the file; `changed` are the changed lines of a scored file as (first,
    last) from 1, None where nothing was compared.
    """

    trace: Trace = field(repr=False)
    number: int  # among the trace's texts, as `run.syntax` counts them
    source: str  # the name of its file, `-` for standard input
    nodes: Indices
    changed: tuple[tuple[int, int], ...] | None = None

    @cached_property
    def bytes(self) -> bytes:
        """What it reads: without control tokens and what marks the parts around a hole."""
        return self.trace.program_bytes(self.nodes)

    @cached_property
    def line_of(self) -> dict[int, int]:
        """The line, from 1, on which each of its nodes begins."""
        line, found = 1, {}
        for node in self.nodes.tolist():
            found[node] = line
            line += self.trace.token_bytes(node).count(b"\n") if self.trace.in_program(node) else 0
        return found

    @cached_property
    def places(self) -> TokenPlaces:
        """Where its tokens stand in its bytes: what syntax nodes are matched with."""
        return self.trace.token_places(self.nodes)

    @property
    def conversation(self) -> bool:
        """Whether it is a chat, whose code stands in fences."""
        return self.trace.facts.prompt.kind == "chat"

    @property
    def breaks(self) -> tuple[int, ...]:
        """The bytes of a chat at which a message begins, or what its template puts between two; ascending."""
        return self.trace.breaks if self.conversation else ()

    @property
    def language(self) -> str | None:
        """The language of all of it, as the recording says; None for a chat and where none is known."""
        passages = self.trace.syntax.passages_of(self.number) if self.trace.syntax is not None else ()
        own = (one.language for one in passages)
        return None if self.conversation else next(own, None)

    def spans(self, resolution: str) -> list[Span]:
        """Its spans at `token`, `expression`, `statement`, `line` or `block`, in its order, outer ones first.

        Without syntax there are lines, and tokens of no kind.
        """
        syntax = self.trace.syntax
        if resolution == "line":
            return lines_of(self.bytes)
        if resolution != "token":
            return [] if syntax is None else syntax.spans(self.number, resolution)
        rows = np.flatnonzero(self.places.end > self.places.start)
        start, end = self.places.start[rows], self.places.end[rows]
        contents = [self.trace.token_bytes(node) for node in self.places.nodes[rows].tolist()]
        kinds = [""] * len(rows) if syntax is None else syntax.token_kinds(self.number, contents, start)
        return [Span(*span, -1) for span in zip(start.tolist(), end.tolist(), kinds, strict=True)]
