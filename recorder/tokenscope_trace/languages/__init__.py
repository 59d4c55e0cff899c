"""Programming languages: their grammars, parsing, and whether two programs are the same.

In: source bytes. Out: nodes of syntax, literals, and how one program compares with another. Knows no Trace and runs no code.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.languages.bounded_parsing import MAX_PARSED
    from tokenscope_trace.languages.branched_literals import BranchedLiterals
    from tokenscope_trace.languages.byte_ranges import Range, joined_ranges, ranges_between
    from tokenscope_trace.languages.definitions import LANGUAGES, by_file, by_name
    from tokenscope_trace.languages.equivalence import Equivalence, compare_programs, output_error
    from tokenscope_trace.languages.language import Language, grammar, kinds
    from tokenscope_trace.languages.literals import Literals, find_literals, has_literals, is_literal
    from tokenscope_trace.languages.loops import repeats_from
    from tokenscope_trace.languages.own_parser import JUDGE
    from tokenscope_trace.languages.parsing import Parsed, joined_kinds, parse
    from tokenscope_trace.languages.passages import MARKDOWN, CodePassage, CodePiece, code_passages, code_piece
    from tokenscope_trace.languages.remarks import remark_around
    from tokenscope_trace.languages.units import (
        Program,
        complete_end,
        is_in_function,
        parses,
        unit_end,
    )
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "JUDGE",
    "LANGUAGES",
    "MARKDOWN",
    "MAX_PARSED",
    "BranchedLiterals",
    "CodePassage",
    "CodePiece",
    "Equivalence",
    "Language",
    "Literals",
    "Parsed",
    "Program",
    "Range",
    "by_file",
    "by_name",
    "code_passages",
    "code_piece",
    "compare_programs",
    "complete_end",
    "find_literals",
    "grammar",
    "has_literals",
    "is_in_function",
    "is_literal",
    "joined_kinds",
    "joined_ranges",
    "kinds",
    "output_error",
    "parse",
    "parses",
    "ranges_between",
    "remark_around",
    "repeats_from",
    "unit_end",
]
