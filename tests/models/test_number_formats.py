"""Half precision, quantised weights and device maps: the numbers are those of the model's own logits, and the trace says what it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from tokenscope_trace import Trace
from tokenscope_trace.cli.record_command import main
from tokenscope_trace.errors import ModelError
from tokenscope_trace.models import placement
from tokenscope_trace.models.loading import describe, load
from tokenscope_trace.models.prompts import encode_text
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, ModelSettings, ReplaySettings, TreeSettings

TEXT = "def mean(values):\n    total"
SETTINGS = GenerationSettings(max_new_tokens=10, temperature=0, top_alternatives=5)
TREE = TreeSettings(nodes=60, width=2, length=5, min_prob=0.0)
REPLAY = ReplaySettings(attention_top=4, lens=True, lens_layers="all")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "tiny"
    tiny_model("llama", intermediate_size=128).save_pretrained(path)  # 4-bit weights come in blocks of 64
    tiny_tokenizers.byte_level().save_pretrained(path)
    return path


def recorded(loaded):
    return record(loaded, encode_text(loaded.tokenizer, TEXT), SETTINGS, replay=REPLAY, tree=TREE)


def check_against_float64(model, trace):
    """Ids are those that `generate` writes; every number of the output that of its raw logits, in float64."""
    prompt = torch.tensor([trace.nodes.token_id[trace.prompt].tolist()])
    with torch.no_grad():
        out = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=SETTINGS.max_new_tokens, do_sample=False,
            output_logits=True, return_dict_in_generate=True,
        )  # fmt: skip
    ids = trace.nodes.token_id[trace.output]
    assert out.sequences[0, prompt.shape[1] :].tolist() == ids.tolist()
    log_p = torch.log_softmax(torch.cat(out.logits).double(), -1).numpy()
    own = log_p[range(len(ids)), ids]
    best = -np.sort(-np.exp(log_p), axis=-1)
    np.testing.assert_allclose(trace.nodes.logprob[trace.output], own, atol=1e-5)
    np.testing.assert_allclose(trace.nodes.entropy[trace.output], -(np.exp(log_p) * log_p).sum(-1) / np.log(2), atol=1e-5)
    np.testing.assert_allclose(trace.nodes.margin[trace.output], best[:, 0] - best[:, 1], atol=1e-5)
    assert trace.nodes.rank[trace.output].tolist() == (1 + (log_p > own[:, None]).sum(-1)).tolist()


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_measured_in_float32_from_the_model_s_own_logits(kind, dtype):
    loaded = describe(tiny_model(kind, dtype=dtype), tiny_tokenizers.byte_level(), name="tiny")
    trace = recorded(loaded)
    check_against_float64(loaded.model, trace)
    assert trace.run["model"]["dtype"] == str(dtype).removeprefix("torch.")
    assert 0 <= trace.run["replay"]["noise"] < 0.5  # rounding, not another distribution
    assert trace.run["tree"]["engine"] == "tree-attention"
    assert len(trace.branches) > 5
    assert len(trace.attention) == 2
    assert trace.run["lens"]["layers"] == [0, 1]


QUANTISED = {
    "bitsandbytes 8-bit": BitsAndBytesConfig(load_in_8bit=True),
    "bitsandbytes 4-bit": BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4"),
}


@pytest.fixture(scope="module", params=list(QUANTISED))
def quantised(request, folder, tmp_path_factory):
    """(name of the format, a folder as a repository with quantised weights is)."""
    path = tmp_path_factory.mktemp("quantised") / "small"
    model = AutoModelForCausalLM.from_pretrained(folder, quantization_config=QUANTISED[request.param], dtype=torch.float32)
    model.save_pretrained(path)
    tiny_tokenizers.byte_level().save_pretrained(path)
    return request.param, path


def test_a_quantised_folder_is_recorded_and_its_numbers_are_those_of_its_own_logits(quantised, folder):
    name, path = quantised
    loaded = load(ModelSettings(name=str(path), device="cpu"))
    trace = recorded(loaded)
    assert trace.run["model"]["quantization"] == name
    check_against_float64(loaded.model, trace)
    assert trace.run["replay"]["noise"] < 0.05
    assert trace.run["tree"]["engine"] == "tree-attention"
    assert len(trace.branches) > 5
    assert len(trace.attention) == 2
    assert trace.run["lens"]["layers"] == [0, 1]
    plain = recorded(load(ModelSettings(name=str(folder), device="cpu")))
    assert plain.run["model"]["quantization"] is None
    measured = slice(1, len(plain.prompt))
    assert np.abs(plain.nodes.logprob[measured] - trace.nodes.logprob[measured]).max() > 1e-4, (
        "these weights are not quantised"
    )


def test_the_command_records_a_quantised_folder(quantised, tmp_path, monkeypatch):
    name, path = quantised
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mean.py").write_text(TEXT)
    with pytest.raises(SystemExit) as done:
        main(["mean.py", "--model", str(path), "--device", "cpu", "--max-new-tokens", "3", "--tree-nodes", "0", "-q"])
    assert done.value.code == 0
    assert Trace.load("mean.tsc").run["model"]["quantization"] == name


def test_a_format_whose_package_is_missing_is_a_sentence(folder, tmp_path):
    path = tmp_path / "gptq"
    tiny_model("llama").save_pretrained(path)
    tiny_tokenizers.byte_level().save_pretrained(path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "gptq", "bits": 4}}))
    with pytest.raises(ModelError, match=r"needs a package that is not installed: .*GPTQ.*pip install"):
        load(ModelSettings(name=str(path), device="cpu"))


@pytest.mark.parametrize(
    ("format_", "said"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq 4-bit"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False}, "bitsandbytes 4-bit"),
        ({"quant_method": "fp8"}, "fp8"),
        (None, None),
    ],
)
def test_the_format_of_weights_in_words(format_, said):
    config = tiny_model("llama").config
    config.quantization_config = format_
    assert placement.quantization(config) == said


DISK = {"model.embed_tokens": "disk", "model.layers.0": "cpu", "model.layers.1": "disk", "model.norm": "cpu", "lm_head": "disk",
        "model.rotary_emb": "cpu"}  # fmt: skip


@pytest.mark.parametrize(("device_map", "device"), [("auto", "cpu"), ("cpu", "cpu"), (DISK, "disk, cpu")])
def test_a_spread_model_says_the_same_as_one_in_one_place(folder, device_map, device):
    plain = recorded(load(ModelSettings(name=str(folder), device="cpu")))
    loaded = load(ModelSettings(name=str(folder), device_map=device_map))
    trace = recorded(loaded)
    assert trace.run["model"]["device"] == device
    assert trace.nodes.token_id.tolist() == plain.nodes.token_id.tolist()
    np.testing.assert_allclose(trace.nodes.logprob, plain.nodes.logprob, atol=1e-5)
    np.testing.assert_allclose(trace.nodes.entropy, plain.nodes.entropy, atol=1e-4)
    assert trace.run["tree"]["engine"] == plain.run["tree"]["engine"]
    for layer, other in zip(trace.attention, plain.attention, strict=True):
        assert layer.sources.tolist() == other.sources.tolist()
    for layer, other in zip(trace.lens, plain.lens, strict=True):
        np.testing.assert_allclose(layer.logprob, other.logprob, atol=1e-4)


def test_a_device_map_without_its_package_is_a_sentence(folder, monkeypatch):
    monkeypatch.setattr(placement, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match="pip install accelerate"):
        load(ModelSettings(name=str(folder), device_map="auto"))


def test_the_command_takes_a_device_map_and_not_a_device_beside_it(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mean.py").write_text(TEXT)
    common = ["mean.py", "--model", str(folder), "--device-map", "auto", "--max-new-tokens", "3", "--tree-nodes", "0", "-q"]
    with pytest.raises(SystemExit) as done:
        main([*common, "--device", "cpu"])
    assert done.value.code == 2
    assert "--device and --device-map exclude each other" in capsys.readouterr().err
    with pytest.raises(SystemExit) as done:
        main(common)
    assert done.value.code == 0
    assert "--device-map" in Trace.load("mean.tsc").run["command"]
