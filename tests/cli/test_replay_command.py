"""`--replay`: what a trace holds suffices to record it again, and what differs is what was changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model
from transformers import AutoModelForCausalLM

from tokenscope_trace import Trace
from tokenscope_trace.cli.record_command import main
from tokenscope_trace.settings import ModelSettings
from tokenscope_trace.traces.pruning import without_layers
from tokenscope_trace.traces.schema import REDACTED_ID

PROMPT = 'def mean(values):\n    """The arithmetic mean."""\n'
SHORT = ("--max-new-tokens", 6, "--tree-nodes", 40, "--tree-length", 5, "--tree-min-prob", 0.001)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny_model(max_position_embeddings=2048).save_pretrained(folder)
    tokenizer = tiny_tokenizers.byte_level(extra=("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"))
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, model_folder):
    """A recording with all there is, which the tests leave as it is."""
    path = tmp_path_factory.mktemp("recorded") / "t.tsc"
    prompt = path.with_name("prompt.py")
    prompt.write_text(PROMPT)
    invoke(prompt, "--model", model_folder, *SHORT, "--lens", "--decisions", 4, "-o", path)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("prompt.py").write_text(PROMPT)
    return tmp_path


def invoke(*words, code=0):
    """(stdout, stderr) of the command in this process, which ends with this code."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def without_clock(path):
    trace = Trace.load(path)
    return trace.replaced({**trace.run, "clock": {}}, {}).payload


def test_the_trace_that_comes_again_is_the_same_byte_for_byte_but_for_its_clock(folder, recorded, model_folder):
    said, _ = invoke("--replay", recorded, "--model", model_folder, "-o", "again.tsc")
    assert said.startswith("The same: 6 tokens, and ")
    one, two = Trace.load(recorded), Trace.load("again.tsc")
    assert two.run["command"] == [*one.run["command"], "--model", "tiny-llama"]
    again = two.replaced({**two.run, "command": one.run["command"]}, {})
    again.save("same.tsc")
    assert without_clock("same.tsc") == without_clock(recorded)


def test_without_o_nothing_is_written(folder, recorded, model_folder):
    before = sorted(folder.iterdir())
    invoke("--replay", recorded, "--model", model_folder)
    assert sorted(folder.iterdir()) == before


