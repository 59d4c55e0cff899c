"""Structure of a recording's code: the syntax of its texts and branches, and what these lead to. A Trace in, a Trace out; runs no model.

The text that is parsed is the program as the file reads. Of scored code each file is a text of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tokenscope_trace.analysis.kept import ProgramEnds, find_kept, repeats
from tokenscope_trace.analysis.units import unit_of
from tokenscope_trace.languages.bounded_parsing import MAX_PARSED
from tokenscope_trace.languages.equivalence import Equivalence, compare_programs, output_error
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.own_parser import JUDGE
from tokenscope_trace.languages.parsing import Parsed, joined_kinds, parse
from tokenscope_trace.languages.passages import MARKDOWN, CodePassage, CodePiece, code_passages, code_piece
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.container import MAX_ENTRIES
from tokenscope_trace.traces.programs import PathProgram, Programs
from tokenscope_trace.traces.schema import BranchEnd, Outcome, Scope
from tokenscope_trace.traces.trace import Trace

_UNREAD = "{} of code could not be parsed within bounded work ({} MiB at most): nothing is said of its syntax, nor of what it leads to."
_MOST_PASSAGES = 8000  # a list in a trace has at most MAX_ENTRIES


@dataclass(frozen=True)
class _Found:
    """A parsed passage of a text, or of a branch's program."""

    text: int
    branch: int | None
    language: Language
    parsed: Parsed


class Code:
    """The pieces of code in the programs of a generation, and how each branch's compares with the main path's.

    `language` is what a file of unknown suffix holds; `programs` are the trace's own where they are None.
    """

    def __init__(self, trace: Trace, language: Language | None, programs: Programs | None = None) -> None:
        self._trace = trace
        self._language = language
        self.programs = programs or trace.programs
        self._main = self.pieces(self.programs.main)

    def passages(self, text: bytes) -> list[CodePassage]:
        """Where a text of the recording is code."""
        prompt = self._trace.facts.prompt
        return code_passages(
            text, prompt.source or "-", self._language, conversation=prompt.kind == "chat", breaks=self._trace.breaks
        )

    @property
    def broken(self) -> bool:
        """Whether the output's own code does not parse, in one of its pieces."""
        main = self.programs.main
        return any(
            piece.end > main.begin
            and piece.is_parsed
            and output_error(piece.program, max(piece.passage.own(main.begin), 0)) is not None
            for piece in self._main
        )

    def around(self, written: PathProgram) -> CodePiece | None:
        """The piece of code in which a branch's program leaves the main path."""
        return _piece_at(self.pieces(written), written.fork)

    def main_around(self, fork: int) -> CodePiece | None:
        """The same for a byte of the main path's program."""
        return _piece_at(self._main, fork)

    def compare(self, branch: int) -> Equivalence:
        """What a branch led to; bytes count in the whole programs."""
        written, whole = self.programs.of_branch(branch), self.programs.main
        if written.fork > whole.written:  # behind the output's program, which it has in common with it
            return Equivalence(Outcome.NOT_COMPARED, Scope.NONE, 0, 0, 0)
        if written.text == whole.text and self._trace.branches.end[branch] == BranchEnd.REJOINED:
            return Equivalence(Outcome.SAME_TEXT, Scope.WHOLE, written.fork, len(whole.whole), len(written.whole))
        ours, main = self.around(written), self.main_around(written.fork)
        if (
            ours is None
            or main is None
            or not (main.is_parsed and ours.is_parsed)
            or ours.start != main.start
            or ours.program.language != main.program.language
        ):
            return Equivalence(Outcome.NOT_COMPARED, Scope.NONE, 0, 0, 0)
        fork, begun = min(main.passage.own(written.fork), ours.passage.own(written.fork)), main.passage.own(whole.begin)
        found = compare_programs(main.program, ours.program, fork, begun if begun > 0 else None)
        start = main.passage.outer(found.start)
        main_end = max(whole.of_whole(main.passage.outer_end(found.main_end)), start)
        branch_end = max(written.of_whole(ours.passage.outer_end(found.branch_end)), start)
        return Equivalence(found.outcome, found.scope, start, main_end, branch_end)

    @property
    def fenced(self) -> bool:
        """Whether its code stands in fences, as that of a chat does."""
        prompt = self._trace.facts.prompt
        return prompt.kind == "chat" or (prompt.source or "-").lower().endswith(MARKDOWN)

    def pieces(self, written: PathProgram) -> list[CodePiece]:
        """The pieces of code of a path's program."""
        return [
            code_piece(written.text, passage, ended=written.ended, written=written.written)
            for passage in self.passages(written.text)
            if passage.start <= written.written
        ]


def _piece_at(pieces: Sequence[CodePiece], fork: int) -> CodePiece | None:
    return next((piece for piece in pieces if piece.holds(fork)), None)


