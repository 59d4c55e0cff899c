"""What is kept on the way: when, at what price, and that every trace goes one way."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.support.tables import small_run, small_tables

from tokenscope_trace import Trace
from tokenscope_trace.errors import OutputError
from tokenscope_trace.session.output import EVERY_SECONDS, SHARE, Keeper


@pytest.fixture
def trace():
    return Trace(small_run(), small_tables())


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("price", [0.01, 1.0, 20.0])
def test_on_the_way_little_time_is_spent(price, trace, tmp_path):
    """One second passes between two offers, and each file takes `price` seconds."""
    clock, written = Clock(), []

    def state():
        clock.now += price
        written.append(clock.now)
        return trace

    keeper = Keeper(tmp_path / "t.tsc", clock=clock)
    for _ in range(7200):
        clock.now += 1
        keeper.offer(state, False)
    assert len(written) * price <= SHARE * (clock.now - 1000) + price
    gaps = [after - before for before, after in itertools.pairwise(written)]
    assert min(gaps) >= EVERY_SECONDS
    if price < 1:
        assert len(written) > 200  # every half a minute


def test_the_end_of_a_stage_is_kept_at_once(trace, tmp_path):
    keeper = Keeper(tmp_path / "t.tsc", clock=Clock())
    keeper.offer(lambda: trace, False)
    assert names(tmp_path) == []
    keeper.offer(lambda: trace, True)
    assert Trace.load(tmp_path / "t.partial.tsc").run == trace.run
    assert "t.partial.tsc" in keeper.left()
    keeper.finish(trace)
    assert names(tmp_path) == ["t.tsc"]
    assert keeper.left() == ""


def test_every_trace_that_is_written_was_prepared(trace, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    seen = []

    def prepare(trace):
        seen.append(trace)
        return trace.replaced({**trace.run, "notes": ["prepared"]}, {})

    keeper = Keeper(tmp_path / "t.tsc", prepare=prepare)
    keeper.offer(lambda: trace, True)
    assert Trace.load(tmp_path / "t.partial.tsc").run["notes"] == ["prepared"]
    (tmp_path / "t.tsc").mkdir()
    with pytest.raises(OutputError, match="The recording is whole in"):
        keeper.finish(trace)
    (saved,) = (tmp_path / "temporary").iterdir()
    assert Trace.load(saved).run["notes"] == ["prepared"]
    (tmp_path / "t.tsc").rmdir()
    keeper.finish(trace)
    assert Trace.load(tmp_path / "t.tsc").run["notes"] == ["prepared"]
    assert len(seen) == 3


def test_what_earlier_recordings_left_is_named_and_kept(trace, tmp_path):
    for name in ("t.partial.tsc", "t.partial-2.tsc"):
        (tmp_path / name).write_bytes(b"precious")
    said = []
    keeper = Keeper(tmp_path / "t.tsc", say=said.append)
    keeper.offer(lambda: trace, True)
    assert keeper.kept == tmp_path / "t.partial-3.tsc"
    keeper.finish(trace)
    assert names(tmp_path) == ["t.partial-2.tsc", "t.partial.tsc", "t.tsc"]
    assert (tmp_path / "t.partial.tsc").read_bytes() == b"precious"
    (sentence,) = said
    assert "t.partial.tsc" in sentence
    assert "t.partial-2.tsc" in sentence


def test_what_cannot_be_kept_is_said_once_and_costs_nothing_else(trace, tmp_path):
    said = []

    def state():
        raise MemoryError

    keeper = Keeper(tmp_path / "t.tsc", say=said.append)
    for _ in range(3):
        keeper.offer(state, True)
    assert len(said) == 1
    assert "MemoryError" in said[0]
    assert keeper.finish(trace).path == tmp_path / "t.tsc"


def test_beside_standard_output_nothing_is_kept(trace, tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)
    keeper = Keeper(None)
    keeper.offer(lambda: trace, True)
    assert keeper.finish(trace).path is None
    assert capfdbinary.readouterr().out == trace.to_bytes()
    assert names(tmp_path) == []
    assert Path.cwd() == tmp_path
