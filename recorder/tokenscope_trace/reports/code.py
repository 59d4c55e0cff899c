"""The code of a recording: the program that somebody would keep, as bytes, and which tokens wrote it. A Trace in.

Of a chat it is what its answer fenced, in the language of the first fence, but for later fences that do not parse by themselves, as the
user's check takes it; of a hole the file with the hole filled; of anything else the prompt with what was written, up to where the program
ends.
"""

from __future__ import annotations

import numpy as np

from tokenscope_trace.errors import PromptError
from tokenscope_trace.traces.columns import Indices
from tokenscope_trace.traces.schema import SyntaxFlag
from tokenscope_trace.traces.trace import Trace


def kept_code(trace: Trace) -> bytes:
    """The bytes of the program; empty where an answer holds no code, or nothing was generated."""
    whole = trace.programs.main.whole
    return b"".join(whole[start:end] for start, end in code_ranges(trace))


def written_code(trace: Trace) -> bytes:
    """The same where there is one. Raises PromptError where there is none, with the reason."""
    if trace.files:
        raise PromptError("this is a recording of code that exists: its files are the code, the model wrote nothing.")
    code = kept_code(trace)
    if not code:
        raise PromptError(
            "the answer holds no fenced code in a language whose syntax is known, so there is no program to write."
        )
    return code


def code_ranges(trace: Trace) -> list[tuple[int, int]]:
    """Where the program stands in what the main path spells, its control tokens left out: bytes [start, end), in order."""
    if trace.files:
        return []
    main = trace.programs.main
    if trace.facts.prompt.kind == "chat":
        return list(_fenced(trace))
    return [(0, main.written), (main.reach, len(main.whole))] if main.reach < len(main.whole) else [(0, main.written)]


def kept_output(trace: Trace) -> Indices:
    """The tokens of the output that begin within its program, (n,): all of them where nothing was written behind it."""
    main = trace.programs.main
    if main.written >= main.reach:
        return trace.output
    places = trace.token_places(main.nodes)
    start = dict(zip(main.nodes.tolist(), places.start.tolist(), strict=True))
    inside = np.array([start[node] < main.written for node in trace.output.tolist()], dtype=bool)
    kept: Indices = trace.output[inside]
    return kept


def _fenced(trace: Trace) -> list[tuple[int, int]]:
    """The passages of the answer that are in the language of its first one, whole lines."""
    if trace.syntax is None:
        return []
    main, text = trace.programs.main, trace.programs.main.text
    passages = [one for one in trace.syntax.passages if int(trace.syntax.start[one.first]) >= main.begin]
    found = []
    for one in passages:
        broken = trace.syntax.flags[one.first : one.end] & (SyntaxFlag.ERROR | SyntaxFlag.MISSING)
        if one.language == passages[0].language and (one is passages[0] or not broken.any()):
            start, end = int(trace.syntax.start[one.first]), int(trace.syntax.end[one.first])
            line = text.rfind(b"\n", 0, start) + 1
            stop = end if text[:end].endswith(b"\n") else text.find(b"\n", end) + 1 or len(text)
            found.append((line if not text[line:start].strip() else start, min(stop, main.written)))
    return found
