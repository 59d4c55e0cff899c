"""What is said beforehand: steps carried over to a whole recording, against the recording itself.

Seconds are those of a clock that the model's own forwards turn: a pass of T tokens takes `fixed + each * T`. All else is real.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace.analysis.pipeline import with_decisions
from tokenscope_trace.cli.estimate_words import in_a_line
from tokenscope_trace.cli.record_command import main
from tokenscope_trace.estimates.dry_run import estimate_generation, estimate_scoring
from tokenscope_trace.estimates.extrapolation import (
    Arithmetic,
    ContextCost,
    PartSizes,
    Steps,
    TreeSteps,
    Work,
    file_of,
    schedule,
    seconds_of,
)
from tokenscope_trace.estimates.file_size import part_sizes
from tokenscope_trace.estimates.forecast import LONG, forecast_generation, forecast_scoring
from tokenscope_trace.estimates.rehearsal import Times, arithmetic_of, rehearsed, work_of
from tokenscope_trace.models.loading import describe
from tokenscope_trace.models.prompts import encode_text
from tokenscope_trace.progress import Estimate, Stage, Watcher
from tokenscope_trace.recording.backends import backend_of
from tokenscope_trace.recording.documents import Document
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.recording.scorer import score
from tokenscope_trace.settings import CheckSettings, GenerationSettings, ReplaySettings, TreeSettings
from tokenscope_trace.tree import search

SOURCE = "def mean(values):\n    total = 0\n    for value in values:\n        total = total + value\n    return total\n\n\n"
PLAIN = Arithmetic(body=1000.0, head=100.0, attention=0.0)
TREE = TreeSettings(nodes=400, length=12, extra=0, min_prob=0.0)
SHAPES = {
    "metrics": (50, 40, None, None),
    "attention": (200, 32, ReplaySettings(), None),
    "lens": (50, 128, ReplaySettings(lens=True, lens_layers="all"), None),
    "tree": (120, 32, ReplaySettings(attention_top=4), TREE),
    "large tree": (400, 48, None, replace(TREE, nodes=1200, length=20, extra=60)),
    "few": (1, 3, ReplaySettings(), replace(TREE, nodes=20)),
}


class Clock:
    """Seconds that a model's passes take."""

    def __init__(self, model, fixed=0.2, each=0.01):
        self.now = 0.0
        self._fixed, self._each = fixed, each
        model.register_forward_pre_hook(self._turn, with_kwargs=True)

    def _turn(self, _model, inputs, options):
        ids = options.get("input_ids", inputs[0] if inputs else None)
        self.now += self._fixed + self._each * ids.shape[-1]

    def __call__(self):
        return self.now


@pytest.fixture
def loaded():
    return describe(tiny_model(max_position_embeddings=1024), tiny_tokenizers.byte_level(), name="tiny")


def prompt_of(loaded, length):
    text = SOURCE * 12
    ids = encode_text(loaded.tokenizer, text, "prompt.py").ids[:length]
    return encode_text(loaded.tokenizer, loaded.tokenizer.decode(ids), "prompt.py")


def near(estimated, actual, factor=1.5):
    assert actual / factor <= estimated <= actual * factor, f"estimated {estimated:.4g}, actual {actual:.4g}"


@pytest.mark.parametrize("shape", SHAPES)
def test_seconds_and_the_file_s_size_are_near_those_of_the_recording(shape, loaded):
    length, new, replay, tree = SHAPES[shape]
    prompt, clock = prompt_of(loaded, length), Clock(loaded.model)
    settings = GenerationSettings(max_new_tokens=new, temperature=0)
    before = loaded.model.generation_config
    found = estimate_generation(loaded, prompt, settings, replay=replay, tree=tree, clock=clock)
    assert loaded.model.generation_config is before
    rehearsal = clock.now
    times = Times(clock, begun=clock.now)
    trace = record(loaded, prompt, settings, replay=replay, tree=tree, watcher=times.watcher())
    times.ended = clock.now
    assert tree is None or trace.run["tree"]["finish"] == "nodes"
    taken = {stage.name: stage.seconds for stage in found.stages}
    near(taken["prompt"], times.prompt + times.head)
    near(taken["output"], times.output + clock._fixed)
    if replay is not None:
        near(taken["reading again"], times.again, 2)  # a tenth of the whole at most
    if tree is not None:
        near(taken["branches"], times.branches)
    near(found.seconds, clock.now - rehearsal)
    near(found.file, len(with_decisions(trace).to_bytes()))


