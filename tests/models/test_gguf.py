"""GGUF files, written here by the package that llama.cpp's own converter uses: the numbers are those of the safetensors."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

import tokenscope_trace as ts
from tokenscope_trace.cli.record_command import main

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "post_attention_layernorm": "ffn_norm",
    "input_layernorm": "attn_norm",
}


def write_gguf(path, model, tokenizer, *, kind=None, file_type=None, without=(), architecture="llama", parts=0):
    """A Llama as a file, its numbers as they are or quantised; llama.cpp has the rows of q and k of a head by turns of its halves."""
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    if file_type is not None:
        writer.add_file_type(file_type)
    if parts:
        writer.add_uint16("split.count", parts)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    words = sorted(state["model"]["vocab"], key=state["model"]["vocab"].get)
    words += [f"<unused{number}>" for number in range(config.vocab_size - len(words))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if word in tiny_tokenizers.SPECIAL else gguf.TokenType.NORMAL for word in words]
    )
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    for name, tensor in model.state_dict().items():
        if name in without:
            continue
        array = tensor.float().numpy()
        if "q_proj" in name or "k_proj" in name:
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            halves = array.reshape(heads, 2, array.shape[0] // heads // 2, array.shape[1])
            array = np.ascontiguousarray(halves.swapaxes(1, 2).reshape(array.shape))
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        name = name.replace("model.layers.", "blk.")
        if kind is not None and array.ndim == 2:
            writer.add_tensor(name, gguf.quantize(array, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gguf")


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizers.byte_level()


@pytest.fixture(scope="module")
def model(tokenizer):
    return tiny_model(bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id)


@pytest.fixture(scope="module")
def plain(folder, model, tokenizer):
    return write_gguf(folder / "plain.gguf", model, tokenizer)


@pytest.fixture(scope="module")
def safetensors(folder, model, tokenizer):
    model.save_pretrained(folder / "safetensors")
    tokenizer.save_pretrained(folder / "safetensors")
    return ts.load_model(folder / "safetensors", device="cpu")


def test_its_logits_are_those_of_the_safetensors(plain, safetensors):
    loaded = ts.load_model(plain, device="cpu")
    assert loaded.model.dtype == torch.float32
    text = "def mean(values):\n    return grüße"
    ids = safetensors.tokenizer(text).input_ids
    assert loaded.tokenizer(text).input_ids == ids
    with torch.no_grad():
        ours, theirs = (one.model(torch.tensor([ids])).logits.log_softmax(-1) for one in (loaded, safetensors))
    assert torch.allclose(ours, theirs, atol=1e-5, rtol=0)


def test_a_recording_of_it_has_a_tree_and_the_numbers_of_the_safetensors(plain, safetensors):
    asked = {
        "source": "mean.py",
        "generation": ts.GenerationSettings(max_new_tokens=8),
        "tree": ts.TreeSettings(nodes=24, length=6),
    }
    ours = ts.record(ts.load_model(plain, device="cpu"), "def mean(values):", **asked)
    theirs = ts.record(safetensors, "def mean(values):", **asked)
    assert len(ours.branches) > 0
    assert ours.attention
    assert ours.nodes.token_id[ours.main].tolist() == theirs.nodes.token_id[theirs.main].tolist()
    assert np.allclose(ours.nodes.surprisal[ours.main], theirs.nodes.surprisal[theirs.main], atol=1e-4, equal_nan=True)


def test_the_facts_say_file_format_and_architecture_and_no_place(folder, plain, model, tokenizer):
    packed = write_gguf(
        folder / "packed.gguf",
        model,
        tokenizer,
        kind=gguf.GGMLQuantizationType.Q4_1,
        file_type=gguf.LlamaFileType.MOSTLY_Q4_1,
    )
    unnamed = write_gguf(folder / "unnamed.gguf", model, tokenizer, kind=gguf.GGMLQuantizationType.Q8_0)
    facts = [ts.load_model(path, device="cpu").facts for path in (packed, unnamed, plain)]
    assert [one["quantization"] for one in facts] == ["GGUF Q4_1, dequantised", "GGUF Q8_0, dequantised", "GGUF F32"]
    assert facts[0]["id"] == "packed.gguf"
    assert facts[0]["architecture"] == "LlamaForCausalLM"
    assert facts[0]["weights_sha256"] == hashlib.sha256(packed.read_bytes()).hexdigest()
    assert len({one["weights_sha256"] for one in facts}) == 3
    assert len({one["tokenizer_sha256"] for one in facts}) == 1
    assert str(folder) not in json.dumps(facts)


def test_the_command_takes_one_quietly_and_tells_nobody_where_it_is(plain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mean.py").write_text("def mean(values):")
    result = CliRunner().invoke(main, ["mean.py", "--model", str(plain), "--max-new-tokens", "4", "--tree-nodes", "8", "-q"])
    assert (result.exit_code, result.stderr) == (0, "")
    trace = ts.Trace.load("mean.tsc")
    assert trace.run["command"][2:4] == ["--model", "plain.gguf"]
    assert str(plain.parent).encode() not in trace.to_bytes()
    result = CliRunner().invoke(main, ["--replay", "mean.tsc"])
    assert "plain.gguf from a file, and does not say which; name it with --model FILE." in result.stderr
    result = CliRunner().invoke(main, ["--replay", "mean.tsc", "--model", str(plain)])
    assert (result.exit_code, result.stdout.startswith("The same: ")) == (0, True)


def test_what_is_no_whole_gguf_of_a_known_model_is_refused_in_a_sentence(folder, plain, model, tokenizer):
    content = plain.read_bytes()
    (folder / "short.gguf").write_bytes(content[: len(content) // 2])
    (folder / "header.gguf").write_bytes(content[:200])
    (folder / "counts.gguf").write_bytes(content[:16] + b"\xff" * 8 + content[24:])
    (folder / "text.gguf").write_text("def mean(values):")
    (folder / "empty.gguf").write_bytes(b"")
    (folder / "folder.gguf").mkdir()
    lacks = "model.layers.1.mlp.up_proj.weight"
    write_gguf(folder / "lacks.gguf", model, tokenizer, without=(lacks,))
    write_gguf(folder / "stranger.gguf", model, tokenizer, architecture="wavenet")
    write_gguf(folder / "part.gguf", model, tokenizer, parts=3)
    cases = {
        "short": "damaged or cut short",
        "header": "damaged or cut short",
        "counts": "damaged or cut short",
        "text": "no GGUF file",
        "empty": "no GGUF file",
        "folder": r"holds no model \(no config.json\)",
        "lacks": f"lacks 1 tensor of the model that its configuration describes, .*{lacks}",
        "stranger": "does not know the architecture wavenet",
        "part": "one of 3 parts",
        "nowhere": "No such file",
    }
    for name, words in cases.items():
        with pytest.raises(ts.errors.ModelError, match=words) as caught:
            ts.load_model(folder / f"{name}.gguf", device="cpu")
        assert "\n" not in str(caught.value)
        assert str(caught.value).endswith("."), caught.value


def test_a_folder_of_such_a_name_is_a_folder(folder, safetensors, tmp_path):
    safetensors.model.save_pretrained(tmp_path / "model.gguf")
    safetensors.tokenizer.save_pretrained(tmp_path / "model.gguf")
    assert ts.load_model(tmp_path / "model.gguf", device="cpu").facts["quantization"] is None


@pytest.mark.parametrize("package", ["gguf", "accelerate"])
def test_a_missing_package_is_named(package, plain):
    code = f"""
import importlib.machinery, sys
usual = importlib.machinery.PathFinder.find_spec
def find_spec(name, path=None, target=None):
    return None if name.split(".")[0] == {package!r} else usual(name, path, target)
importlib.machinery.PathFinder.find_spec = find_spec
import tokenscope_trace as ts
try:
    ts.load_model({str(plain)!r}, device="cpu")
except ts.errors.ModelError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"a GGUF file needs the package {package}: pip install 'tokenscope-trace[gguf]'.\n", done.stderr
