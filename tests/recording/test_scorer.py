"""Scored code against plain forwards of the model, one per file."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.inference.test_attention import check, handed_out
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace import Trace
from tokenscope_trace.errors import ModelError, PromptError
from tokenscope_trace.models.loading import describe
from tokenscope_trace.models.passes import windows
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.documents import Compared, Document
from tokenscope_trace.recording.scorer import score
from tokenscope_trace.settings import ReplaySettings
from tokenscope_trace.traces.schema import Origin

DOCUMENTS = [
    Document("a.py", "def mean(values):\n    return sum(values) / len(values)  # 世界 🙂\n", ((2, 2),)),
    Document("b/c.py", "import re\n", ()),
    Document("d.py", "x", None),
]
ALL = ReplaySettings(attention_top=6, lens=True, lens_layers="all")


def loaded(kind="llama", **changes):
    return describe(tiny_model(kind, **changes), tiny_tokenizers.byte_level(), name="tiny")


@torch.no_grad()
def forward(model, ids):
    return torch.log_softmax(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].double(), -1).numpy()


@pytest.mark.parametrize("kind", ["llama", "mistral", "gpt2", "gemma2", "bloom", "mamba", "lfm2"])
def test_every_token_has_the_numbers_of_a_plain_forward(kind):
    it = loaded(kind)
    trace = score(it, DOCUMENTS, top_alternatives=5)
    assert [file.source for file in trace.files] == ["a.py", "b/c.py", "d.py"]
    assert [file.changed for file in trace.files] == [((2, 2),), (), None]
    for document, file in zip(DOCUMENTS, trace.files, strict=True):
        assert trace.text(file.nodes) == document.text.encode()
        ids = trace.nodes.token_id[file.nodes]
        assert trace.nodes.parent[file.nodes[0]] == -1
        assert np.isnan(trace.nodes.logprob[file.nodes[0]])
        log_p = forward(it.model, ids.tolist())
        own = log_p[np.arange(len(ids) - 1), ids[1:]]
        assert np.allclose(trace.nodes.logprob[file.nodes[1:]], own, atol=1e-4)
        assert np.allclose(trace.nodes.entropy[file.nodes[1:]], -(np.exp(log_p) * log_p).sum(-1)[:-1] / np.log(2), atol=1e-4)
        assert np.array_equal(trace.nodes.rank[file.nodes[1:]], 1 + (log_p[:-1] > own[:, None]).sum(-1))
        for node, row in zip(file.nodes[1:], log_p, strict=False):
            listed = trace.alternatives_of(node)
            assert trace.alternatives.token_id[listed][0] == row.argmax()
            total = np.exp(trace.alternatives.logprob[listed].astype(np.float64)).sum() + trace.nodes.tail[node]
            assert abs(total - 1) < 1e-6
    assert set(trace.nodes.origin.tolist()) == {Origin.SCORED}
    assert trace.run["finish"] == "scored"
    assert len(trace.scored) == len(trace.nodes)
    assert len(trace.output) == len(trace.prompt) == 0
    assert Trace.from_bytes(trace.to_bytes()).to_bytes() == trace.to_bytes()


def test_attention_and_lens_stay_within_each_file():
    it = loaded()
    trace = score(it, DOCUMENTS, replay=ALL)
    for file in trace.files:
        first, end = int(file.nodes[0]), int(file.nodes[-1]) + 1
        ids = trace.nodes.token_id[file.nodes].tolist()
        for layer, weights in zip(trace.attention, handed_out(it.model, ids), strict=True):
            rows = slice(first, end)
            kept = layer.codes[rows] > 0
            assert np.all(layer.sources[rows][kept] >= first)
            part = type(layer)(
                layer.layer, np.where(kept, layer.sources[rows] - first, 0), layer.codes[rows], layer.unkept_codes[rows]
            )
            check(part, weights)
        for lens in trace.lens:
            assert lens.rank[first] == 0
            assert np.isnan(lens.logprob[first])
        last = trace.lens[-1]
        assert np.array_equal(last.rank[first + 1 : end], trace.nodes.rank[first + 1 : end])
        assert np.allclose(last.logprob[first + 1 : end], trace.nodes.logprob[first + 1 : end], atol=1e-4)


def test_a_file_beyond_the_context_is_read_in_windows():
    it = loaded(max_position_embeddings=32)
    text = "".join(f"value_{i} = {i} * {i + 1}\n" for i in range(30))
    trace = score(it, [Document("long.py", text), DOCUMENTS[0]], replay=ALL)
    file = trace.files[0]
    assert trace.text(file.nodes) == text.encode()
    ids = trace.nodes.token_id[file.nodes].tolist()
    assert len(ids) > 200
    for begin, end, row in windows(len(ids), 32):
        log_p = forward(it.model, ids[begin:end])
        for place in range(begin + row + 1, end):
            assert abs(trace.nodes.logprob[place] - log_p[place - begin - 1, ids[place]]) < 1e-4
            assert trace.lens[-1].rank[place] == trace.nodes.rank[place]
        for layer, weights in zip(trace.attention, handed_out(it.model, ids[begin:end]), strict=True):
            rows = slice(begin + row, end - 1)
            kept = layer.codes[rows] > 0
            part = type(layer)(
                layer.layer, np.where(kept, layer.sources[rows] - begin, 0), layer.codes[rows], layer.unkept_codes[rows]
            )
            check(part, weights[row : end - begin - 1])
    assert not np.isnan(trace.nodes.logprob[file.nodes[1:]]).any()
    assert any(
        "long.py is longer than 32 tokens" in note and "16 to 32 tokens before it" in note for note in trace.run["notes"]
    )
    assert trace.run["score"]["window"] == 32


@given(st.integers(1, 400), st.integers(2, 64))
def test_windows_score_every_token_once_behind_half_a_window(count, window):
    found = windows(count, window)
    scored = [place for begin, end, row in found for place in range(begin + row + 1, end)]
    assert scored == list(range(1, count))
    for begin, end, row in found:
        assert 0 <= begin < end <= count
        assert end - begin <= window
        assert begin == 0 or row + 1 >= window // 2
    assert all(after[0] > before[0] for before, after in pairwise(found))


def test_what_was_compared_and_noted_is_in_the_facts():
    compared = Compared("main...", "ab" * 20)
    trace = score(
        loaded(), DOCUMENTS, compared=compared, notes=["left out"], command=["tokenscope-record", "--diff", "main..."]
    )
    assert trace.run["score"] == {"window": 256, "revision": "main...", "commit": "ab" * 20}
    assert trace.run["notes"] == ["left out"]
    assert trace.run["prompt"] == {"source": "3 files", "kind": "score", "exact": True, "segments": []}
    assert trace.run["clock"]["decode_seconds"] is None
    assert trace.run["clock"]["replay_seconds"] > 0
    assert trace.run["attention"] is None


def test_an_interruption_keeps_the_files_that_were_read():
    done = []
    watcher = Watcher(on_read=lambda count, _all: done.append(count), should_stop=lambda: len(done) > 1)
    trace = score(loaded(), DOCUMENTS, watcher=watcher)
    assert [file.source for file in trace.files] == ["a.py"]
    assert trace.run["finish"] == "interrupted"
    assert any("1 of 3 files" in note for note in trace.run["notes"])
    with pytest.raises(KeyboardInterrupt):
        score(loaded(), DOCUMENTS, watcher=Watcher(should_stop=lambda: True))


def test_numbers_that_are_not_finite_are_told():
    it = loaded()
    with torch.no_grad():
        it.model.get_output_embeddings().weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        score(it, DOCUMENTS)


def test_a_file_that_gives_no_token_is_told():
    with pytest.raises(PromptError, match="no token"):
        score(loaded(), [Document("empty.py", "")])
