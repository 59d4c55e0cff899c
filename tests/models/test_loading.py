"""Models: found, described, refused."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import pickle
import shutil
import sys

import pytest
import torch
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.loading import builtin_folder, describe, load
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
    cases = {"no model": "holds no model", "no tokenizer": "a model and no tokenizer", "torn weights": "damaged, cut short"}
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


class Canary:
    """Unpickled by the usual rules, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def changed(folder, new, **config):
    """A copy of a model's folder without its weights, with these entries in its configuration."""
    shutil.copytree(folder, new, ignore=shutil.ignore_patterns("*.safetensors"))
    facts = json.loads((new / "config.json").read_text()) | config
    (new / "config.json").write_text(json.dumps(facts))
    return new


def settings(folder, **more):
    return ModelSettings(name=str(folder), device="cpu", **more)


@pytest.mark.parametrize(
    ("name", "config"), [("pytorch_model.bin", {}), ("adapter_model.bin", {"transformers_weights": "adapter_model.bin"})]
)
def test_weights_in_a_pickle_need_a_flag_and_are_the_same_numbers_then(name, config, folder, tmp_path):
    model = changed(folder, tmp_path / "pickled", **config)
    weights = load(settings(folder)).model.state_dict()
    torch.save(weights, model / name)
    with pytest.raises(ModelError, match=r"are no safetensors but a pickle, which may hold code; .* --allow-pickle"):
        load(settings(model))
    loaded = load(settings(model, allow_pickle=True)).model.state_dict()
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)


@pytest.mark.parametrize("allow_pickle", [False, True])
@pytest.mark.parametrize("way", ["torch", "plain"])
def test_code_in_a_pickle_is_not_run_with_the_flag_or_without(way, allow_pickle, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # what the user's shell may say
    model, canary = changed(folder, tmp_path / "hostile"), tmp_path / "canary"
    pickled = {"model.embed_tokens.weight": Canary(canary)}
    if way == "torch":
        torch.save(pickled, model / "pytorch_model.bin")
    else:
        (model / "pytorch_model.bin").write_bytes(pickle.dumps(pickled))
    with pytest.raises(ModelError, match=r"nothing of it was run" if allow_pickle else "--allow-pickle"):
        load(settings(model, allow_pickle=allow_pickle))
    assert not canary.exists()
    pickle.loads(pickle.dumps(Canary(canary)))
    assert canary.exists()  # elsewhere it would


def test_safetensors_are_taken_where_there_are_both(folder, tmp_path):
    model = shutil.copytree(folder, tmp_path / "both")
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(tmp_path / "canary")))
    for allow_pickle in (False, True):
        assert load(settings(model, allow_pickle=allow_pickle)).facts["weights_sha256"] is not None
    assert not (tmp_path / "canary").exists()


def test_torch_reads_pickles_again_afterwards(folder, tmp_path):
    before = torch.load
    load(settings(folder))
    with pytest.raises(ModelError):
        load(settings(tmp_path))
    assert torch.load is before
    assert "DISABLE_SAFETENSORS_CONVERSION" not in os.environ


CODE = """
import pathlib
from transformers import LlamaConfig, LlamaForCausalLM
pathlib.Path({canary!r}).touch()
class OwnConfig(LlamaConfig):
    model_type = "own"
class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
"""
AUTO_MAP = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}


@pytest.fixture
def own(folder, tmp_path, monkeypatch):
    """(a model with code of its own, the file that appears where the code runs)."""
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
        monkeypatch.delitem(sys.modules, name)
    model, canary = changed(folder, tmp_path / "own", auto_map=AUTO_MAP, model_type="own"), tmp_path / "canary"
    shutil.copy(folder / "model.safetensors", model)
    (model / "own.py").write_text(CODE.format(canary=str(canary)))
    yield model, canary
    for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
        del sys.modules[name]


def test_code_of_a_repository_runs_by_a_flag_alone(own):
    model, canary = own
    with pytest.raises(ModelError, match=r"brings code of its own, .* --trust-remote-code"):
        load(settings(model))
    assert not canary.exists()
    assert load(settings(model, trust_remote_code=True)).facts["architecture"] == "OwnModel"
    assert canary.exists()


def test_code_of_a_tokenizer_is_not_run_without_the_flag(folder, tmp_path):
    model = shutil.copytree(folder, tmp_path / "own-tokenizer")
    facts = json.loads((model / "tokenizer_config.json").read_text())
    facts |= {"auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}, "tokenizer_class": "Own"}
    (model / "tokenizer_config.json").write_text(json.dumps(facts))
    (model / "own.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'canary')!r}).touch()\n")
    with pytest.raises(ModelError, match=r"--trust-remote-code"):
        load(settings(model))
    assert not (tmp_path / "canary").exists()


def test_a_way_to_generate_of_the_repository_s_own_is_not_run_unless_allowed_and_never_used(own):
    from tokenscope_trace.models.prompts import encode_text
    from tokenscope_trace.recording.recorder import record
    from tokenscope_trace.settings import GenerationSettings

    model, canary = own
    (model / "custom_generate").mkdir()
    code = f"import pathlib\npathlib.Path({str(canary)!r}).touch()\ndef generate(model, *values, **more):\n    raise AssertionError\n"
    (model / "custom_generate" / "generate.py").write_text(code)
    facts = json.loads((model / "config.json").read_text())
    del facts["auto_map"]
    (model / "config.json").write_text(json.dumps(facts | {"model_type": "llama"}))
    assert load(settings(model)).notes == ()
    assert not canary.exists()
    loaded = load(settings(model, trust_remote_code=True))
    trace = record(loaded, encode_text(loaded.tokenizer, "x = "), GenerationSettings(max_new_tokens=3, temperature=0))
    assert len(trace.output) == 3
    assert any("a way to generate of its own" in note for note in trace.run["notes"])


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_kernel_that_a_configuration_names_is_code_too(key, folder, tmp_path):
    model = changed(folder, tmp_path / "kernel", **{key: "somebody/kernel"})
    shutil.copy(folder / "model.safetensors", model)
    with pytest.raises(ModelError, match=r"asks for the kernel somebody/kernel .* --trust-remote-code"):
        load(settings(model))


def test_a_chat_template_runs_nothing(folder, tmp_path):
    from tokenscope_trace.models.prompts import encode_chat

    tokenizer = load(settings(folder)).tokenizer
    canary = tmp_path / "canary"
    for template in (
        "{{ cycler.__init__.__globals__.os.system('touch CANARY') }}",
        "{{ messages.append.__self__.__class__.__base__.__subclasses__() }}",
        "{{ raise_exception.__globals__['os'].system('touch CANARY') }}",
    ):
        tokenizer.chat_template = template.replace("CANARY", str(canary))
        with pytest.raises(ModelError, match="chat template refuses"):
            encode_chat(tokenizer, "hello", "-")
    assert not canary.exists()
