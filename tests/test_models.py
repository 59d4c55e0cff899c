"""Models: found, described, refused."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from tests import tiny_tokenizers
from tests.tiny_models import tiny_model

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models import builtin_folder, describe, load
from tokenscope_trace.settings import ModelSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("m") / "tiny"
    tiny_model(dtype=torch.bfloat16).save_pretrained(path)
    tiny_tokenizers.byte_level().save_pretrained(path)
    return path


def test_the_built_in_model_loads_without_a_network_and_takes_2048_tokens(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    loaded = load(ModelSettings())
    assert loaded.facts["id"] == "built-in"
    assert loaded.facts["architecture"] == "LlamaForCausalLM"
    assert loaded.context == 2048
    assert loaded.model.dtype == torch.float32
    assert not loaded.model.training


def test_the_built_in_tokenizer_knows_indentation_holes_and_the_end():
    tokenizer = load(ModelSettings()).tokenizer
    ids = tokenizer("def f():\n    return 12\n\n\nx = 'é'\n").input_ids
    words = [tokenizer.decode([id_]) for id_ in ids]
    assert "\n    " in words
    assert not any(len([c for c in word if c.isdigit()]) > 1 for word in words)
    assert {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>"} <= tokenizer.get_vocab().keys()
    assert tokenizer.eos_token == "<|endoftext|>"


def test_the_built_in_model_is_small():
    assert sum(path.stat().st_size for path in builtin_folder().iterdir()) < 40_000_000


def test_a_folder_loads_in_float32_on_the_cpu_unless_told(folder):
    assert load(ModelSettings(name=str(folder), device="cpu")).model.dtype == torch.float32
    assert load(ModelSettings(name=str(folder), device="cpu", dtype="bfloat16")).facts["dtype"] == "bfloat16"


def test_the_facts_carry_hashes_and_no_path(folder):
    facts = load(ModelSettings(name=str(folder), device="cpu")).facts
    assert facts["id"] == "tiny"
    assert facts["weights_sha256"] == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert facts["tokenizer_sha256"] == hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    assert str(folder.parent) not in json.dumps(facts)


def test_the_configuration_s_hash_does_not_depend_on_the_folder(folder, tmp_path):
    import shutil

    other = tmp_path / "elsewhere"
    shutil.copytree(folder, other)
    hashes = {load(ModelSettings(name=str(path), device="cpu")).facts["config_sha256"] for path in (folder, other)}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("kind", "context"), [("llama", 256), ("gpt2", 256), ("opt", 256), ("bloom", None), ("mamba", None)]
)
def test_the_context_is_found_by_each_architecture_s_own_name(kind, context):
    assert describe(tiny_model(kind), None, name="x").context == context


def test_broken_folders_are_refused_with_a_sentence(folder, tmp_path):
    import shutil

    cases = {"no model": "holds no model", "no tokenizer": "cannot be loaded", "torn weights": "cannot be loaded"}
    (tmp_path / "no model").mkdir()
    shutil.copytree(folder, tmp_path / "no tokenizer", ignore=shutil.ignore_patterns("tokenizer*"))
    shutil.copytree(folder, tmp_path / "torn weights")
    (tmp_path / "torn weights" / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    for name, sentence in cases.items():
        with pytest.raises(ModelError, match=sentence):
            load(ModelSettings(name=str(tmp_path / name), device="cpu"))


def test_a_model_that_is_not_causal_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    tiny_tokenizers.byte_level().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="causal language model"):
        load(ModelSettings(name=str(tmp_path), device="cpu"))
