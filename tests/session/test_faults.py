"""Processes that are really stopped and killed, disks that are really full, memory that is really used up, at every stage."""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import faults, synthetic_traces
from tests.support.faults import MISSING, PLACES

from tokenscope_trace import Trace
from tokenscope_trace.cli import html_command

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
WRITING = ["write", "fsync", "replace"]  # calls to the system that write the output at the end
CRASHED = -signal.SIGSEGV  # a library that does not ask whether it got its memory: now and then one of them meets the limit
KEPT = {  # what a killed recording's file beside the output lacks
    "replay": ["replay", "tree", "structure", "check"],
    "engine": ["tree", "structure", "check"],
    "tree": ["tree", "structure", "check"],
    "looking": ["tree", "structure", "check"],
    **{stage: ["structure", "check"] for stage in ("structure", "check", *WRITING)},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    faults.save_model(folder)
    return folder


@pytest.fixture(scope="module")
def server():
    """Processes that begin with torch imported: each is a fork of one that has done nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.faults", "tokenscope_trace.cli.record_command", "tokenscope_trace.session.runner",
                                    "tokenscope_trace.recording.recorder", "transformers.models.llama.modeling_llama"])  # fmt: skip
    return context


@pytest.fixture
def run(tmp_path, model, server):
    """Runs the command in a process of its own, prepared for what is to go wrong: (exit code, what it said)."""
    (tmp_path / "prompt.py").write_text(faults.PROMPT)

    def run(prepare, *settings, words=(*faults.WORDS, "--force")):
        words = ["prompt.py", "--model", str(model), *words]
        process = server.Process(target=faults.run, args=(str(tmp_path), words, prepare, *settings))
        process.start()
        process.join(300)
        assert process.exitcode is not None, "the recording hangs"
        said = (tmp_path / "stderr").read_text()
        (tmp_path / "stderr").unlink()
        assert "Traceback" not in said
        assert "Exception ignored" not in said
        return process.exitcode, said

    return run


@pytest.fixture
def record(tmp_path, run):
    """Records over an earlier file and sends signals at a stage: (exit code, the trace, or None where the earlier file is there)."""
    path = tmp_path / "t.tsc"
    path.write_bytes(b"earlier")

    def record(stage, numbers):
        code, said = run("signalled", stage, [int(number) for number in numbers])
        return code, None if path.read_bytes() == b"earlier" else Trace.load(path), said

    return record


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stages(trace):
    return [entry["stage"] for entry in trace.run["missing"]]


def check_kept(folder, stage):
    """The file beside the output, which is there from the end of the first stage on, is a valid trace that says what it lacks."""
    beside = folder / "t.partial.tsc"
    assert beside.exists() == (stage in KEPT)
    if stage in KEPT:
        trace = Trace.load(beside)
        assert stages(trace) == KEPT[stage]
        assert {entry["reason"] for entry in trace.run["missing"]} == {"the recording was cut off"}
        assert trace.text(trace.prompt).decode() == faults.PROMPT
        assert len(trace.output) == faults.OUTPUT
        assert (len(trace.attention) == 2) == ("replay" not in KEPT[stage])
        assert (len(trace.branches) > 0) == ("tree" not in KEPT[stage])


@pytest.mark.parametrize("stage", [*PLACES, *WRITING])
def test_a_killed_process_leaves_the_earlier_file_and_what_there_was(stage, record, tmp_path):
    code, trace, _ = record(stage, [signal.SIGKILL])
    assert (code, trace) == (-signal.SIGKILL, None)
    left = [name for name in names(tmp_path) if not (name.startswith(".t.tsc.") and stage in WRITING)]
    assert left == ["prompt.py", *["t.partial.tsc"] * (stage in KEPT), "t.tsc"]
    check_kept(tmp_path, stage)


@pytest.mark.parametrize(
    ("stage", "number"), [*zip(PLACES, SIGNALS * 3, strict=False), *zip(WRITING, SIGNALS, strict=False)]
)
def test_the_first_signal_ends_in_good_order(stage, number, record, tmp_path):
    code, trace, said = record(stage, [number])
    assert trace is not None, said
    assert code == (130 if trace.run["missing"] else 0)
    assert {entry["reason"] for entry in trace.run["missing"]} <= {"the recording was interrupted"}
    assert bool(trace.run["missing"]) == (stage not in WRITING), stages(trace)
    assert "Stopping" in said
    assert names(tmp_path) == ["prompt.py", "t.tsc"]


@pytest.mark.parametrize("stage", [*PLACES, *WRITING])
def test_the_second_signal_breaks_off_what_runs_and_the_rest_is_written(stage, record, tmp_path):
    code, trace, said = record(stage, [signal.SIGINT, signal.SIGTERM])
    assert trace is not None, said
    # a second signal in the search ends it as the first does; the check was not begun; what is written is written
    wanted = [] if stage in WRITING else MISSING[stage]
    assert set(wanted) <= set(stages(trace)), said
    assert code == (130 if trace.run["missing"] else 0)
    assert len(trace.output) == (faults.AFTER if stage == "generation" else faults.OUTPUT)
    assert names(tmp_path) == ["prompt.py", "t.tsc"]


@pytest.mark.parametrize("stage", [*PLACES, *WRITING])
def test_the_third_signal_leaves_at_once_and_what_was_kept_stays(stage, record, tmp_path):
    code, trace, said = record(stage, [signal.SIGINT] * 3)
    assert (code, trace) == (130, None), said
    assert names(tmp_path) == ["prompt.py", *["t.partial.tsc"] * (stage in KEPT), "t.tsc"]
    assert ("What there was until then is in t.partial.tsc" in said) == (stage in KEPT)
    check_kept(tmp_path, stage)


def test_where_no_file_can_be_written_any_more_what_was_kept_on_the_way_stays(run, tmp_path):
    (tmp_path / "t.tsc").write_bytes(b"earlier")
    code, said = run("full_disk")
    assert code == 5, said
    assert "cannot write t.tsc: File too large. No other folder took it either." in said
    assert "What there was until then is in t.partial.tsc." in said
    assert (tmp_path / "t.tsc").read_bytes() == b"earlier"
    assert names(tmp_path) == ["prompt.py", "t.partial.tsc", "t.tsc"]
    check_kept(tmp_path, "write")


def test_where_the_output_finds_no_room_the_recording_is_saved_elsewhere(run, tmp_path, monkeypatch):
    (tmp_path / "t.tsc").write_bytes(b"earlier")
    code, said = run("no_room_for", "t.tsc")
    assert code == 5, said
    (found,) = re.findall(r"cannot write t\.tsc: No space left on device\. The recording is whole in (.+)\.\n", said)
    assert Trace.load(found).run["missing"] == []
    assert Path(found).parent != tmp_path
    Path(found).unlink()
    assert (tmp_path / "t.tsc").read_bytes() == b"earlier"
    assert names(tmp_path) == ["prompt.py", "t.tsc"]


def test_where_nothing_can_be_kept_on_the_way_the_recording_goes_on(run, tmp_path):
    code, said = run("no_room_for", "t.partial.tsc")
    assert code == 0, said
    assert said.count("cannot be kept beside the output: cannot write t.partial.tsc: No space left on device.") == 1
    assert names(tmp_path) == ["prompt.py", "t.tsc"]


def test_a_tree_that_really_uses_up_the_memory_is_cut_short(run, tmp_path):
    """It asks for thousands of branches, and there are 24 MB more than there were when it begins."""
    words = ["--tree-nodes", "400000", "--tree-length", "64", "--tree-depth", "30", "--tree-extra", "0"]
    code, said = run("little_memory", "engine", 24, words=(*faults.WORDS, *words))
    if code == CRASHED:
        check_kept(tmp_path, "engine")
        return
    assert code == 7, said
    trace = Trace.load(tmp_path / "t.tsc")
    assert trace.run["missing"][0] == {"stage": "tree", "reason": "the memory did not suffice"}
    assert len(trace.output) == faults.OUTPUT
    assert len(trace.attention) == 2
    assert names(tmp_path) == ["prompt.py", "t.tsc"]


def test_a_run_finds_what_an_earlier_one_left_and_keeps_it(run, tmp_path):
    (tmp_path / "t.partial.tsc").write_bytes(b"precious")
    code, said = run("usually")
    assert code == 0
    assert "t.partial.tsc is left of a recording that did not come to its end" in said
    assert (tmp_path / "t.partial.tsc").read_bytes() == b"precious"
    assert names(tmp_path) == ["prompt.py", "t.partial.tsc", "t.tsc"]


def test_a_terminal_that_is_gone_ends_no_recording(run, tmp_path):
    code, _ = run("unread", 1, 2)
    assert code == 0
    assert Trace.load(tmp_path / "t.tsc").run["missing"] == []


def test_a_trace_that_nobody_takes_from_standard_output_is_saved(run, tmp_path):
    code, said = run("unread", 1, words=(*faults.WORDS, "-o", "-"))
    assert code == 5
    (found,) = re.findall(r"cannot write to standard output: Broken pipe\. The recording is whole in (.+)\.\n", said)
    assert len(Trace.load(found).output) == faults.OUTPUT
    Path(found).unlink()
    assert names(tmp_path) == ["prompt.py"]


@pytest.mark.parametrize("kind", ["html", "markdown", "json", "sarif"])
@pytest.mark.parametrize("call", ["write", "fsync", "replace", "signal"])
def test_an_earlier_report_survives_whatever_befalls_the_next(call, kind, tmp_path, monkeypatch):
    path = tmp_path / "t.tsc"
    synthetic_traces.branching().save(path)
    earlier = tmp_path / "report"
    earlier.write_bytes(b"earlier")

    def fails(*_values):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def signals(handle):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(os, "fsync" if call == "signal" else call, signals if call == "signal" else fails)
    result = CliRunner().invoke(html_command.main, [str(path), "--format", kind, "-o", str(earlier), "--force"])
    monkeypatch.undo()
    assert result.exit_code == (130 if call == "signal" else 5), result.stderr
    assert ("interrupted; nothing was written." if call == "signal" else "No space left on device.") in result.stderr
    assert earlier.read_bytes() == b"earlier"
    assert names(tmp_path) == ["report", "t.tsc"]


@pytest.mark.parametrize(("stage", "megabytes"), [("generation", 1), ("replay", 1), ("tree", 2), ("structure", 1)])
def test_memory_that_is_really_used_up_costs_no_file(stage, megabytes, run, tmp_path):
    """Wherever it ends: the earlier file is there, or a valid trace that says what it lacks."""
    (tmp_path / "t.tsc").write_bytes(b"earlier")
    words = ("--max-new-tokens", "400", "--stop", "no such text", "--tree-nodes", "3000", "--tree-min-prob", "0.001")
    code, said = run("little_memory", stage, megabytes, words=(*faults.WORDS, *words, "--force"))
    if (tmp_path / "t.tsc").read_bytes() == b"earlier":
        assert code in (4, 5, CRASHED), said
        if stage != "generation":  # the limit is met where it is set, or in a stage behind that
            later = list(KEPT)[list(KEPT).index("engine" if stage == "tree" else stage) :]
            lacks = stages(Trace.load(tmp_path / "t.partial.tsc"))
            check_kept(tmp_path, next(one for one in later if KEPT[one] == lacks))
    else:
        trace = Trace.load(tmp_path / "t.tsc")
        assert code == (7 if trace.run["missing"] else 0)
        assert {entry["reason"] for entry in trace.run["missing"]} <= {"the memory did not suffice"}
        assert len(trace.output) > 0
    if (tmp_path / "t.partial.tsc").exists():
        assert Trace.load(tmp_path / "t.partial.tsc").run["missing"]
