"""The Python API of a trace."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from tests.support.tables import small_run, small_tables

from tokenscope_trace import Trace
from tokenscope_trace.errors import OutputError, OversizedTrace, TraceError


@pytest.fixture
def trace():
    return Trace(small_run(), small_tables())


def test_reading_a_trace_imports_no_torch(trace, tmp_path):
    trace.save(tmp_path / "t.tsc")
    code = (
        "import sys; from tokenscope_trace import Trace; "
        f"t = Trace.load({str(tmp_path / 't.tsc')!r}); t.text(t.main); "
        "assert not {'torch', 'transformers', 'tokenizers', 'rich'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_paths_follow_parents(trace):
    assert trace.main.tolist() == [0, 1, 2, 3]
    assert trace.prompt.tolist() == [0, 1]
    assert trace.output.tolist() == [2, 3]
    assert trace.path(4).tolist() == [0, 1, 2, 4]


def test_text_is_joined_bytes_with_exceptions_and_partial_characters(trace):
    assert trace.text(trace.main) == b"de</s> de\xe2"
    assert trace.text(trace.main, special=False) == b"de de\xe2"
    assert trace.token_bytes(0) == b"de"
    assert trace.token_bytes(2) == b" de"


def test_derived_metrics_follow_from_logprob(trace):
    np.testing.assert_allclose(trace.nodes.surprisal[1:], -trace.nodes.logprob[1:] / math.log(2), rtol=1e-6)
    np.testing.assert_allclose(trace.nodes.probability[1:], np.exp(trace.nodes.logprob[1:]), rtol=1e-6)
    assert math.isnan(trace.nodes.surprisal[0])


def test_a_certain_token_has_surprisal_zero_without_a_sign():
    tables = small_tables()
    tables["nodes"]["logprob"][2] = 0.0
    surprisal = Trace(small_run(), tables).nodes.surprisal[2]
    assert surprisal == 0
    assert not np.signbit(surprisal)


def test_alternatives_belong_to_their_nodes(trace):
    assert trace.alternatives.token_id[trace.alternatives_of(1)].tolist() == [7, 9]
    assert trace.alternatives_of(0) == slice(0, 0)
    assert trace.alternatives.token_id[trace.alternatives_of(2)].tolist() == [5]


def test_columns_cannot_be_written(trace):
    with pytest.raises(ValueError, match="read-only"):
        trace.nodes.logprob[0] = 1


def test_a_wrong_column_name_lists_the_right_ones(trace):
    with pytest.raises(AttributeError, match="no column 'probabilty'; it has parent, token_id"):
        _ = trace.nodes.probabilty


def test_unknown_ids_are_key_errors(trace):
    for call in (trace.bytes_of, trace.is_special):
        with pytest.raises(KeyError):
            call(4242)
    assert trace.is_special(9)
    assert not trace.is_special(5)


def test_saving_and_loading_keeps_every_byte(trace, tmp_path):
    path = tmp_path / "t.tsc"
    trace.save(path)
    assert Trace.load(path).to_bytes() == path.read_bytes()
    with pytest.raises(OutputError, match="--force"):
        trace.save(path)
    trace.save(path, force=True)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(TraceError, match=r"cannot read .*gone\.tsc: No such file"):
        Trace.load(tmp_path / "gone.tsc")
    (tmp_path / "empty.tsc").write_bytes(b"")
    with pytest.raises(TraceError, match=r"empty\.tsc: it is empty"):
        Trace.load(tmp_path / "empty.tsc")
    with pytest.raises(TraceError, match="directory"):
        Trace.load(tmp_path)


def test_a_caller_may_lower_the_limit(trace, tmp_path):
    trace.save(tmp_path / "t.tsc")
    with pytest.raises(OversizedTrace):
        Trace.load(tmp_path / "t.tsc", max_payload=100)


def test_the_printed_form_says_what_it_is(trace):
    assert repr(trace) == "<Trace of tiny: 2 prompt and 2 output tokens, 5 nodes>"
    assert "5 rows of parent" in repr(trace.nodes)
    assert "rank" in dir(trace.nodes)
