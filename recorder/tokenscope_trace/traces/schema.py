"""The schema: a trace's tables, columns and metrics with their names, dtypes, units and meanings. The one place that lists them.

Knows nothing of files or models. FORMAT.md says the same in prose, viewer/trace/schema.js for the page; tests hold them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

MAJOR_VERSION = 1
MINOR_VERSION = 6
REDACTED_ID = 2**31 - 1  # of tokens that were left out: no vocabulary has it
WEIGHT_STEPS = 255  # a weight w of attention is stored as rint(255 sqrt w): fine where weights are small, as most are
UNKEPT_STEPS = 65535  # what a row of attention did not keep is stored as rint(65535 of its share)
SURPRISAL_EDGES = (0.1, 0.5, 1.0, 2.0, 4.0)  # bits, where the report's colours change


class Origin(IntEnum):
    """Where a token node comes from (column `nodes.origin`)."""

    PROMPT = 0
    MAIN = 1
    BRANCH = 2
    SCORED = 3


class BranchEnd(IntEnum):
    """Why a branch ends (column `branches.end`)."""

    LENGTH = 0
    END_OF_TEXT = 1
    STOP_STRING = 2
    REJOINED = 3
    CONTEXT = 4
    NODES = 5
    CUT = 6
    UNIT = 7
    REPEATS = 8


class SyntaxFlag(IntFlag):
    """What a syntax node is to a reader (column `syntax.flags`)."""

    NAMED = 1
    ERROR = 2
    MISSING = 4
    EXPRESSION = 8
    STATEMENT = 16
    BLOCK = 32
    ARM = 64


class Outcome(IntEnum):
    """What a branch's program is beside the main path's (column `branches.outcome`)."""

    NOT_COMPARED = 0
    SAME_TEXT = 1
    SAME_PROGRAM = 2
    RENAMED = 3
    OTHER_EXPRESSION = 4
    OTHER_CONTROL_FLOW = 5
    OTHER_CALLS = 6
    DOES_NOT_PARSE = 7
    UNFINISHED = 8
    ONLY_WHAT_FOLLOWS = 9
    OUTPUT_UNFINISHED = 10


OUTCOME_WORDS = {  # a key for styles and queries, and the words
    Outcome.NOT_COMPARED: ("unknown", "not compared"),
    Outcome.SAME_TEXT: ("same", "the same text again"),
    Outcome.SAME_PROGRAM: ("same", "the same program"),
    Outcome.RENAMED: ("renamed", "the same but for names"),
    Outcome.OTHER_EXPRESSION: ("expression", "another expression"),
    Outcome.OTHER_CONTROL_FLOW: ("control", "other control flow"),
    Outcome.OTHER_CALLS: ("calls", "other calls"),
    Outcome.DOES_NOT_PARSE: ("broken", "does not parse"),
    Outcome.UNFINISHED: ("unfinished", "unfinished"),
    Outcome.ONLY_WHAT_FOLLOWS: ("follows", "only what follows differs"),
    Outcome.OUTPUT_UNFINISHED: ("complete", "complete, where the output is not"),
}


class Scope(IntEnum):
    """How much of two programs was compared: the largest unit around the fork that is complete in both (column `branches.scope`)."""

    NONE = 0
    STATEMENT = 1
    FUNCTION = 2
    WHOLE = 3


class DecisionFlag(IntFlag):
    """What else is to be said of a decision (column `decisions.flags`)."""

    COIN_FLIP = 1
    TASTE = 2
    BEHIND = 4


class CheckResult(IntEnum):
    """What the user's own command said of a program (column `checks.result`)."""

    PASS = 1
    FAIL = 2
    TIME_OUT = 3


@dataclass(frozen=True)
class Column:
    """One column of a table: numpy dtype string, unit, filters in the order in which a writer applies them."""

    dtype: str
    unit: str = ""
    filters: tuple[str, ...] = ("shuffle",)


@dataclass(frozen=True)
class Metric:
    """What a number means. `range` and `definition` are shown to readers word for word."""

    unit: str
    range: str
    definition: str


