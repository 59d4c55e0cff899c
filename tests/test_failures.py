"""A stage that fails costs itself alone: errors are raised in each of them, and the rest is written and says what it lacks."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from tests.support import faults
from tests.support.faults import AFTER, MISSING, OUTPUT, PLACES, WORDS, inject

from tokenscope_trace import Trace
from tokenscope_trace.cli import record_command
from tokenscope_trace.failures import INTERRUPTED, MEMORY, Missing, is_memory, reason_of
from tokenscope_trace.inference.scoring import TextReader
from tokenscope_trace.models.loading import load
from tokenscope_trace.recording import recorder
from tokenscope_trace.session import runner
from tokenscope_trace.session.output import Keeper
from tokenscope_trace.settings import ModelSettings

FULL = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("DefaultCPUAllocator: can't allocate memory"),
]
SECRET = "/home/somebody/secret"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    faults.save_model(folder)
    return load(ModelSettings(str(folder), device="cpu"))


@pytest.fixture
def record(tmp_path, monkeypatch, loaded):
    """Runs the command over an earlier file: (exit code, what it said, the trace that is there afterwards)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(record_command, "_load", lambda _options: loaded)
    Path("prompt.py").write_text(faults.PROMPT)
    Path("t.tsc").write_bytes(b"earlier")

    def run(*more):
        result = CliRunner().invoke(record_command.main, ["prompt.py", *WORDS, "--force", *more])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert sorted(os.listdir(tmp_path)) == ["prompt.py", "t.tsc"]
        return result.exit_code, result.stderr, Trace.load("t.tsc")

    return run


def fails(error):
    def fail():
        raise error

    return fail


def stages(trace):
    return [entry["stage"] for entry in trace.run["missing"]]


def check_what_is_there(trace, stage):
    """All that comes before the stage that failed, and what it had itself."""
    assert len(trace.output) == (AFTER if stage == "generation" else OUTPUT)
    assert trace.text(trace.prompt).decode() == faults.PROMPT
    if stage in ("generation", "prompt"):
        assert (trace.nodes.rank[trace.prompt] == 0).all()
    if stage not in ("generation", "replay"):
        assert len(trace.attention) == len(trace.lens) == 2
        assert trace.run["replay"]["noise"] < 1e-3
    if stage not in ("generation", "replay", "engine"):
        assert len(trace.branches) > 0
    if stage != "structure":
        assert trace.syntax is not None
    assert set(stages(trace)) <= set(MISSING.get(stage, [])) | {"lens", "attention", "tree"}
    assert len(trace.run["notes"]) >= len(stages(trace))


def test_nothing_is_missing_where_nothing_fails(record):
    code, said, trace = record()
    assert (code, trace.run["missing"]) == (0, []), said
    check_what_is_there(trace, "none")
    assert trace.run["check"] is not None


@pytest.mark.parametrize("stage", PLACES)
def test_an_error_of_the_program_costs_the_stage_that_it_meets(stage, record, monkeypatch):
    inject(stage, fails(KeyError(SECRET)), monkeypatch.setattr)
    code, said, trace = record()
    assert code == 7, said
    assert stages(trace) == MISSING[stage]
    assert all(entry["reason"] == "an error of the program (KeyError)" for entry in trace.run["missing"])
    check_what_is_there(trace, stage)
    assert "TOKENSCOPE_DEBUG=1 shows where" in said
    assert SECRET.encode() not in trace.payload
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("stage", "error"),
    list(zip(PLACES, itertools.cycle(FULL), strict=False)),
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_full_memory_costs_the_tree_the_lens_and_attention_in_this_order(stage, error, record, monkeypatch):
    inject(stage, fails(error), monkeypatch.setattr)
    code, said, trace = record()
    assert code == 7, said
    wanted = ["lens", "attention", "replay", "tree"] if stage == "replay" else MISSING[stage]
    assert stages(trace) == wanted
    assert all(entry["reason"] == MEMORY for entry in trace.run["missing"])
    check_what_is_there(trace, stage)
    assert MEMORY in said
    assert "Traceback" not in said
    assert "TOKENSCOPE_DEBUG" not in said


@pytest.mark.parametrize("stage", PLACES)
def test_an_interruption_costs_the_stage_that_it_meets(stage, record, monkeypatch):
    inject(stage, fails(KeyboardInterrupt()), monkeypatch.setattr)
    code, said, trace = record()
    assert code == 130, said
    assert stages(trace) == MISSING[stage]
    assert all(entry["reason"] == INTERRUPTED for entry in trace.run["missing"])
    check_what_is_there(trace, stage)
    assert "Traceback" not in said


def test_a_replay_that_is_short_of_memory_once_goes_on_without_the_lens(record, monkeypatch):
    once = [MemoryError()]
    inject("replay", lambda: fails(once.pop())() if once else None, monkeypatch.setattr)
    code, _, trace = record()
    assert code == 7
    assert stages(trace) == ["lens", "tree"]
    assert trace.run["lens"]["reason"] == f"{MEMORY}."
    assert trace.lens == []
    assert len(trace.attention) == 2
    assert trace.run["replay"]["way"] == "whole"


