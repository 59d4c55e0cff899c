"""Recordings of a real model, each made once: their numbers against forwards of transformers alone, what is said of their code against
the judge, and the whole again by `--replay`.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tests.benchmarks.where_tokens_go import Count
from tests.real.judge import false_alarms, judge, unit_of
from tests.real.paths import Paths, fork_of
from tests.real.places import Place
from tests.real.recordings import Setting, chat, recorded
from tests.real.units import State, read_unit
from tests.support import real_models
from transformers import AutoModelForCausalLM, AutoTokenizer

from tokenscope_trace.cli.record_command import main
from tokenscope_trace.traces.schema import BranchEnd, CheckResult, Origin

HARNESS = ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```")
PROMPT = 'def is_odd(n):\n    return n % 2 == 1\n\n\ndef largest(numbers):\n    """The largest of some numbers."""'
RUN = "import sys; from pathlib import Path; exec(Path(sys.argv[1]).read_text()); assert {}"
EVEN, LARGEST = "is_even(4) and not is_even(7)", "largest([2, 5, 3]) == 5"


def check(condition):
    return f"{sys.executable} -c '{RUN.format(condition)}' {{file}}"


def completion(name, **changes):
    return Setting(name, "smollm2", PROMPT, "largest.py", tree_nodes=128, check=check(LARGEST), again=True, **changes)


SETTINGS = {
    "chat": chat(
        "test-chat",
        "Write a Python function is_even(n). Answer with code only.",
        max_new_tokens=96,
        tree_nodes=128,
        check=check(EVEN),
        again=True,
    ),
    "stops": completion("test-stops", max_new_tokens=48, stop=HARNESS, until="text"),
    "function": completion("test-function", max_new_tokens=48),
    "runs-on": completion("test-runs-on", max_new_tokens=32, until="text"),
}
CONDITIONS = {name: EVEN if name == "chat" else LARGEST for name in SETTINGS}
FINISHES = {"chat": "end-of-text", "stops": "stop-string", "function": "unit", "runs-on": "length"}
SOME = 6  # branches of a recording that are computed anew


@pytest.fixture(scope="session")
def recordings():
    return {name: recorded(setting) for name, setting in SETTINGS.items()}


@pytest.fixture(params=SETTINGS)
def name(request):
    return request.param


@pytest.fixture
def trace(recordings, name):
    return recordings[name]


@pytest.fixture(scope="session")
def model():
    return AutoModelForCausalLM.from_pretrained(real_models.smollm2(), dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def tokenizer():
    return AutoTokenizer.from_pretrained(real_models.smollm2())


def log_p_of(model, trace, nodes):
    """(nodes - 1, V): what each token of a path but the first was drawn from, in float64."""
    ids = torch.tensor([trace.nodes.token_id[nodes].tolist()])
    with torch.inference_mode():
        return torch.log_softmax(model(ids).logits[0, :-1].double(), -1)


def test_what_was_asked_is_what_transformers_asks(trace, name, tokenizer):
    setting = SETTINGS[name]
    message = [{"role": "user", "content": setting.prompt}]
    ids = (
        tokenizer.apply_chat_template(message, add_generation_prompt=True, return_dict=False)
        if setting.chat
        else tokenizer(setting.prompt).input_ids
    )
    assert trace.nodes.token_id[trace.prompt].tolist() == list(ids)
    assert trace.text(trace.main).decode() == tokenizer.decode(trace.nodes.token_id[trace.main])
    assert trace.run["model"]["id"] == "SmolLM2-135M-Instruct"
    assert trace.run["missing"] == []


def test_the_output_is_what_generate_writes(trace, name, model, tokenizer):
    ids = torch.tensor([trace.nodes.token_id[trace.prompt].tolist()])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=SETTINGS[name].max_new_tokens,
        do_sample=False,
        stop_strings=list(SETTINGS[name].stop) or None,
        tokenizer=tokenizer,
    )
    ours, theirs = trace.nodes.token_id[trace.output].tolist(), out[0, ids.shape[1] :].tolist()
    assert ours == (theirs[: len(ours)] if name == "function" else theirs)
    assert trace.run["finish"] == FINISHES[name]


def test_an_output_ends_as_soon_as_its_function_is_known_to_be_complete(recordings):
    paths = Paths(recordings["function"])
    last = paths.main.starts[-1]
    assert read_unit(paths.main.prompt, paths.main.text, ended=False).state is State.COMPLETE
    assert read_unit(paths.main.prompt, paths.main.text[:last], ended=False).state is State.UNFINISHED


def test_every_number_of_prompt_and_output_is_that_of_one_forward(trace, model):
    log_p = log_p_of(model, trace, trace.main)
    p, nodes, table = log_p.exp(), trace.main[1:], trace.nodes
    own = log_p[range(len(nodes)), torch.tensor(table.token_id[nodes].tolist())]
    best = p.topk(2).values
    np.testing.assert_allclose(table.logprob[nodes], own, atol=2e-4)
    np.testing.assert_allclose(table.surprisal[nodes], -own / np.log(2), atol=4e-4)
    np.testing.assert_allclose(table.entropy[nodes], -(p * log_p).sum(-1) / np.log(2), atol=2e-3)
    np.testing.assert_allclose(table.margin[nodes], best[:, 0] - best[:, 1], atol=1e-4)
    np.testing.assert_allclose(table.gap[nodes], log_p.max(-1).values - own, atol=2e-4)
    assert np.array_equal(table.rank[trace.output] == 1, table.gap[trace.output] == 0)
    assert np.isnan(table.logprob[trace.main[0]])
    for place, node in enumerate(nodes.tolist()):
        rows = trace.alternatives_of(node)
        ids = torch.tensor(trace.alternatives.token_id[rows].tolist())
        np.testing.assert_allclose(trace.alternatives.logprob[rows], log_p[place, ids], atol=2e-4)
        kept = p[place].topk(10).values.sum()
        assert float(table.tail[node]) == pytest.approx(1 - float(kept), abs=1e-4)
    assert 0 < trace.run["replay"]["noise"] < 1e-3


def test_a_branch_is_what_greedy_decoding_writes_behind_its_fork(trace, model):
    branches = trace.branches
    nested = np.flatnonzero(trace.nodes.origin[trace.nodes.parent[branches.first]] == Origin.BRANCH)
    longest = np.argsort(-branches.count.astype(int), kind="stable")
    chosen = list(dict.fromkeys([*nested[:2].tolist(), *longest[:2].tolist(), *range(len(branches))]))[:SOME]
    assert len(chosen) == min(SOME, len(branches)) >= 3
    for branch in chosen:
        own = trace.branch(branch)
        path = trace.path(int(own[-1]))
        log_p = log_p_of(model, trace, path)[-len(own) :]
        ids = torch.tensor(trace.nodes.token_id[own].tolist())
        forced = int(branches.forced[branch])
        np.testing.assert_allclose(trace.nodes.logprob[own], log_p[range(len(own)), ids], atol=2e-4)
        assert log_p[forced:].argmax(-1).tolist() == ids[forced:].tolist()
        assert trace.nodes.rank[own[0]] == 1 + int((log_p[0] > log_p[0, ids[0]]).sum()) > 1


def test_the_tree_keeps_its_bounds(trace, name):
    tree, branches = trace.run["tree"], trace.branches
    assert tree["engine"] == "tree-attention"
    assert int(branches.count.sum()) <= tree["nodes"] == SETTINGS[name].tree_nodes
    assert int(branches.count.max()) <= tree["length"] + tree["extra"]
    assert float(np.exp(trace.nodes.logprob[branches.first]).min()) >= tree["min_prob"]
    assert set(branches.end.tolist()) - {int(BranchEnd.NODES)}, "every branch ends where the budget does"
    for branch, written in enumerate(Paths(trace).branches):
        if branches.end[branch] == BranchEnd.STOP_STRING:
            assert written.stopped
        if branches.end[branch] == BranchEnd.END_OF_TEXT:
            assert trace.is_special(int(trace.nodes.token_id[trace.branch(branch)[-1]]))


def test_where_its_tokens_lie_adds_up(trace, name):
    count = Count()
    count.add(trace)
    total = int(trace.branches.count.sum())
    assert sum(count.places.values()) == sum(count.owners.values()) == total
    assert sum(sum(ends.values()) for ends in count.ends.values()) == len(trace.branches)
    assert sum(count.in_unit.values()) == count.places[Place.UNIT] > 0
    assert sum(count.forks.values()) == (total if name == "chat" else 0)
    assert bool(count.places[Place.STOP]) == (name == "stops")
    assert bool(count.places[Place.PROSE]) == (name == "chat")
    assert 0 < count.decided[0] <= count.decided[1]


def test_the_judge_finds_no_false_alarm(trace):
    judged = judge(trace)
    assert judged
    assert not false_alarms(judged), "\n".join(map(str, false_alarms(judged)))


def test_a_verdict_is_that_of_the_program_that_a_user_would_keep(trace, name, tmp_path):
    paths, table = Paths(trace), trace.checks
    assert len(table)
    for branch, result in zip(table.branch.tolist(), table.result.tolist(), strict=True):
        written = paths.main if branch < 0 else paths.branches[branch]
        unit = unit_of(paths, written, fork_of(paths.main, written))
        assert unit is not None
        assert unit.state is State.COMPLETE, branch
        program = tmp_path / "program.py"
        program.write_bytes(unit.code)
        done = subprocess.run([sys.executable, "-c", RUN.format(CONDITIONS[name]), program], capture_output=True)
        assert (result == CheckResult.PASS) == (done.returncode == 0), (branch, done.stderr.decode())


def test_recorded_again_it_is_the_same(recordings, tmp_path):
    recordings["stops"].save(tmp_path / "stops.tsc")
    result = CliRunner().invoke(main, ["--replay", str(tmp_path / "stops.tsc"), "--model", str(real_models.smollm2())])
    assert (result.exit_code, result.stdout.startswith("The same: ")) == (0, True), result.output
