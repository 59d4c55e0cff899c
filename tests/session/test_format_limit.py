"""A recording that is larger than the format allows: what goes, and that it is said."""

from __future__ import annotations

import pytest
from tests.attacks.make import long_program, twigs
from tests.support import synthetic_traces

from tokenscope_trace import Trace
from tokenscope_trace.errors import OversizedTrace
from tokenscope_trace.failures import TOO_MUCH
from tokenscope_trace.session.format_limit import within_format
from tokenscope_trace.traces import container


def columns(trace):
    return sum(column.nbytes for table in trace.tables.values() for column in table.values())


def test_what_fits_stays_as_it_is():
    trace = synthetic_traces.looking(synthetic_traces.branching())
    assert within_format(trace, columns(trace)) == (trace, [])


def test_parts_go_one_after_the_other_and_each_is_missing_in_a_trace_that_can_be_read():
    trace = synthetic_traces.looking(synthetic_traces.branching())
    sizes = []
    for part, stages in (("attention", {"attention"}), ("lens", {"attention", "lens"})):
        most = (sizes[-1] if sizes else columns(trace)) - 1
        found, missing = within_format(trace, most)
        sizes.append(columns(found))
        assert sizes[-1] <= most
        assert {one.stage for one in missing} == stages == found.facts.lacking
        assert getattr(found.facts, part) is None
        assert "a trace holds at most 128 MiB" in " ".join(found.facts.notes)
        assert Trace.from_bytes(found.to_bytes()).run == found.run
    found, missing = within_format(trace, sizes[-1] * 2 // 3)
    assert "tree" in {one.stage for one in missing}
    assert len(found.branches) < len(trace.branches)
    assert found.text(found.output) == trace.text(trace.output)


def test_branches_that_no_reader_would_follow_go():
    stored = container.decode_trace(long_program(1023, 4096, branches=twigs(1023, 600, 1022)))
    trace = Trace(stored.run, stored.tables)
    with pytest.raises(OversizedTrace):
        trace.to_bytes()
    found, missing = within_format(trace)
    assert [(one.stage, one.reason) for one in missing] == [("tree", TOO_MUCH)]
    assert 500 < len(found.branches) < 512
    assert Trace.from_bytes(found.to_bytes()).facts.lacking == {"tree"}
