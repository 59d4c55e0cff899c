"""Refusals: what is wrong with a folder or a name is one sentence that says what to do."""

from __future__ import annotations

import json

import pytest
from tests.support.changed_models import POINTER, changed_model

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.loading import load
from tokenscope_trace.models.refusals import words_of
from tokenscope_trace.settings import ModelSettings

ADAPTER = {
    "adapter_config.json": b'{"base_model_name_or_path": "Org/Base", "peft_type": "LORA"}',
    "adapter_model.safetensors": b"",
}
TWO = {"metadata": {}, "weight_map": {"model.embed_tokens.weight": "model-00001-of-00002.safetensors"}}
WEIGHTS, TOKENIZER = ("model.safetensors",), ("tokenizer.json", "tokenizer_config.json")
FOLDERS = {
    "a pointer for the weights": (
        {"files": {"model.safetensors": POINTER}},
        r"^model\.safetensors in .* only a pointer of git-lfs",
    ),
    "a pointer for the tokenizer": (
        {"files": {"tokenizer.json": POINTER}},
        r"^tokenizer\.json in .* only a pointer of git-lfs",
    ),
    "a pointer for the configuration": (
        {"files": {"config.json": POINTER}},
        r"^config\.json in .* only a pointer of git-lfs",
    ),
    "no tokenizer at all": ({"without": TOKENIZER}, "holds a model and no tokenizer"),
    "no tokenizer beside its settings": ({"without": TOKENIZER[:1]}, "holds a model and no tokenizer"),
    "another kind of tokenizer file": (
        {"files": {"tokenizer.json": b'{"version": "1.0"}'}},
        "the tokenizer in .* cannot be loaded: KeyError",
    ),
    "no weights": ({"without": WEIGHTS}, "no file named model.safetensors"),
    "empty weights": ({"files": {"model.safetensors": b""}}, "damaged, cut short or no safetensors"),
    "a web page for weights": (
        {"files": {"model.safetensors": b"<!DOCTYPE html><html>"}},
        "damaged, cut short or no safetensors",
    ),
    "a part that is missing": (
        {"without": WEIGHTS, "files": {"model.safetensors.index.json": json.dumps(TWO).encode()}},
        "No such file or directory: .*model-00001-of-00002",
    ),
    "a torn configuration": ({"files": {"config.json": b"{"}}, "the configuration in .* is not a valid JSON file"),
    "a type that nobody knows": ({"config": {"model_type": "zzz9"}}, "does not know models of the type zzz9"),
    "heads that do not divide": (
        {"config": {"num_attention_heads": 7}},
        r"the configuration in .* not a multiple .*\(7\)\.",
    ),
    "a package that is missing": (
        {"config": {"quantization_config": {"quant_method": "gptq", "bits": 4}}},
        "needs a package that is not installed: .*optimum",
    ),
    "an adapter": (
        {"without": (*WEIGHTS, "config.json"), "files": ADAPTER},
        "is an adapter of Org/Base, no model of its own; merge",
    ),
}


@pytest.mark.parametrize("what", FOLDERS)
def test_a_folder_is_refused_in_one_sentence(what, tmp_path):
    changes, sentence = FOLDERS[what]
    with pytest.raises(ModelError, match=sentence) as refused:
        load(ModelSettings(name=str(changed_model(tmp_path / "m", **changes)), device="cpu"))
    said = str(refused.value)
    assert said.endswith(".")
    assert not said.endswith((":.", "…."))
    assert "\n" not in said
    assert "above report" not in said


def test_what_is_no_folder_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = changed_model(tmp_path / "m")
    names = {
        str(folder / "model.safetensors"): "is a file; name the folder that it lies in",
        str(tmp_path / "gone"): "is not a folder with a model",
    }
    for name, sentence in names.items():
        with pytest.raises(ModelError, match=sentence):
            load(ModelSettings(name=name, device="cpu"))
    with pytest.raises(ModelError, match="a revision is one of the hub"):
        load(ModelSettings(name=str(folder), revision="main", device="cpu"))


def test_a_configuration_of_generation_that_is_no_json_is_noted(tmp_path):
    loaded = load(
        ModelSettings(name=str(changed_model(tmp_path / "m", files={"generation_config.json": b"{"})), device="cpu")
    )
    assert loaded.notes == ("The model's generation_config.json is no JSON; it was decoded as if there were none.",)
    assert (
        load(ModelSettings(name=str(changed_model(tmp_path / "n", without=("generation_config.json",))), device="cpu")).notes
        == ()
    )


def test_words_of_an_error_are_whole_and_on_one_line():
    assert (
        words_of(ValueError("Couldn't be made from one of:\n(1) a file,\n(2) another."))
        == "Couldn't be made from one of: (1) a file"
    )
    assert (
        words_of(RuntimeError("For details look at the above report!"))
        == "its tensors are not those of the model that config.json describes"
    )
    assert words_of(KeyError("added_tokens")) == "KeyError: 'added_tokens'"
    assert words_of(ValueError("")) == "ValueError"
    assert words_of(ValueError("\x1b[31mred\x1b[0m.")).isprintable()
    assert len(words_of(ValueError("long " * 99))) == 200
