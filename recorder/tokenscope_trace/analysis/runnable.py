"""Runnable programs of a recording, finished enough for a check: that of the output and those of branches.

A text that came to its own end is one as it stands. Of a text that was cut off, what was written last is left away up to the end of
the last unit of the file that is known to be complete; it has to hold what the branch decided. The program of an answer is its
fenced code: every fence in the language of the first one, joined in their order, but for later ones that do not parse by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from tokenscope_trace.analysis.structure import Code
from tokenscope_trace.languages.passages import CodePiece
from tokenscope_trace.languages.units import complete_end, parses
from tokenscope_trace.traces.programs import PathProgram
from tokenscope_trace.traces.trace import Trace

MAIN = -1


@dataclass(frozen=True)
class Finished:
    """One program that can be run; `branch` is -1 for the output's."""

    branch: int
    text: bytes


def finished_programs(trace: Trace, code: Code) -> list[Finished]:
    """All of them, that of the output first, then by branch."""
    paths = [
        (MAIN, code.programs.main),
        *((branch, code.programs.of_branch(branch)) for branch in range(len(trace.branches))),
    ]
    texts = ((path, program_text(code, written)) for path, written in paths if written.fork <= code.programs.main.written)
    return [Finished(path, text) for path, text in texts if text is not None]


def program_text(code: Code, written: PathProgram) -> bytes | None:
    """The finished program of a path; None where it has none."""
    pieces = [piece for piece in code.pieces(written) if piece.end > written.begin]
    if not code.fenced:
        if pieces:
            return _finished(pieces[0], written)
        return written.text if written.ended and not code.passages(written.text) else None
    own = [piece for piece in pieces if piece.program.language == pieces[0].program.language]
    found = [text for piece in own if (text := _finished(piece, written)) is not None]
    if not own or not found or _finished(own[0], written) is None:
        return None
    first, *rest = found
    return b"".join(
        [first, *(b"\n" * (not first.endswith(b"\n")) + text for text in rest if parses(text, own[0].program.language))]
    )


def file_name(trace: Trace, code: Code) -> str:
    """What a program's file is called: as the prompt's, with a suffix of its language."""
    source = PurePosixPath(trace.facts.prompt.source or "-").name
    pieces = code.pieces(code.programs.main)
    own = [piece for piece in pieces if piece.end > code.programs.main.begin]
    suffixes = own[0].program.language.suffixes.split() if own else []
    stem = PurePosixPath(source).stem if source not in ("", "-") else "program"
    if not suffixes or PurePosixPath(source).suffix.lower() in suffixes:
        return source if source not in ("", "-") else stem
    return stem + suffixes[0]


def _finished(piece: CodePiece, written: PathProgram) -> bytes | None:
    """A piece of code as far as it is finished; None where what is has not what the branch decided."""
    program, passage = piece.program, piece.passage
    if program.ended:
        return program.text
    begin = max(passage.own(written.begin), 0)
    end = complete_end(program, max(passage.own(written.own_start), begin))
    if end is None:
        return None
    text = program.text[:end] + b"\n" + program.text[program.written :]
    return text if parses(text, program.language, begin) else None
