"""A whole recording: columns, text, facts, determinism."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
import torch
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.errors import PromptError
from tokenscope_trace.models.loading import describe
from tokenscope_trace.models.prompts import encode_fim, encode_text
from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.recording.documents import Document
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.recording.scorer import score
from tokenscope_trace.settings import GenerationSettings, Redaction, TreeSettings
from tokenscope_trace.traces.schema import METRICS, TABLES, Origin

TEXT = "def mean(values):\n\treturn sum(values)  # 🙂 世界\r\n"
GREEDY = GenerationSettings(max_new_tokens=16, temperature=0, top_alternatives=5)


def loaded(kind="llama", tokenizer=None, **changes):
    return describe(tiny_model(kind, **changes), tokenizer or tiny_tokenizers.byte_level(), name="tiny")


@pytest.fixture(scope="module")
def tiny():
    return loaded()


@pytest.fixture(scope="module")
def sampled(tiny):
    settings = GenerationSettings(max_new_tokens=30, temperature=1.5, top_k=40, seed=2, top_alternatives=5)
    return record(tiny, encode_text(tiny.tokenizer, TEXT, "p.py"), settings)


@pytest.fixture(scope="module")
def trace(tiny):
    return record(tiny, encode_text(tiny.tokenizer, TEXT, "p.py"), GREEDY, command=["tokenscope-record", "p.py"])


def test_prompt_then_output_on_one_path(trace):
    assert trace.main.tolist() == list(range(len(trace.nodes)))
    assert trace.nodes.parent.tolist() == list(range(-1, len(trace.nodes) - 1))
    assert trace.text(trace.prompt) == TEXT.encode()
    assert len(trace.output) == 16
    assert set(trace.nodes.origin.tolist()) == {Origin.PROMPT, Origin.MAIN}


def test_the_output_s_text_is_what_the_tokenizer_decodes(tiny, trace):
    decoded = tiny.tokenizer.decode(trace.nodes.token_id[trace.main].tolist(), skip_special_tokens=True)
    assert trace.text(trace.main, special=False).decode("utf-8", "replace") == decoded


@pytest.mark.parametrize("kind", tiny_tokenizers.KINDS)
def test_every_kind_of_tokenizer_records(kind):
    model = loaded(tokenizer=tiny_tokenizers.KINDS[kind]())
    result = record(model, encode_text(model.tokenizer, "def mean ( mean ) :"), GREEDY)
    ids = result.nodes.token_id.tolist()
    known = [id_ for id_ in ids if id_ < len(model.tokenizer)]
    decoded = model.tokenizer.decode(known, skip_special_tokens=True)
    if "\ufffd" not in decoded:
        assert result.text(result.main, special=False).decode() == decoded


def test_only_the_first_token_is_not_measured(trace):
    for name in ("logprob", "entropy", "margin", "gap", "tail"):
        values = getattr(trace.nodes, name)
        assert math.isnan(values[0]), name
        assert not np.isnan(values[1:]).any(), name
    assert trace.nodes.rank[0] == 0
    assert (trace.nodes.rank[1:] >= 1).all()
    assert trace.nodes.alternative_count.tolist() == [0] + [5] * (len(trace.nodes) - 1)


def test_metrics_equal_one_float64_pass_over_the_same_ids(tiny, trace):
    ids = torch.tensor([trace.nodes.token_id.tolist()])
    with torch.no_grad():
        logp = torch.log_softmax(tiny.model(ids).logits[0].double(), -1)
    wanted = logp[:-1].gather(-1, ids[0, 1:, None])[:, 0].numpy()
    np.testing.assert_allclose(trace.nodes.logprob[1:], wanted, atol=1e-5)
    entropy = -(logp.exp() * logp).sum(-1).numpy()[:-1] / math.log(2)
    np.testing.assert_allclose(trace.nodes.entropy[1:], entropy, atol=1e-5)


@pytest.mark.parametrize("name", ["trace", "sampled"])
def test_identities_of_the_stored_columns(name, request):
    result: Trace = request.getfixturevalue(name)
    nodes, alternatives = result.nodes, result.alternatives
    for node in range(1, len(nodes)):
        rows = result.alternatives_of(node)
        logprobs = alternatives.logprob[rows].astype(np.float64)
        assert np.exp(logprobs).sum() + nodes.tail[node] == pytest.approx(1, abs=1e-6)
        assert (np.diff(logprobs) <= 0).all()
        ids = alternatives.token_id[rows].tolist()
        assert len(set(ids)) == len(ids)
        if nodes.rank[node] <= len(ids) and nodes.token_id[node] in ids:
            place = ids.index(nodes.token_id[node])
            assert alternatives.logprob[rows][place] == pytest.approx(nodes.logprob[node], abs=1e-6)
        assert nodes.gap[node] == pytest.approx(logprobs[0] - nodes.logprob[node], abs=1e-5)
        assert (nodes.gap[node] == 0) == (nodes.rank[node] == 1)
        assert 2.0 ** nodes.entropy[node] <= result.run["model"]["vocab_size"] * (1 + 1e-6)
    output = result.output
    bits = nodes.surprisal[output].astype(np.float64)
    product = np.prod(nodes.probability[output].astype(np.float64))
    assert bits.sum() == pytest.approx(-math.log2(product), rel=1e-5)


def test_the_sampled_distribution_stands_beside_p(sampled):
    nodes, output = sampled.nodes, sampled.output
    assert not np.isnan(nodes.sampled_logprob[output]).any()
    assert np.isnan(nodes.sampled_logprob[sampled.prompt]).all()
    assert (nodes.sampled_logprob[output] != nodes.logprob[output]).any()
    for node in output:
        rows = sampled.alternatives_of(node)
        q = np.exp(sampled.alternatives.sampled_logprob[rows].astype(np.float64))
        assert q.sum() + nodes.sampled_tail[node] == pytest.approx(1, abs=1e-6)
    assert sampled.run["sampling"]["processors"] == [
        "TemperatureLogitsWarper(temperature=1.5)",
        "TopKLogitsWarper(top_k=40)",
    ]
    assert sampled.run["sampling"]["seed"] == 2


def test_the_facts_say_how_to_run_it_again(tiny, trace):
    run = trace.run
    assert run["model"]["id"] == "tiny"
    assert run["model"]["architecture"] == "LlamaForCausalLM"
    assert run["model"]["dtype"] == "float32"
    assert run["model"]["parameters"] == tiny.model.num_parameters()
    assert run["prompt"] == {
        "source": "p.py",
        "kind": "text",
        "exact": True,
        "segments": [{"role": "text", "first": 0, "end": len(trace.prompt)}],
    }
    assert run["sampling"]["do_sample"] is False
    assert run["finish"] == "length"
    assert run["command"] == ["tokenscope-record", "p.py"]
    assert set(trace.metrics) == set(METRICS)
    assert run["clock"]["created"].endswith("Z")


def test_the_same_inputs_give_the_same_bytes_but_for_the_clock(tiny, trace, monkeypatch):
    again = record(tiny, encode_text(tiny.tokenizer, TEXT, "p.py"), GREEDY, command=["tokenscope-record", "p.py"])
    clock = {"created": "", "load_seconds": 0.0, "prefill_seconds": 0.0, "decode_seconds": 0.0}
    files = []
    for result in (trace, again):
        tables = {
            name: {key: getattr(getattr(result, name), key) for key in TABLES[name]}
            for name in ("nodes", "alternatives", "tokens")
        }
        files.append(
            ({**result.run, "clock": clock}, {n: {k: v.tobytes() for k, v in t.items()} for n, t in tables.items()})
        )
    assert files[0] == files[1]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    fixed = [record(tiny, encode_text(tiny.tokenizer, TEXT, "p.py"), GREEDY).to_bytes() for _ in range(2)]
    assert fixed[0] == fixed[1]
    assert Trace.from_bytes(fixed[0]).run["clock"]["created"] == "2023-11-14T22:13:20Z"


def test_no_folder_and_no_user_reaches_the_trace(tmp_path):
    model = tiny_model()
    folder = tmp_path / "some-model"
    model.save_pretrained(folder)
    tiny_tokenizers.byte_level().save_pretrained(folder)
    from tokenscope_trace.models.loading import load
    from tokenscope_trace.settings import ModelSettings

    from_folder = load(ModelSettings(name=str(folder)))
    result = record(from_folder, encode_text(from_folder.tokenizer, TEXT, "p.py"), GREEDY)
    assert result.run["model"]["id"] == "some-model"
    for secret in (str(tmp_path), os.path.expanduser("~"), os.uname().nodename):
        assert secret.encode() not in result.payload


def test_a_full_context_is_said(tiny):
    prompt = encode_text(tiny.tokenizer, "x" * 250)
    room = 256 - len(prompt.ids)
    result = record(tiny, prompt, GenerationSettings(max_new_tokens=500, temperature=0))
    assert len(result.output) == room
    assert result.run["finish"] == "context"
    assert result.run["sampling"]["max_new_tokens"] == 500


def test_a_prompt_longer_than_the_context_is_refused(tiny):
    with pytest.raises(PromptError, match=r"reads at most 256"):
        record(tiny, encode_text(tiny.tokenizer, "x" * 400), GREEDY)


def test_a_hole_keeps_its_segments():
    tokenizer = tiny_tokenizers.byte_level(extra=("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"))
    model = loaded(tokenizer=tokenizer)
    result = record(model, encode_fim(tokenizer, "a = <FILL>\nb\n"), GREEDY)
    spans = {
        s["role"]: result.text(range(s["first"], s["end"]))
        for s in result.run["prompt"]["segments"]
        if s["role"] != "control"
    }
    assert spans == {"prefix": b"a = ", "suffix": b"\nb\n"}


def test_an_interrupted_recording_is_a_valid_trace_that_says_so(tiny):
    from tokenscope_trace.recording.recorder import Watcher

    def hard(count):
        if count == 4:
            raise KeyboardInterrupt

    result = record(tiny, encode_text(tiny.tokenizer, TEXT), GREEDY, watcher=Watcher(on_token=hard))
    assert result.run["finish"] == "interrupted"
    assert len(result.output) == 4
    assert np.isnan(result.nodes.logprob[result.prompt]).all()
    assert not np.isnan(result.nodes.logprob[result.output]).any()
    assert any("not measured" in note for note in result.run["notes"])
    assert Trace.from_bytes(result.to_bytes()).text(result.prompt) == TEXT.encode()


def test_a_prompt_that_is_not_spelled_exactly_gets_a_note():
    model = loaded(tokenizer=tiny_tokenizers.wordpiece())
    result = record(model, encode_text(model.tokenizer, "def  mean\n"), GREEDY)
    assert any("byte for byte" in note for note in result.run["notes"])


def test_more_alternatives_than_tokens_keep_the_whole_vocabulary():
    model = loaded(vocab_size=384)
    settings = GenerationSettings(max_new_tokens=2, temperature=0, top_alternatives=1000)
    result = record(model, encode_text(model.tokenizer, "def"), settings)
    assert result.nodes.alternative_count[-1] == 384
    assert result.nodes.tail[-1] == pytest.approx(0, abs=1e-6)


def test_a_prompt_token_that_the_model_rules_out_is_recorded_as_impossible(tiny):
    prompt = encode_text(tiny.tokenizer, TEXT, "p.py")
    ruled_out = prompt.ids[3]

    def mask(_module, _inputs, output):
        output.logits[..., ruled_out] = -math.inf

    handle = tiny.model.register_forward_hook(mask, prepend=True)
    try:
        result = record(tiny, prompt, GREEDY)
    finally:
        handle.remove()
    assert result.nodes.logprob[3] == -math.inf
    assert result.nodes.gap[3] == math.inf
    assert result.nodes.surprisal[3] == math.inf
    assert not np.isnan(result.nodes.entropy[1:]).any()


MARKS = 'EOS = "</s>"\nBOS = "<s>"\n\n\ndef mean(values):\n    '


def test_control_tokens_that_a_prompt_names_belong_to_its_program(tmp_path):
    model = loaded(tokenizer=tiny_tokenizers.with_beginning(tiny_tokenizers.byte_level()))
    trace = record(model, encode_text(model.tokenizer, MARKS, "p.py"), GREEDY, tree=TreeSettings(nodes=8, min_prob=0.0))
    names = model.tokenizer.convert_ids_to_tokens(trace.nodes.token_id[trace.prompt].tolist())
    assert names.count("</s>") == 1
    assert names.count("<s>") == 2
    assert trace.run["prompt"]["exact"] is True
    trace.save(tmp_path / "t.tsc")
    for one in (trace, Trace.load(tmp_path / "t.tsc"), analysed(trace, None)):
        assert one.programs.main.text.startswith(MARKS.encode())
        assert one.programs.of_branch(0).text.startswith(MARKS.encode())
        assert [int(node) for node in one.prompt if one.is_control(int(node))] == [0]
    assert redacted(analysed(trace, None), [Redaction.COMMENTS]).programs.main.text.startswith(MARKS.encode())


def test_code_around_a_hole_and_scored_code_keep_what_reads_like_control_tokens():
    tokenizer = tiny_tokenizers.byte_level(extra=("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"))
    model = loaded(tokenizer=tokenizer)
    before, after = 'EOS = "</s>"\n', '\nMARK = "<|fim_middle|>"\n'
    hole = record(model, encode_fim(tokenizer, f"{before}<FILL>{after}", "p.py"), GREEDY)
    assert hole.programs.main.text.startswith(before.encode())
    assert hole.programs.main.text.endswith(after.encode())
    scored = score(model, [Document("a.py", before + after, None)])
    assert scored.text(scored.files[0].nodes, special=False) == (before + after).encode()
    assert scored.run["prompt"]["exact"] is True