TABLES: dict[str, dict[str, Column]] = {
    "nodes": {
        "parent": Column("<i4", filters=("parent", "shuffle")),
        "token_id": Column("<i4"),
        "origin": Column("|u1"),
        "logprob": Column("<f4", "nats"),
        "entropy": Column("<f4", "bits"),
        "margin": Column("<f4"),
        "rank": Column("<i4"),
        "gap": Column("<f4", "nats"),
        "tail": Column("<f4"),
        "sampled_logprob": Column("<f4", "nats"),
        "sampled_tail": Column("<f4"),
        "alternative_count": Column("<u2"),
        "noise": Column("<f4", "nats"),
    },
    "alternatives": {
        "token_id": Column("<i4"),
        "logprob": Column("<f4", "nats"),
        "sampled_logprob": Column("<f4", "nats"),
    },
    "tokens": {
        "id": Column("<i4", filters=("delta", "shuffle")),
        "special": Column("|u1"),
        "byte_count": Column("<u4"),
    },
    "token_bytes": {"byte": Column("|u1")},
    "spellings": {
        "node": Column("<i4", filters=("delta", "shuffle")),
        "byte_count": Column("<u4"),
    },
    "spelling_bytes": {"byte": Column("|u1")},
    "branches": {
        "first": Column("<i4", filters=("delta", "shuffle")),
        "count": Column("<u4"),
        "forced": Column("<u2"),
        "asked": Column("|u1"),
        "end": Column("|u1"),
        "rejoined": Column("<i4"),
    },
    "attention_layers": {"layer": Column("<u2"), "heads": Column("<u2")},
    "attention_rows": {"unkept": Column("<u2", "1/65535")},
    "attention": {"node": Column("<i4"), "weight": Column("|u1")},
    "lens": {
        "token_id": Column("<i4"),
        "probability": Column("<f4"),
        "rank": Column("<i4"),
        "logprob": Column("<f4", "nats"),
    },
    "syntax": {
        "kind": Column("<u2"),
        "field": Column("<u2"),
        "parent": Column("<i4", filters=("parent", "shuffle")),
        "start": Column("<u4", "bytes", filters=("delta", "shuffle")),
        "end": Column("<u4", "bytes", filters=("delta", "shuffle")),
        "flags": Column("|u1"),
    },
    "outcomes": {
        "outcome": Column("|u1"),
        "scope": Column("|u1"),
        "start": Column("<u4", "bytes"),
        "main_end": Column("<u4", "bytes"),
        "branch_end": Column("<u4", "bytes"),
        "kept": Column("<u4", "bytes"),
    },
    "decisions": {
        "node": Column("<i4"),
        "count": Column("<u2"),
        "syntax": Column("<i4"),
        "probability": Column("<f4"),
        "difference": Column("<f4"),
        "flags": Column("|u1"),
        "option_count": Column("<u2"),
    },
    "decision_options": {
        "node": Column("<i4"),
        "token_id": Column("<i4"),
        "probability": Column("<f4"),
        "branch": Column("<i4"),
    },
    "checks": {"branch": Column("<i4"), "result": Column("|u1"), "output": Column("<u2")},
}
# Added after version 1.0: a file without these tables has no rows there, one without these columns measured nothing there.
LATER_TABLES = frozenset(TABLES) - {"nodes", "alternatives", "tokens", "token_bytes", "spellings", "spelling_bytes"}
CODE_TABLES = ("syntax", "outcomes", "decisions", "decision_options", "checks")  # what is known of the code
LATER_COLUMNS = frozenset({("nodes", "noise"), ("outcomes", "kept")})
ALL = 2**32 - 1  # of `outcomes.kept`: nothing was written behind the program

METRICS: dict[str, Metric] = {
    "logprob": Metric("nats", "<= 0", "ln p of the token, p the softmax of the model's raw logits at temperature 1"),
    "probability": Metric("", "[0, 1]", "p of the token"),
    "surprisal": Metric("bits", ">= 0", "-log2 p of the token; additive over spans"),
    "entropy": Metric("bits", "[0, log2 V]", "-sum p log2 p over the whole vocabulary of V tokens"),
    "rank": Metric("", "1..V", "1 + number of tokens with a larger p; ties do not raise it"),
    "margin": Metric("", "[0, 1]", "p1 - p2, the two most probable tokens; 0 is a tie"),
    "gap": Metric("nats", ">= 0", "ln p1 - ln p of the token; 0 exactly when the token is a most probable one"),
    "sampled_logprob": Metric(
        "nats", "<= 0", "ln q of the token, q the distribution sampled from (after temperature, top-k, top-p, ...)"
    ),
    "tail": Metric("", "[0, 1]", "1 - sum of p over the stored alternatives"),
    "sampled_tail": Metric("", "[0, 1]", "1 - sum of q over the stored alternatives"),
    "perplexity": Metric("", ">= 1", "exp of the mean of -ln p over a span"),
    "noise": Metric("nats", ">= 0", "absolute difference in ln p between the decoding pass and the replay pass"),
}
