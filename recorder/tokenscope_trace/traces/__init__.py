"""The recording as data: its tables, its file, the rules that both keep, and `Trace`.

In: bytes, or columns of numbers and the facts of a run. Out: frozen numpy columns and what follows from them: paths, exact text, programs,
spans of syntax. Trusts nothing that it reads. Knows no torch, no parser and no words for a reader.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.traces.columns import Array, Floats, Indices, pack_column, rows_of_ranges
    from tokenscope_trace.traces.container import (
        COMPRESSION_LEVEL,
        MAGIC,
        MAX_ENTRIES,
        MAX_PAYLOAD,
        Tables,
        encode_file,
        encode_payload,
    )
    from tokenscope_trace.traces.fact_kinds import MAX_NAME, FactMap
    from tokenscope_trace.traces.facts import (
        AskedFacts,
        AttentionFacts,
        CheckFacts,
        Facts,
        LensFacts,
        ModelFacts,
        PassageFacts,
        ProgramFacts,
        PromptFacts,
        ReplayFacts,
        SamplingFacts,
        ScoreFacts,
        TreeFacts,
    )
    from tokenscope_trace.traces.layers import (
        LayerAttention,
        LayerLens,
        attention_tables,
        encode_unkept,
        encode_weights,
        lens_tables,
    )
    from tokenscope_trace.traces.programs import KeptBytes, PathProgram, Programs
    from tokenscope_trace.traces.pruning import SIGN, Flags, remaining, without_layers
    from tokenscope_trace.traces.rows import SCALARS, Rows, alternative_row, joined_rows, taken_rows
    from tokenscope_trace.traces.schema import (
        CODE_TABLES,
        MAJOR_VERSION,
        METRICS,
        OUTCOME_WORDS,
        REDACTED_ID,
        SURPRISAL_EDGES,
        TABLES,
        UNKEPT_STEPS,
        WEIGHT_STEPS,
        BranchEnd,
        CheckResult,
        DecisionFlag,
        Origin,
        Outcome,
        Scope,
        SyntaxFlag,
    )
    from tokenscope_trace.traces.syntax import Span, Syntax, aggregate, lines_of
    from tokenscope_trace.traces.table import Table
    from tokenscope_trace.traces.texts import Text
    from tokenscope_trace.traces.token_table import token_lines
    from tokenscope_trace.traces.trace import Trace
    from tokenscope_trace.traces.validation import MAX_SAID
    from tokenscope_trace.traces.work_budget import MAX_LINES, MAX_NODES, MAX_TEXT, MAX_TOKEN, excess_of, path_sizes
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "CODE_TABLES",
    "COMPRESSION_LEVEL",
    "MAGIC",
    "MAJOR_VERSION",
    "MAX_ENTRIES",
    "MAX_LINES",
    "MAX_NAME",
    "MAX_NODES",
    "MAX_PAYLOAD",
    "MAX_SAID",
    "MAX_TEXT",
    "MAX_TOKEN",
    "METRICS",
    "OUTCOME_WORDS",
    "REDACTED_ID",
    "SCALARS",
    "SIGN",
    "SURPRISAL_EDGES",
    "TABLES",
    "UNKEPT_STEPS",
    "WEIGHT_STEPS",
    "Array",
    "AskedFacts",
    "AttentionFacts",
    "BranchEnd",
    "CheckFacts",
    "CheckResult",
    "DecisionFlag",
    "FactMap",
    "Facts",
    "Flags",
    "Floats",
    "Indices",
    "KeptBytes",
    "LayerAttention",
    "LayerLens",
    "LensFacts",
    "ModelFacts",
    "Origin",
    "Outcome",
    "PassageFacts",
    "PathProgram",
    "ProgramFacts",
    "Programs",
    "PromptFacts",
    "ReplayFacts",
    "Rows",
    "SamplingFacts",
    "Scope",
    "ScoreFacts",
    "Span",
    "Syntax",
    "SyntaxFlag",
    "Table",
    "Tables",
    "Text",
    "Trace",
    "TreeFacts",
    "aggregate",
    "alternative_row",
    "attention_tables",
    "encode_file",
    "encode_payload",
    "encode_unkept",
    "encode_weights",
    "excess_of",
    "joined_rows",
    "lens_tables",
    "lines_of",
    "pack_column",
    "path_sizes",
    "remaining",
    "rows_of_ranges",
    "taken_rows",
    "token_lines",
    "without_layers",
]