def test_a_tree_s_schedule_is_that_of_the_search(loaded, monkeypatch):
    widths = []
    step = search.Search._step
    monkeypatch.setattr(search.Search, "_step", lambda self, live: (widths.append(len(live)), step(self, live))[1])
    prompt, settings = prompt_of(loaded, 40), GenerationSettings(max_new_tokens=32, temperature=0)
    for tree in (TREE, replace(TREE, nodes=700, length=9), replace(TREE, nodes=500, extra=40)):
        widths.clear()
        record(loaded, prompt, settings, tree=tree)
        expected = list(schedule(work_of(backend_of(loaded), len(prompt.ids), settings, None, tree)))
        near(sum(count for _, count in expected), len(widths), 1.3)
        near(sum(width * count for width, count in expected), sum(widths), 1.2)


def test_seconds_are_counted_as_documented():
    done = Work(prompt=11, output=4, rereads=True, nodes=8, length=4, wave=2)
    steps = Steps(
        done,
        prompt=1.1,
        head=0.5,
        step=0.2,
        again=0.9,
        tree=TreeSteps(ready=3.0, narrow=0.3, wide=0.5, width=3, nodes=8),
        analysis=0.6,
        keeping=0.1,
    )
    work = Work(prompt=21, output=200, rereads=True, opinions=2, nodes=20, length=5, wave=4)
    found = seconds_of(work, steps, PLAIN)
    assert found["prompt"] == pytest.approx(1.1 * 21 / 11 + 0.5 * 20 / 10)
    assert found["output"] == pytest.approx(200 * 0.2)
    row = 1.1 / 11 + 3 * 0.05
    assert row * 4 > 0.9  # what was read again took less than its rows would: it is taken as it is
    assert found["reading again"] == pytest.approx(200 * 0.9 / 4)
    assert list(schedule(work)) == [(4, 4)]
    assert found["branches"] == pytest.approx(3.0 + 4 * (0.3 + 0.2 * 3 / 2))
    assert found["analysis"] == pytest.approx(0.6 * (5 / 3) * (226 / 19))


def test_bytes_are_counted_by_part():
    done = Work(prompt=10, output=5, nodes=30, length=5)
    sizes = PartSizes(done, prompt=100, output=50, inside=300, branches=600, code=42, distinct=80, facts=700)
    found = file_of(Work(prompt=20, output=40, nodes=60, asked=15, length=5), sizes)
    assert {name: found[name] for name in ("prompt", "output", "reading again", "branches")} == {
        "prompt": 200,
        "output": 400,
        "reading again": 1200,
        "branches": 1500,
    }
    assert found["analysis"] == pytest.approx(42 * (60 + 15) / (15 + 6))
    assert found["writing"] == pytest.approx(700 + 80 * 3**0.6)


def test_what_stands_before_a_step_adds_to_it():
    done = Work(prompt=100, output=10)
    steps = Steps(done, prompt=1.0, head=0.0, step=0.1, growth=ContextCost(output=0.001))
    assert seconds_of(Work(100, 10), steps, PLAIN)["output"] == pytest.approx(1.0)
    assert seconds_of(Work(100, 210), steps, PLAIN)["output"] == pytest.approx(210 * (0.1 + 0.001 * 100))


@pytest.mark.parametrize("name", ["prompt", "output", "nodes", "opinions", "asked"])
def test_more_work_never_takes_less(name):
    done = Work(prompt=50, output=16, rereads=True, opinions=2, nodes=60, length=4, wave=8)
    steps = Steps(done, 0.5, 0.2, 0.1, 0.4, tree=TreeSteps(1.0, 0.1, 0.3, 8, 60), analysis=0.3, keeping=0.1)
    sizes = PartSizes(done, 900, 300, 2000, 1500, 400, 800, 700)
    work = Work(prompt=60, output=20, rereads=True, opinions=1, nodes=100, length=8, wave=8)
    grown = [replace(work, **{name: getattr(work, name) + more}) for more in range(0, 400, 7)]
    for less, more in pairwise(grown):
        # a schedule with a whole row of branches more may need a row of what is left of one less
        assert sum(seconds_of(more, steps, PLAIN).values()) >= 0.95 * sum(seconds_of(less, steps, PLAIN).values())
        assert sum(file_of(more, sizes).values()) >= sum(file_of(less, sizes).values())
    assert sum(seconds_of(grown[-1], steps, PLAIN).values()) > sum(seconds_of(grown[0], steps, PLAIN).values())


