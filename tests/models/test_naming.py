"""Names of models: of folders, of the hub's cache, and what is none."""

from __future__ import annotations

import pytest
from tests.support.changed_models import changed_model

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.loading import load
from tokenscope_trace.models.naming import cached_commit, check_name, folder_name
from tokenscope_trace.settings import ModelSettings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("name", [".", "./", "../my-model", "../my-model/", "../my-model/."])
def test_a_folder_has_its_own_name_however_it_is_written(name, tmp_path, monkeypatch):
    folder = changed_model(tmp_path / "my-model")
    monkeypatch.chdir(folder)
    facts = load(ModelSettings(name=name, device="cpu")).facts
    assert (facts["id"], facts["revision"]) == ("my-model", None)


def test_a_snapshot_of_the_hub_s_cache_has_the_hub_s_name_and_commit(tmp_path):
    folder = changed_model(tmp_path / "models--Org--My-Model" / "snapshots" / COMMIT)
    facts = load(ModelSettings(name=str(folder), device="cpu")).facts
    assert (facts["id"], facts["revision"]) == ("Org/My-Model", COMMIT)
    with pytest.raises(ModelError, match=r"folder of the hub's cache; name the model as the hub does: Org/My-Model\."):
        load(ModelSettings(name=str(folder.parent.parent), device="cpu"))
    assert folder_name("/a/models--gpt2/snapshots/main") == "gpt2"
    assert cached_commit("/a/models--gpt2/snapshots/main") is None
    assert folder_name("/a/snapshots/" + COMMIT) == COMMIT
    assert folder_name("/") == "model"


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B/tree/main", "Qwen/Qwen2.5-Coder-0.5B"),
        ("http://www.huggingface.co/models/a/b", "a/b"),
        ("huggingface.co/a/b?x=1", "a/b"),
        ("hf.co/a/b#files", "a/b"),
        ("hf://a/b", "a/b"),
    ],
)
def test_an_address_of_the_hub_is_told_its_name(name, id_):
    with pytest.raises(ModelError, match=rf"is an address; name the model as the hub does: {id_}\."):
        check_name(name)


def test_other_addresses_and_no_name_are_refused():
    for name in ("https://example.com/m.safetensors", "s3://bucket/m", "file:///m"):
        with pytest.raises(ModelError, match="is an address; give a hub id"):
            check_name(name)
    for name in ("", " "):
        with pytest.raises(ModelError, match="name is empty"):
            check_name(name)
    for name in ("a/b", "gpt2", "./x", "C:\\models\\x", "built-in", "qwen:7b"):
        check_name(name)