def add_structure(trace: Trace, language: Language | None = None) -> Trace:
    """The trace with the syntax of its main path or of its files; of a generation with where its programs end, and with the syntax and the
    outcomes of its branches.

    `language` is what files of unknown suffix hold.
    """
    run, tables = dict(trace.run), dict[str, dict[str, Array]]()
    if trace.files:
        pieces = _of_files(trace, language)
    else:
        kept = find_kept(trace, partial(unit_of(trace, language).end, ended=True))
        code = Code(trace, language, Programs(trace, kept.bytes))
        pieces, outcomes = _of_main(code), []
        is_read = None not in pieces
        for branch in range(len(trace.branches)):  # both of a branch before the next one: they have a parse in common
            if is_read:  # else its branches would not be, either
                pieces += _of_branch(code, branch, _MOST_PASSAGES - len(pieces))
            outcomes.append(code.compare(branch))
        run["program"] = _program_facts(trace, code, kept)
        run["decisions"] = None  # those of another analysis
        tables |= {
            name: {key: trace.tables[name][key][:0] for key in trace.tables[name]}
            for name in ("decisions", "decision_options")
        }
        if len(trace.branches):
            tables["outcomes"] = {**_outcome_columns(outcomes), "kept": kept.bytes.branches}
    run["syntax"] = None
    unread = pieces.count(None)
    found = [piece for piece in pieces if piece is not None]
    if unread:
        run["notes"] = [*run["notes"], _UNREAD.format(f"{unread:,} piece{'' if unread == 1 else 's'}", MAX_PARSED >> 20)]
    if len(found) > MAX_ENTRIES:
        run["notes"] = [
            *run["notes"],
            f"Of {len(found):,} pieces of code the first {_MOST_PASSAGES:,} were analysed: a trace holds no more.",
        ]
        del found[_MOST_PASSAGES:]
    if found:
        run["syntax"], tables["syntax"] = _columns(found)
    return trace.replaced(run, tables)


def _program_facts(trace: Trace, code: Code, kept: ProgramEnds) -> dict[str, Any]:
    """`run.program`."""
    main, facts = code.programs.main, trace.facts.program
    return {
        "until": "text" if facts is None or facts.until is None else facts.until,
        "kept": main.written,
        "why": kept.why,
        "repeats": repeats(main),
        "broken": code.broken,
    }


def _of_files(trace: Trace, language: Language | None) -> list[_Found | None]:
    found: list[_Found | None] = []
    for text in trace.texts:
        pieces = code_passages(text.bytes, text.source, language, conversation=text.conversation)
        found += _parsed(text.number, None, text.bytes, pieces)
    return found


def _of_main(code: Code) -> list[_Found | None]:
    main = code.programs.main
    text = _blanked(main)
    return _parsed(0, None, text, code.passages(text))


def _of_branch(code: Code, branch: int, most: int) -> list[_Found | None]:
    """Of a branch's program what touches the branch's own bytes, at most so many passages; the rest is as on the path that it left."""
    written = code.programs.of_branch(branch)
    own, text = (written.own_start, written.own_end), _blanked(written)
    touched = [one for one in code.passages(text) if one.start < own[1] and one.end > own[0]]
    return _parsed(0, branch, text, touched[: max(most, 0)], own)


def _parsed(
    number: int, branch: int | None, text: bytes, passages: Sequence[CodePassage], own: tuple[int, int] | None = None
) -> list[_Found | None]:
    """The passages of a text, by its number, None for one that takes too much work; of a branch what touches its own bytes."""
    pairs = [(passage.language, parse(text, passage, own)) for passage in passages]
    return [None if parsed is None else _Found(number, branch, language, parsed) for language, parsed in pairs]


def _blanked(written: PathProgram) -> bytes:
    """All that was written, with white space in place of what stands behind the program: every byte stays where it was."""
    behind = written.whole[written.written : written.reach]
    return written.whole[: written.written] + re.sub(rb"[^\r\n]", b" ", behind) + written.whole[written.reach :]


def _columns(found: Sequence[_Found]) -> tuple[dict[str, object], dict[str, Array]]:
    """`run.syntax` and the table."""
    kinds, fields = joined_kinds([one.parsed for one in found])
    places = {name: place for place, name in enumerate(kinds)}
    field_places = {name: place for place, name in enumerate(fields)}
    facts, parents, first = [], [], 0
    for one in found:
        count = len(one.parsed.kind)
        owner = {} if one.branch is None else {"branch": one.branch}
        facts.append({"text": one.text, "language": one.language.name, "first": first, "count": count, **owner})
        parents.append(np.where(one.parsed.parent < 0, -1, one.parsed.parent + first))
        first += count
    table: dict[str, Array] = {
        "kind": np.array([places[kind] for one in found for kind in one.parsed.kind], dtype=np.uint16),
        "field": np.array([field_places[field] for one in found for field in one.parsed.field], dtype=np.uint16),
        "parent": np.concatenate(parents).astype(np.int32),
        "start": np.concatenate([one.parsed.start for one in found]),
        "end": np.concatenate([one.parsed.end for one in found]),
        "flags": np.concatenate([one.parsed.flags for one in found]),
    }
    judged = {} if all(one.language.name != "python" for one in found) else {"judge": JUDGE}
    return {"kinds": kinds, "fields": fields, "passages": facts, **judged}, table


def _outcome_columns(found: Sequence[Equivalence]) -> dict[str, Array]:
    return {
        "outcome": np.array([one.outcome for one in found], dtype=np.uint8),
        "scope": np.array([one.scope for one in found], dtype=np.uint8),
        "start": np.array([one.start for one in found], dtype=np.uint32),
        "main_end": np.array([one.main_end for one in found], dtype=np.uint32),
        "branch_end": np.array([one.branch_end for one in found], dtype=np.uint32),
    }
