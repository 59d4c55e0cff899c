"""Every rule between columns, broken once."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tables import small_run, small_tables

from tokenscope_trace import Trace
from tokenscope_trace.errors import CorruptTrace

BREAKAGES = {
    "parent below -1": ("nodes", "parent", 1, -2),
    "does not come after its parent": ("nodes", "parent", 1, 1),
    "unknown origin": ("nodes", "origin", 0, 4),
    "negative rank": ("nodes", "rank", 1, -1),
    "ascending order of their ids": ("tokens", "id", 1, 5),
    "a node has a token that is not in": ("nodes", "token_id", 0, 6),
    "an alternative is not in": ("alternatives", "token_id", 0, 100),
    "belongs to no node": ("spellings", "node", 0, 5),
    "nodes.alternative_count adds up": ("nodes", "alternative_count", 0, 1),
    "tokens.byte_count adds up": ("tokens", "byte_count", 0, 2**32 - 1),
    "spellings.byte_count adds up": ("spellings", "byte_count", 0, 0),
    "a logprob is positive": ("nodes", "logprob", 1, 0.1),
    "a sampled_logprob is positive": ("alternatives", "sampled_logprob", 0, np.inf),
    "a margin lies outside": ("nodes", "margin", 1, 1.5),
    "a tail lies outside": ("nodes", "tail", 1, -0.1),
    "value of entropy is negative or infinite": ("nodes", "entropy", 1, np.inf),
    "value of gap is negative": ("nodes", "gap", 1, -1.0),
}


@pytest.mark.parametrize("why", BREAKAGES)
def test_a_broken_column_is_refused_by_its_reason(why):
    table, column, place, value = BREAKAGES[why]
    tables = small_tables()
    tables[table][column][place] = value
    with pytest.raises(CorruptTrace, match=why):
        Trace(small_run(), tables)


RUNS = {
    "main_leaf": {"main_leaf": 5},
    "run.main_leaf": {"main_leaf": True},
    "run.finish": {"finish": "bored"},
    "run.model": {"model": "tiny"},
    "run.notes": {"notes": [1]},
    "segments is not a list": {"prompt": {"segments": None}},
    "no known role": {"prompt": {"segments": [{"role": "x", "first": 0, "end": 1}]}},
    "do not join": {"prompt": {"segments": [{"role": "text", "first": 1, "end": 2}]}},
    "segments do not join": {"prompt": {"segments": [{"role": "text", "first": 0, "end": 6}]}},
}


@pytest.mark.parametrize("why", RUNS)
def test_broken_facts_are_refused_by_their_reason(why):
    with pytest.raises(CorruptTrace, match=why):
        Trace(small_run(**RUNS[why]), small_tables())


def test_a_trace_without_nodes_is_refused():
    tables = small_tables()
    empty = {name: {key: values[:0] for key, values in table.items()} for name, table in tables.items()}
    with pytest.raises(CorruptTrace, match="no node"):
        Trace(small_run(), empty)
