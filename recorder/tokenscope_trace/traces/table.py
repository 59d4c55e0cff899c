"""Tables of a trace as objects: each column an attribute of a known type, frozen. A test holds these and schema.TABLES together.

Axis letters: N nodes, A alternatives, I distinct tokens, B branches, D decisions, O their options, C checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array, Floats, Indices

Bytes = NDArray[np.uint8]
_LN2 = np.float32(np.log(2.0))


class Table:
    """The columns of one table as attributes, each a read-only numpy array of shape (rows,)."""

    name: ClassVar[str]
    _columns: dict[str, Array]

    def __init__(self, columns: Mapping[str, Array]) -> None:
        own = {name: values for name, values in columns.items() if not hasattr(type(self), name)}
        self.__dict__.update(own, _columns=dict(columns))  # a later column may be called like a method

    if not TYPE_CHECKING:  # so that a type checker finds a column that there is not

        def __getattr__(self, column: str) -> Array:
            if column.startswith("_"):
                raise AttributeError(column)
            raise AttributeError(f"the table {self.name} has no column {column!r}; it has {', '.join(self)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"the table {self.name} is frozen; Trace.replaced gives another trace.")

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self):,} rows of {', '.join(self)}>"

    def as_dict(self) -> dict[str, Array]:
        """The columns by name, as `pandas.DataFrame` and `polars.DataFrame` take them; those that this version does not know, too."""
        return dict(self._columns)


class Nodes(Table):
    """One row per token: (N,) each. Metrics are NaN, `rank` is 0, where not measured (METRICS: `logprob` is the stored base value)."""

    name = "nodes"
    parent: Indices  # -1 for a root
    token_id: Indices
    origin: Bytes  # schema.Origin
    logprob: Floats  # nats
    entropy: Floats  # bits
    margin: Floats
    rank: Indices
    gap: Floats  # nats
    tail: Floats
    sampled_logprob: Floats  # nats
    sampled_tail: Floats
    alternative_count: NDArray[np.uint16]
    noise: Floats  # nats

    @property
    def probability(self) -> Floats:
        """P of each node's token, (N,), in [0, 1]."""
        return np.exp(self.logprob)

    @property
    def surprisal(self) -> Floats:
        """-log2 p of each node's token, (N,), bits."""
        with np.errstate(over="ignore"):
            surprisal: Floats = np.abs(self.logprob / _LN2)
        return surprisal


class Alternatives(Table):
    """One row per stored alternative, node after node, most probable first: (A,) each."""

    name = "alternatives"
    token_id: Indices
    logprob: Floats  # nats
    sampled_logprob: Floats  # nats


class Tokens(Table):
    """One row per token id that occurs, ascending: (I,) each."""

    name = "tokens"
    id: Indices
    special: Bytes  # 1 for a control token
    byte_count: NDArray[np.uint32]


class Branches(Table):
    """One row per branch, a run of nodes: (B,) each."""

    name = "branches"
    first: Indices
    count: NDArray[np.uint32]
    forced: NDArray[np.uint16]
    asked: Bytes
    end: Bytes  # schema.BranchEnd
    rejoined: Indices  # -1 for none


class Outcomes(Table):
    """What each branch led to, and the bytes that were compared: (B,) each, or none."""

    name = "outcomes"
    outcome: Bytes  # schema.Outcome
    scope: Bytes  # schema.Scope
    start: NDArray[np.uint32]
    main_end: NDArray[np.uint32]
    branch_end: NDArray[np.uint32]
    kept: NDArray[np.uint32]  # schema.ALL where all that was written is of the program


class Decisions(Table):
    """The listed decisions, ranked: (D,) each."""

    name = "decisions"
    node: Indices
    count: NDArray[np.uint16]
    syntax: Indices  # -1 for none
    probability: Floats
    difference: Floats
    flags: Bytes  # schema.DecisionFlag
    option_count: NDArray[np.uint16]


class DecisionOptions(Table):
    """What else could have been written, decision after decision: (O,) each."""

    name = "decision_options"
    node: Indices
    token_id: Indices
    probability: Floats
    branch: Indices  # -1 where not explored


class Checks(Table):
    """What the user's command said of each program: (C,) each."""

    name = "checks"
    branch: Indices  # -1 for the output
    result: Bytes  # schema.CheckResult
    output: NDArray[np.uint16]  # which of run.check.outputs