def test_the_parts_of_a_file_add_up_to_it(loaded):
    prompt, settings = prompt_of(loaded, 80), GenerationSettings(max_new_tokens=24, temperature=0)
    trace = with_decisions(record(loaded, prompt, settings, replay=ReplaySettings(lens=True), tree=TREE))
    sizes = part_sizes(trace, Work(80, 24, nodes=400))
    parts = [sizes.prompt, sizes.output, sizes.inside, sizes.branches, sizes.code, sizes.distinct, sizes.facts]
    assert min(parts) > 0
    near(sum(parts), len(trace.to_bytes()), 1.1)


def test_scored_files_are_estimated_from_a_piece_of_one(loaded):
    documents = [Document("a.py", SOURCE * 3), Document("b.py", SOURCE * 14), Document("c.py", SOURCE)]
    clock = Clock(loaded.model)
    found = estimate_scoring(
        loaded, documents, replay=ReplaySettings(attention_top=4, lens=True), load_seconds=2, clock=clock
    )
    begin = clock.now
    trace = score(loaded, documents, replay=ReplaySettings(attention_top=4, lens=True))
    near(found.seconds - 2, clock.now - begin)
    near(found.file, len(with_decisions(trace).to_bytes()))
    assert [stage.name for stage in found.stages] == ["loading", "reading", "analysis", "writing"]


def test_memory_is_what_is_held_and_what_each_stage_adds(loaded):
    settings = GenerationSettings(max_new_tokens=40, temperature=0)
    memory = {}
    for nodes in (50, 50_000):
        tree = replace(TREE, nodes=nodes)
        found = estimate_generation(loaded, prompt_of(loaded, 60), settings, replay=ReplaySettings(), tree=tree)
        memory[nodes] = {stage.name: stage.memory for stage in found.stages}
        assert found.memory == max(memory[nodes].values())
        assert memory[nodes]["loading"] > 50e6
    slot = 2 * 2 * 2 * 16 * 4  # keys and values of 2 layers, 2 heads of 16 numbers
    assert memory[50_000]["branches"] - memory[50]["branches"] > 49_950 * slot


@pytest.mark.parametrize("tree", [None, replace(TREE, nodes=900)])
def test_a_long_recording_is_forecast_once_from_its_own_first_steps(tree, loaded):
    prompt, settings = prompt_of(loaded, 100), GenerationSettings(max_new_tokens=64, temperature=0)
    body = 0.01
    clock = Clock(loaded.model, fixed=0.8, each=body)
    said = []
    watcher = Watcher(on_estimate=lambda rest: said.append((rest, clock.now)))
    forecasting = forecast_generation(watcher, loaded, len(prompt.ids), settings, ReplaySettings(), tree, clock)
    trace = record(loaded, prompt, settings, replay=ReplaySettings(), tree=tree, watcher=forecasting)
    ((rest, moment),) = said
    near(rest.seconds, clock.now - moment)
    near(rest.file, len(trace.to_bytes()), 1.7)  # sixteen bytes of what was read from eight tokens of the output
    assert rest.memory > 1e6
    assert in_a_line(rest).startswith("About ")
    assert ("branches" in in_a_line(rest)) == (tree is not None)


def test_of_a_short_recording_nothing_is_forecast(loaded):
    prompt, settings = prompt_of(loaded, 100), GenerationSettings(max_new_tokens=64, temperature=0)
    clock, said = Clock(loaded.model, fixed=0.01, each=0.0001), []
    forecasting = forecast_generation(Watcher(on_estimate=said.append), loaded, 100, settings, ReplaySettings(), None, clock)
    record(loaded, prompt, settings, replay=ReplaySettings(), watcher=forecasting)
    assert said == []


def test_reading_files_is_forecast_from_what_was_read(loaded):
    documents = [Document(f"{number}.py", SOURCE * 8) for number in range(12)]
    clock, said = Clock(loaded.model, fixed=1.0, each=0.01), []
    watcher = forecast_scoring(Watcher(on_estimate=lambda rest: said.append((rest.seconds, clock.now))), clock)
    score(loaded, documents, watcher=watcher)
    ((rest, moment),) = said
    near(rest, clock.now - moment)
    assert rest > LONG


def test_the_line_of_a_long_recording_says_times_memory_and_size():
    found = Estimate([Stage("output", 240, 3e9, 20_000), Stage("branches", 63.4, 2e9, 2_000_000), Stage("writing", 0.2)])
    assert in_a_line(found) == (
        "About 5.1 minutes more at most: output 4.0 minutes, branches 63 s; at most about 3000.0 MB of memory beside the model "
        "and a file of 2.0 MB"
    )
    assert in_a_line(Estimate([Stage("reading", 40)])) == "About 40 s more at most: reading 40 s"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("prompt.py").write_text(SOURCE)
    tiny_model(max_position_embeddings=512).save_pretrained("model")
    tiny_tokenizers.byte_level().save_pretrained("model")
    return tmp_path