RUNS = {
    "sampled": ("prompt.py", "--temperature", 0.9, "--top-p", 0.9, "--top-k", 30, "--min-p", 0.01, "--seed", 3),
    "sampled branches": ("prompt.py", "--temperature", 0, "--top-k", 7, "--tree-temperature", 0.7, "--seed", 5),
    "stop strings": ("prompt.py", "--stop", "e", "--stop", r"\n\n", "--tree-extra", 0, "--attention-top", 3, "--attention-layers", "1"),
    "forced": ("prompt.py", "--force-token", "2:40,4:41", "--force-text", r"3:\n\treturn", "--force-token", "6:3"),
    "chat": ("prompt.py", "--chat", "--system", "Be brief.", "--language", "python"),
    "hole": ("hole.py", "--fim", "--tree-depth", 3, "--lens-layers", "0"),
    "control tokens in a text": ("marks.py",),
    "control tokens around a hole": ("marked_hole.py", "--fim", "--fim-order", "suffix-prefix"),
    "no language": ("prompt.txt", "--language", "python", "--decisions", 2, "--no-attention"),
    "no tree": ("prompt.py", "--tree-nodes", 0, "--top-alternatives", 3),
    "half precision": ("prompt.py", "--dtype", "bfloat16"),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_every_way_to_record_comes_again(folder, model_folder, name):
    Path("hole.py").write_text("def mean(values):\n    total = <FILL>\n    return total / len(values)\n")
    Path("prompt.txt").write_text(PROMPT)
    Path("marks.py").write_text('ENDS = "<s>", "</s>"\n\n\ndef mean(values):\n')
    Path("marked_hole.py").write_text('ENDS = "<s>", "</s>"\n<FILL>\nMARK = "<|fim_suffix|>"\n')
    words = RUNS[name]
    given = [str(word) for word in words]
    more = [word for pair in zip(SHORT[::2], SHORT[1::2], strict=True) if pair[0] not in given for word in pair]
    invoke(*words, *more, "--model", model_folder, "-o", "t.tsc")
    said, _ = invoke("--replay", "t.tsc", "--model", model_folder, "-o", "again.tsc")
    assert said.startswith("The same: ")
    assert said.count("\n") == 1, said
    one, two = Trace.load("t.tsc"), Trace.load("again.tsc")
    assert two.run["sampling"] == one.run["sampling"]
    assert two.run["tree"] == one.run["tree"]
    assert two.run["notes"] == one.run["notes"]
    assert two.run["asked"] == one.run["asked"]
    for table, columns in one.tables.items():
        for column, values in columns.items():
            assert np.array_equal(values, two.tables[table][column], equal_nan=values.dtype.kind == "f"), (table, column)


def test_scored_files_come_again_from_their_ids(folder, model_folder):
    Path("two.py").write_text("x = 1\n")
    invoke("--score", "prompt.py", "two.py", "--model", model_folder, "--lens", "--attention-top", 2, "-o", "t.tsc")
    Path("prompt.py").unlink()
    Path("two.py").unlink()
    said, _ = invoke("--replay", "t.tsc", "--model", model_folder, "-o", "again.tsc")
    assert said.startswith("The same: ")
    one, two = Trace.load("t.tsc"), Trace.load("again.tsc")
    assert two.run["files"] == one.run["files"]
    assert two.run["score"] == one.run["score"]
    assert np.array_equal(one.nodes.logprob, two.nodes.logprob, equal_nan=True)


def test_a_recording_without_the_fact_of_what_was_asked_comes_again(folder, recorded, model_folder):
    """Format 1.4 and before: what was in force, and the branches themselves, say enough."""
    invoke("prompt.py", *SHORT, "--model", model_folder, "--temperature", 0.9, "--top-k", 12, "--seed", 4, "--force-token", "2:40,4:41", "-o", "n.tsc")  # fmt: skip
    for source in (recorded, "n.tsc"):
        trace = Trace.load(source)
        trace.replaced({key: value for key, value in trace.run.items() if key not in ("asked", "machine")}, {}).save(
            "old.tsc", force=True
        )
        said, _ = invoke("--replay", "old.tsc", "--model", model_folder)
        assert said.startswith("The same: "), said


def test_the_built_in_model_needs_no_name(folder):
    invoke("prompt.py", "--max-new-tokens", 4, "--tree-nodes", 20, "-o", "t.tsc")
    said, told = invoke("--replay", "t.tsc")
    assert said.startswith("The same: 4 tokens")
    assert "built-in" in told


def perturbed(model_folder, to, change):
    """The model with other weights: `change` is called with the tensors."""
    shutil.copytree(model_folder, to)
    weights = load_file(to / "model.safetensors")
    change(weights)
    save_file(weights, to / "model.safetensors", metadata={"format": "pt"})
    return to


def test_other_weights_are_found_at_the_tokens_that_they_move(folder, recorded, model_folder):
    """One token's embedding is changed: what stands up to it has the same numbers, what stands behind it has those of the other model."""
    trace = Trace.load(recorded)
    ids = trace.nodes.token_id[trace.prompt].tolist()
    place = next(i for i in range(len(ids) // 2, len(ids)) if ids.index(ids[i]) == i)

    def change(weights):
        weights["model.embed_tokens.weight"][ids[place], 5] += 1e-2

    other = perturbed(model_folder, folder / "tiny-llama", change)
    said, _ = invoke("--replay", recorded, "--model", other, "--differences", "d.json", "-o", "again.tsc", code=8)
    assert said.startswith("Different: ")
    assert "its weights, sha256: " in said
    document = json.loads(Path("d.json").read_text())
    found = {one["name"]: one["columns"] for one in document["numbers"] if one["part"] == "prompt"}
    assert min(node for columns in found.values() for node in columns["node"]) > place
    # Independently: transformers' own forward of both models, over the recorded ids.
    tokens = torch.tensor([ids])
    with torch.no_grad():
        before, after = (
            torch.log_softmax(AutoModelForCausalLM.from_pretrained(path)(tokens).logits[0, :-1].double(), -1)
            for path in (model_folder, other)
        )
    scored = [values[range(len(ids) - 1), ids[1:]].numpy() for values in (before, after)]
    moved = [i + 1 for i in np.flatnonzero(np.abs(scored[0] - scored[1]) > 2e-5)]
    still = [i + 1 for i in np.flatnonzero(np.abs(scored[0] - scored[1]) < 5e-6)]
    assert moved
    assert set(moved) <= set(found["nodes.logprob"]["node"])
    assert not set(still) & set(found["nodes.logprob"]["node"])
    for node, value in zip(found["nodes.logprob"]["node"], found["nodes.logprob"]["again"], strict=True):
        assert value == pytest.approx(scored[1][node - 1], abs=1e-5)


def test_another_dtype_moves_numbers_and_is_named(folder, recorded, model_folder):
    said, _ = invoke("--replay", recorded, "--model", model_folder, "--dtype", "bfloat16", code=8)
    assert "  dtype: float32 → bfloat16\n" in said
    assert "its configuration" not in said
    assert "nodes.logprob of the prompt: " in said


def test_a_number_edited_by_hand_is_the_one_that_is_reported(folder, recorded, model_folder):
    trace = Trace.load(recorded)
    node = int(trace.output[2])
    nodes = {name: np.array(values) for name, values in trace.tables["nodes"].items()}
    nodes["logprob"][node] -= 0.05
    trace.replaced(trace.run, {"nodes": nodes}).save("edited.tsc")
    said, _ = invoke("--replay", "edited.tsc", "--model", model_folder, "--differences", "d.json", code=8)
    assert said.startswith("Different: 6 tokens the same, but 1 of ")
    document = json.loads(Path("d.json").read_text())
    assert [(one["name"], one["columns"]["node"]) for one in document["numbers"]] == [("nodes.logprob", [node])]
    assert document["partings"] == document["changes"] == []


def test_a_token_edited_by_hand_is_the_first_that_differs(folder, recorded, model_folder):
    trace = Trace.load(recorded)
    node = int(trace.output[3])
    nodes = {name: np.array(values) for name, values in trace.tables["nodes"].items()}
    nodes["token_id"][node] = next(
        i for i in trace.tokens.id if i not in trace.nodes.token_id[trace.nodes.parent == node - 1]
    )
    trace.replaced(trace.run, {"nodes": nodes}).save("edited.tsc")
    said, _ = invoke("--replay", "edited.tsc", "--model", model_folder, code=8)
    assert said.startswith("Different: output token 4 (line ")


def test_a_check_runs_only_if_the_user_gives_it(folder, model_folder):
    invoke("prompt.py", "--model", model_folder, *SHORT, "--stop", "e", "--check", "touch ran-at-recording; grep -q def {file}", "-o", "t.tsc")  # fmt: skip
    trace = Trace.load("t.tsc")
    hostile = {**trace.run["check"], "command": f"touch {folder}/ran {{file}}"}
    trace.replaced(
        {**trace.run, "check": hostile, "command": [*trace.run["command"], "--check", hostile["command"]]}, {}
    ).save("h.tsc")
    said, _ = invoke("--replay", "h.tsc", "--model", model_folder)
    assert "The check was not run again" in said
    assert not Path("ran").exists()
    said, _ = invoke("--replay", "t.tsc", "--model", model_folder, "--check", "touch ran-at-recording; grep -q def {file}")
    assert "not compared" not in said
    said, _ = invoke("--replay", "t.tsc", "--model", model_folder, "--check", "false {file}", code=8)
    assert "the check's command: " in said
    assert ": pass → fail" in said


def test_what_an_interrupted_recording_has_comes_again(folder, recorded, model_folder):
    trace = Trace.load(recorded)
    run = {**trace.run, "finish": "interrupted", "tree": None, "decisions": None}
    run["missing"] = [
        {"stage": stage, "reason": "the recording was interrupted"} for stage in ("generation", "tree", "structure")
    ]
    end = int(trace.output[-1]) - 1  # two tokens less
    cut = without_layers(without_layers(trace, "attention"), "lens")
    tables = {
        "nodes": {name: values[:end] for name, values in cut.tables["nodes"].items()},
        "alternatives": {
            name: values[: cut.alternatives_of(end).start] for name, values in cut.tables["alternatives"].items()
        },
    }
    for name in ("branches", "outcomes", "decisions", "decision_options", "syntax"):
        tables[name] = {key: values[:0] for key, values in cut.tables[name].items()}
    run |= {"main_leaf": end - 1, "syntax": None, "attention": None, "lens": None}
    trace.replaced(run, {**cut.tables, **tables}).save("cut.tsc")
    said, _ = invoke("--replay", "cut.tsc", "--model", model_folder)
    assert said.startswith("The same: 4 tokens")
    assert "The recording lacks its generation, or a part of it (the recording was interrupted)." in said


def test_what_cannot_come_again_is_said_in_a_sentence(folder, recorded, model_folder):
    invoke("prompt.py", "--model", model_folder, *SHORT, "--redact", "strings", "-o", "less.tsc")
    assert REDACTED_ID in Trace.load("less.tsc").nodes.token_id
    _, told = invoke("--replay", "less.tsc", "--model", model_folder, code=6)
    assert "text was left out of this recording (--redact), so it cannot be run again" in told
    _, told = invoke("--replay", "none.tsc", code=6)
    assert "cannot read none.tsc" in told
    _, told = invoke("--replay", recorded, code=4)
    assert "made with tiny-llama from a folder, and does not say which; name it with --model FOLDER" in told
    shutil.copy(recorded, "t.tsc")
    _, told = invoke("--replay", "t.tsc", "--model", model_folder, "-o", "t.tsc", "--force", code=6)
    assert "is the recording itself" in told
    _, told = invoke("--replay", recorded, "--model", "built-in", code=4)
    assert "it is another model" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["prompt.py"], "leave out PROMPT"),
        (["--max-new-tokens", "3"], "--max-new-tokens does not go with --replay"),
        (["--seed", "3"], "--seed does not go with --replay"),
        (["--no-attention"], "--no-attention does not go with --replay"),
        (["--revision", "main"], "--revision needs --model"),
        (["-o", "-", "--differences", "-"], "cannot both go to standard output"),
    ],
)
def test_what_the_trace_says_is_not_asked_of_the_user(folder, words, sentence):
    _, told = invoke("--replay", "t.tsc", *words, code=2)
    assert sentence in told


