"""The tables of a trace as objects: their columns are those of the schema, typed and frozen."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from tests.support.tables import small_run, small_tables

from tokenscope_trace import Trace
from tokenscope_trace.traces import table
from tokenscope_trace.traces.schema import TABLES

ROOT = Path(__file__).parents[2]
KINDS = {kind.name: kind for kind in table.Table.__subclasses__()}


@pytest.fixture(scope="module")
def trace():
    return Trace(small_run(), small_tables())


@pytest.mark.parametrize("name", KINDS)
def test_the_annotations_are_the_columns_of_the_schema(name):
    hints = {key: hint for key, hint in get_type_hints(KINDS[name]).items() if key not in ("name", "_columns")}
    types = {key: np.dtype(get_args(get_args(hint)[1])[0]).str for key, hint in hints.items()}
    assert types == {key: column.dtype for key, column in TABLES[name].items()}


@pytest.mark.parametrize("name", KINDS)
def test_a_column_is_an_attribute_and_part_of_the_raw_ones(trace, name):
    found = getattr(trace, name)
    raw = found.as_dict()
    assert list(raw) == list(TABLES[name])
    for column, values in raw.items():
        assert getattr(found, column) is values
        assert not values.flags.writeable


def test_nobody_writes_to_a_table(trace):
    with pytest.raises(AttributeError, match="frozen"):
        trace.nodes.rank = trace.nodes.rank
    with pytest.raises(ValueError, match="read-only"):
        trace.nodes.rank[0] = 5


def test_what_somebody_keeps_of_the_arrays_that_a_trace_was_made_of_changes_nothing():
    tables = small_tables()
    made = Trace(small_run(), tables)
    before = made.to_bytes()
    tables["nodes"]["rank"] = np.array(tables["nodes"]["rank"])
    for columns in tables.values():
        for values in columns.values():
            if values.flags.writeable and len(values):
                values[:] = 1
    assert made.to_bytes() == before


def test_a_trace_goes_through_pickle_and_is_frozen_behind_it(trace):
    assert trace.table()
    for again in (pickle.loads(pickle.dumps(trace)), copy.deepcopy(trace)):
        assert again.to_bytes() == trace.to_bytes()
        assert not again.nodes.rank.flags.writeable
    assert pickle.loads(pickle.dumps(trace.nodes)).as_dict().keys() == trace.nodes.as_dict().keys()


def test_a_column_that_there_is_not_is_named_with_those_that_there_are(trace):
    with pytest.raises(AttributeError, match="the table nodes has no column 'surprise'; it has parent, token_id"):
        _ = trace.nodes.surprise


def test_a_type_checker_finds_a_typo(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from tokenscope_trace import Trace\n\nt = Trace.load('t.tsc')\nprint(t.nodes.rank)\nprint(t.nodes.surprise)\n"
    )
    done = subprocess.run([sys.executable, "-m", "mypy", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert 'script.py:5: error: "Nodes" has no attribute "surprise"' in done.stdout, done.stdout + done.stderr
    assert "script.py:4" not in done.stdout