@pytest.mark.parametrize(("times", "wanted"), [(1, ["tree"]), (2, ["tree", "lens"]), (3, ["tree", "lens", "attention"])])
def test_a_trace_that_the_memory_does_not_hold_is_put_together_without_the_largest_parts(times, wanted, record, monkeypatch):
    usual, left = recorder._Done.trace, [MemoryError()] * times

    def trace(done, growth=None, missing=()):
        if growth is not None and growth.finish != "interrupted" and left:
            raise left.pop()
        return usual(done, growth, missing)

    monkeypatch.setattr(recorder._Done, "trace", trace)
    code, said, found = record("--tree-extra", "0")
    assert code == 7, said
    assert stages(found) == wanted
    assert len(found.branches) == 0
    assert (found.lens == []) == ("lens" in wanted)
    assert (found.attention == []) == ("attention" in wanted)


def test_a_trace_that_cannot_be_encoded_is_written_without_its_analysis(record, monkeypatch):
    usual = Keeper.encoded
    full = [True]

    def encoded(keeper, trace):
        if trace.syntax is not None and full:
            full.clear()
            raise MemoryError
        return usual(keeper, trace)

    monkeypatch.setattr(Keeper, "encoded", encoded)
    code, said, trace = record()
    assert code == 7, said
    assert stages(trace) == ["structure", "check"]
    assert len(trace.branches) > 0


def test_an_error_between_the_stages_leaves_what_was_there_before(record, monkeypatch):
    monkeypatch.setattr(recorder, "_assembled", lambda *_values: fails(KeyError("x"))())
    code, said, trace = record()
    assert code == 7, said
    assert "broken off: an error of the program (KeyError)." in said
    assert stages(trace) == ["tree"]
    assert len(trace.attention) == 2
    assert trace.syntax is not None


def test_the_traceback_is_shown_on_demand(record, monkeypatch):
    monkeypatch.setenv("TOKENSCOPE_DEBUG", "1")
    inject("structure", fails(KeyError("why")), monkeypatch.setattr)
    _, said, _ = record("--quiet")
    assert "Traceback (most recent call last)" in said
    assert "KeyError: 'why'" in said
    assert said.count("The code was not analysed") == 1


def test_what_fails_before_the_first_token_is_an_error_and_leaves_the_earlier_file(record, monkeypatch, tmp_path):
    monkeypatch.setitem(PLACES, "generation", ("inference.generation", "_Recorder.process", 0))
    inject("generation", fails(MemoryError()), monkeypatch.setattr)
    result = CliRunner().invoke(record_command.main, ["prompt.py", *WORDS, "--force"])
    assert result.exit_code == 4
    assert "the memory does not suffice to record this" in result.stderr
    assert (tmp_path / "t.tsc").read_bytes() == b"earlier"


def test_numbers_that_overflow_end_the_output_before_them(record, monkeypatch):
    from tokenscope_trace.inference import generation

    usual, calls = generation._Recorder.process, []

    def overflowing(recorder, ids, scores):
        calls.append(1)
        return usual(recorder, ids, scores * float("nan") if len(calls) == 4 else scores)

    monkeypatch.setattr(generation._Recorder, "process", overflowing)
    code, said, trace = record()
    assert code == 7, said
    assert len(trace.output) == 3
    assert trace.run["missing"][0] == {"stage": "generation", "reason": "the model's logits were not finite"}
    assert "The output ends early: the model's logits were not finite." in said


@pytest.mark.parametrize(
    ("error", "full"),
    [
        *((error, True) for error in FULL),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (ImportError("x.so: failed to map segment from shared object"), True),
        (RuntimeError("shapes do not match"), False),
        (ImportError("no module"), False),
        (OSError(errno.ENOENT, "allocate"), False),
        (ValueError("out of memory lane"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_full_memory_is_told_from_other_errors(error, full):
    assert is_memory(error) == full
    assert (reason_of(error) == MEMORY) == full


def test_of_existing_code_the_files_that_were_read_are_kept(record, monkeypatch):
    usual = TextReader.read
    for error, exit_code in ((KeyError(SECRET), 7), (MemoryError(), 7), (KeyboardInterrupt(), 130)):

        def read(reader, ids, *more, error=error):
            if reader._first:
                raise error
            return usual(reader, ids, *more)

        monkeypatch.setattr(TextReader, "read", read)
        Path("a.py").write_text("x = 1\n")
        Path("b.py").write_text("y = 2\n")
        words = ["--score", "a.py", "b.py", "--lens", "--attention-top", "2", "-o", "t.tsc", "--force"]
        result = CliRunner().invoke(record_command.main, words)
        assert result.exit_code == exit_code, result.stderr
        trace = Trace.load("t.tsc")
        assert [file.source for file in trace.files] == ["a.py"]
        assert stages(trace)[-1] == "generation"
        assert "1 of 2 files are in it" in " ".join(trace.run["notes"])
        assert (trace.lens == []) == isinstance(error, MemoryError)


def test_a_sentence_for_every_stage():
    from tokenscope_trace.failures import STAGES

    for stage in STAGES:
        assert Missing(stage, "x").sentence.endswith(": x.")
    assert runner.exit_code is not None