def test_differences_need_a_replay(folder):
    _, told = invoke("prompt.py", "--differences", "d.json", code=2)
    assert "--differences needs --replay" in told


def test_quiet_says_nothing_and_the_exit_code_tells(folder, recorded, model_folder):
    said, told = invoke("--replay", recorded, "--model", model_folder, "--dtype", "bfloat16", "-q", code=8)
    assert said == ""
    assert "Recording" not in told


HOSTILE = {
    "a path": {"id": "../../etc", "revision": "a" * 40},
    "an absolute path": {"id": "/etc/model", "revision": "a" * 40},
    "an address": {"id": "https://example.com/model", "revision": "a" * 40},
    "a branch": {"id": "some/model", "revision": "main"},
    "an escape": {"id": "\x1b]0;title\x07", "revision": "a" * 40},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_trace_names_no_model_but_one_of_the_hub_at_a_commit(folder, recorded, name):
    trace = Trace.load(recorded)
    trace.replaced({**trace.run, "model": {**trace.run["model"], **HOSTILE[name]}}, {}).save("h.tsc")
    _, told = invoke("--replay", "h.tsc", code=4)
    assert "which is no model of the hub at a commit; name one with --model" in told
    assert "\x1b" not in told


def test_a_model_of_the_hub_is_loaded_at_its_commit_without_code_and_pickles(folder, recorded, monkeypatch, model_folder):
    """What `load` is asked for, and that a folder of the name's does not stand in."""
    trace = Trace.load(recorded)
    facts = {**trace.run["model"], "id": "some/model", "revision": "a" * 40, "attention": "stranger/kernel"}
    trace.replaced({**trace.run, "model": facts}, {}).save("h.tsc")
    asked = []

    def load(settings):
        from tokenscope_trace.models.loading import load as really

        asked.append(settings)
        return really(ModelSettings(str(model_folder)))

    monkeypatch.setattr("tokenscope_trace.cli.record_command._load", load)
    _, told = invoke("--replay", "h.tsc")
    assert asked == [ModelSettings("some/model", "a" * 40, "cpu", "float32")]
    assert "some/model at " + "a" * 40 in told.replace("\n", "")
    assert "safetensors only" in told.replace("\n", " ")
    Path("some/model").mkdir(parents=True)
    _, told = invoke("--replay", "h.tsc", code=4)
    assert "here is a folder of that name" in told


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"top_alternatives": 60_000}, "number of alternatives is 60000"),
        ({"asked": {"temperature": -1.0}}, "temperature is -1.0"),
        ({"asked": {"top_p": 7.0}}, "top-p is 7.0"),
        ({"asked": {"decisions": 2**50}}, "number of decisions is"),
        ({"asked": {"forced": [[{"position": 1, "tokens": [2**40]}]]}}, "forced token is"),
    ],
)
def test_numbers_that_nobody_could_ask_for_are_refused(folder, recorded, change, sentence):
    trace = Trace.load(recorded)
    trace.replaced({**trace.run, **change}, {}).save("h.tsc")
    _, told = invoke("--replay", "h.tsc", code=6)
    assert sentence in told.replace("\n", " ")