def invoke(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    "words", [("--tree-nodes", 60, "--lens", "--check", "true {file}", "--check-timeout", 3, "-q"), ("--score",)]
)
def test_a_dry_run_prints_a_table_and_writes_nothing(words, folder):
    before = sorted(os.walk(folder))
    code, printed, said = (
        invoke("prompt.py", "--model", "model", "--device", "cpu", "--max-new-tokens", 20, "--dry-run", *words)
        if words[0] != "--score"
        else invoke("prompt.py", "--model", "model", "--dry-run", *words)
    )
    assert code == 0, said
    assert sorted(os.walk(folder)) == before
    rows = {line.split("  ")[0]: line.split("  ")[1:] for line in printed.splitlines()}
    names = ["loading", "reading", "analysis", "writing", "in all"]
    if words[0] != "--score":
        names = ["loading", "prompt", "output", "reading again", "branches", "analysis", "writing", "in all"]
        assert "The check is not in it: about 3 programs, 9 s where each of them takes the 3 s it may." in printed
        assert said == ""
    assert [name for name in rows if name in names] == names
    assert "MB" in printed
    assert "s" in rows["in all"][-1] or "kB" in rows["in all"][-1]
    assert "Nothing was recorded" in printed


def test_a_dry_run_refuses_what_a_recording_refuses(folder):
    Path("prompt.tsc").write_bytes(b"earlier")
    words = ("--model", "model", "--dry-run")
    for output, said in (("prompt.tsc", "exists"), ("missing/t.tsc", "missing")):
        found = invoke("prompt.py", *words, "-o", output)
        assert (found[0], said in " ".join(found[1:])) == (0, True), "it is told, and would be refused"
    assert invoke("none.py", *words)[0] == 3
    assert invoke("prompt.py", *words[:2], "--dry-run", "--system", "x")[0] == 2
    assert invoke("prompt.py", "--model", "nothing", "--dry-run", "--force")[0] == 4
    assert invoke("--replay", "prompt.tsc", "--dry-run")[0] == 2
    assert Path("prompt.tsc").read_bytes() == b"earlier"
    code, printed, said = invoke("prompt.py", *words, "--force", "--max-new-tokens", 4, "--tree-nodes", 0)
    assert (code, Path("prompt.tsc").read_bytes()) == (0, b"earlier"), said
    assert "branches" not in printed


def test_the_start_of_a_long_recording_says_what_the_rest_takes(folder, monkeypatch):
    words = ("prompt.py", "--model", "model", "--max-new-tokens", 12, "--tree-nodes", 40, "--force")
    code, _, said = invoke(*words)
    assert (code, "more at most" in said) == (0, False)
    monkeypatch.setattr("tokenscope_trace.estimates.forecast.LONG", 0.0)
    code, _, said = invoke(*words)
    assert code == 0
    assert len([line for line in said.splitlines() if line.startswith("About ") and " more at most: " in line]) == 1


def test_a_rehearsal_says_what_it_could_not_try(loaded, monkeypatch):
    def full(*_values, **_more):
        raise MemoryError

    monkeypatch.setattr("tokenscope_trace.inference.branching.choose_engine", full)
    settings = GenerationSettings(max_new_tokens=6, temperature=0)
    found = estimate_generation(
        loaded, prompt_of(loaded, 20), settings, tree=TREE, check=CheckSettings("true {file}", timeout=2), load_seconds=1
    )
    assert found.notes == ("The tree was left out: the memory did not suffice.",)
    assert "branches" not in {stage.name for stage in found.stages if stage.seconds is not None}
    assert (found.programs, found.timeout) == (35, 2)


def test_a_prompt_that_is_long_is_rehearsed_with_its_end(loaded, monkeypatch):
    monkeypatch.setattr("tokenscope_trace.estimates.rehearsal.READ", 64)
    prompt, settings, clock = prompt_of(loaded, 500), GenerationSettings(max_new_tokens=16), Clock(loaded.model, 0.0, 0.01)
    short = rehearsed(backend_of(loaded), prompt, settings, replay=None, tree=None, clock=clock)
    assert short.steps.done.prompt == 64
    work = work_of(backend_of(loaded), len(prompt.ids), settings, None, None)
    found = seconds_of(work, short.steps, arithmetic_of(backend_of(loaded).shape))
    begin = clock.now
    record(loaded, prompt, GenerationSettings(max_new_tokens=1))
    assert found["prompt"] >= 0.9 * (clock.now - begin)  # attention grows with the square, which this clock does not
