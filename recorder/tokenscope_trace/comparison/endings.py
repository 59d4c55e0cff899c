"""How two outputs end: whether one that says less was merely stopped, or its model ended it. Traces in, plain data out.

Where a bound, a stop string, the end of a unit or of the context, or an interruption ended an output, nothing was decided there: what
the other wrote from there on is no decision that fell otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tokenscope_trace.comparison.text_pairs import first_difference
from tokenscope_trace.text import shortened, visible_line
from tokenscope_trace.traces.facts import ProgramFacts
from tokenscope_trace.traces.trace import Trace

_UNITS = {
    "function": "at the end of the function that the prompt began",
    "statement": "at the end of the statement that the prompt began",
    "file": "at the end of the file",
}
_STOP_WIDTH = 40
_TAIL = 8000  # bytes


@dataclass(frozen=True)
class Ending:
    """How one output ended: its program ends before byte `at`, `text` is that program up to there, the prompt with it. `node` is the token with which the model ended the text, -1 where something else did; `words` say it, as `stopped at its
    limit of 40 tokens`.
    """

    letter: str
    text: bytes
    node: int
    words: str

    @property
    def at(self) -> int:
        """The byte at which the program ends."""
        return len(self.text)

    @property
    def stopped(self) -> bool:
        """Whether something else than the model ended it."""
        return self.node < 0

    @cached_property
    def last(self) -> int:
        """The byte behind its last sign that is no white space."""
        return len(self.text.rstrip())

    @cached_property
    def tail(self) -> str:
        """Its last signs, as a reader sees them."""
        return visible_line(self.text[max(self.last - _TAIL, 0) : self.last])

    @cached_property
    def line(self) -> int:
        """The line, from 1, of that sign."""
        return self.line_of(self.last)

    def line_of(self, byte: int) -> int:
        """The line, from 1, of a byte."""
        return 1 + self.text.count(b"\n", 0, byte)


@dataclass(frozen=True)
class Endings:
    """How both outputs ended. `shorter` is the one of which nothing is otherwise up to its end, and which says less; None where they part
    before, or say the same.
    """

    a: Ending
    b: Ending
    shorter: Ending | None

    @classmethod
    def of(cls, a: Trace, b: Trace) -> Endings:
        """Those of two recordings of a generation."""
        one, two = _ending(a, "A"), _ending(b, "B")
        fewest = min(one, two, key=lambda ending: ending.at)
        begins = first_difference(one.text, two.text) == fewest.at
        return cls(one, two, fewest if begins and one.at != two.at else None)

    @cached_property
    def onward(self) -> int:
        """The byte of the first sign that the longer one wrote where the shorter one ends, the end of its text where there is none; -1
        where there is no shorter one.
        """
        if self.shorter is None:
            return -1
        longer = self.other(self.shorter)
        found = re.compile(rb"\S").search(longer.text, self.shorter.at)
        return longer.at if found is None else found.start()

    @property
    def goes_on(self) -> bool:
        """Whether there is a longer one that wrote more than white space from there on."""
        return self.shorter is not None and self.onward < self.other(self.shorter).at

    def of_letter(self, letter: str) -> Ending:
        """That of A or B."""
        return self.a if letter == "A" else self.b

    def other(self, ending: Ending) -> Ending:
        """The other one."""
        return self.b if ending is self.a else self.a

    @property
    def sentence(self) -> str:
        """How both ended; empty where that is the same for both."""
        return "" if self.a.words == self.b.words else f"A {self.a.words}, B {self.b.words}."

    @property
    def headline(self) -> str:
        """Where one ends and the other goes on; empty where there is no such place."""
        if self.shorter is None:
            return ""
        if not self.goes_on:
            return "Both wrote the same program, but for white space at its end."
        line, letter, other = f"line {self.shorter.line:,}", self.shorter.letter, self.other(self.shorter).letter
        if self.shorter.stopped:
            return f"{letter} stopped on {line}; up to there both are the same."
        return f"{letter} ends on {line}, where {other} goes on."

    def cut(self, letter: str, written: str, instead: str, *, at_end: bool) -> Ending | None:
        """The ending of the output that was stopped there, where what one wrote and what the other has in its place are the same as far as
        the shorter one goes and that is the last of a program; `at_end` says whether `instead` is. None for any other place.
        """
        own, other = (self.a, self.b) if letter == "A" else (self.b, self.a)
        if len(instead) < len(written):
            return other if at_end and other.stopped and written.startswith(instead) else None
        return own if own.stopped and instead.startswith(written) and own.tail.endswith(written) else None


def _ending(trace: Trace, letter: str) -> Ending:
    main = trace.programs.main
    text = main.text[: main.written]
    facts = trace.facts.program or ProgramFacts()
    by_model = trace.facts.finish == "end-of-text" and not (facts.why == "unit" and main.written < main.reach)
    node = int(trace.output[-1]) if by_model and len(trace.output) else -1
    return Ending(letter, text, node, _words(trace, facts))


def _words(trace: Trace, facts: ProgramFacts) -> str:
    finish, limit = trace.facts.finish, trace.facts.sampling.max_new_tokens
    unit = _UNITS.get(facts.until or "", "at the end of what the prompt began")
    if finish == "unit" or (finish == "end-of-text" and facts.why == "unit"):
        return f"stopped {unit}"
    if finish == "length":
        return (
            f"stopped at its limit of {limit:,} token{'' if limit == 1 else 's'}"
            if limit is not None
            else "stopped at its limit of tokens"
        )
    if finish == "stop-string":
        strings = trace.facts.sampling.stop or ()
        named = (
            f" “{shortened(visible_line(strings[0]), _STOP_WIDTH)}”"
            if len(strings) == 1 and not trace.facts.redacted
            else ""
        )
        return f"stopped at a stop string{named}"
    return {
        "context": "stopped where its model's context was full",
        "interrupted": "was interrupted",
    }.get(finish, "was ended by its model")
