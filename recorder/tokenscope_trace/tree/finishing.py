"""Finishing of branches: which of a tree are worth bringing to an end, and when they have got there.

In: the recording as it stands after the search. Out: what search.py asks for. Runs no model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tokenscope_trace.analysis.decisions import find_decisions
from tokenscope_trace.analysis.structure import Code, add_structure
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.units import complete_scope, inside_function
from tokenscope_trace.settings import LISTED_DECISIONS
from tokenscope_trace.traces.schema import Outcome, Scope
from tokenscope_trace.traces.trace import Trace
from tokenscope_trace.tree.search import Finishing

CONSIDERED = 2 * LISTED_DECISIONS  # decisions: their order may change with what their branches turn out to be
_LINE_ENDS = (b"\n", b"\r", b";", b"}")


def to_finish(trace: Trace, language: Language | None, spell: Callable[[int], bytes]) -> Finishing:
    """The branches of the likely decisions that are unfinished, or known for a statement only where a function could be compared.

    `spell` gives the bytes of a token inside a text, none for a control token.
    """
    trace = add_structure(trace, language)
    code = Code(trace, language)
    wanted: dict[int, Scope] = {}
    for option in (
        option for decision in find_decisions(trace)[:CONSIDERED] for option in decision.options if option.branch >= 0
    ):
        scope = _wanted(trace, code, option.branch)
        if scope > trace.outcomes.scope[option.branch]:
            wanted.setdefault(option.branch, scope)
    before = {branch: _before(code, branch) for branch in wanted}

    def reached(branch: int, ids: list[int]) -> bool:
        words = [spell(token_id) for token_id in ids]
        if not _may_end(words):
            return False
        written = code.programs.of_branch(branch)
        text = before[branch] + b"".join(words)
        piece = code.around(replace(written, text=text, own_end=len(text), written=len(text), ended=False))
        return piece is not None and complete_scope(piece[0], written.fork - piece[1]) >= wanted[branch]

    return Finishing(list(wanted), reached)


def _wanted(trace: Trace, code: Code, branch: int) -> Scope:
    """How far a branch has to come to be compared as well as it can be: no further than the main path itself, which may be cut off."""
    if trace.outcomes.outcome[branch] in (Outcome.SAME_TEXT, Outcome.NOT_COMPARED):
        return Scope.NONE
    written = code.programs.of_branch(branch)
    piece, main = code.around(written), code.main_around(written.fork)
    if piece is None or main is None:
        return Scope.NONE
    fork = written.fork - piece[1]
    most = Scope.FUNCTION if inside_function(piece[0], fork) else Scope.STATEMENT
    return min(most, complete_scope(main[0], written.fork - main[1]))


def _before(code: Code, branch: int) -> bytes:
    written = code.programs.of_branch(branch)
    return written.text[: written.own_start]


def _may_end(words: list[bytes]) -> bool:
    """Whether the last token may have brought a statement to its end: it ends one, or it is the first on its line."""
    last = words[-1]
    if any(sign in last for sign in _LINE_ENDS):
        return True
    line = b"".join(words[-4:-1]).rsplit(b"\n", 1)
    return len(line) == 2 and not line[1].strip() and bool(last.strip())
