"""What trains the built-in model: pieces, holes, windows, loss and attention, each against something simpler."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from torch.nn import functional

from tokenscope_trace.models.loading import builtin_folder

TRAINING = Path(__file__).parents[2] / "recorder" / "training"
sys.path.insert(0, str(TRAINING))

import blocked_attention  # noqa: E402
import fim  # noqa: E402
import functions  # noqa: E402
import fused_loss  # noqa: E402
import optimizer  # noqa: E402
import packing  # noqa: E402
from corpus import STDLIB, Document, is_validation, training_documents, validation_documents  # noqa: E402

TEXT = (TRAINING / "corpus.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.from_file(str(builtin_folder() / "tokenizer.json"))


def documents():
    return [Document("demo", f"{i}.py", TEXT[i * 500 : i * 500 + 2500]) for i in range(12)]


def test_segments_join_to_the_text():
    for seed in range(20):
        assert "".join(fim.segments(TEXT, 900, random.Random(seed))) == TEXT


def test_holes_lie_inside_the_text_and_are_mostly_short():
    rng = random.Random(0)
    lengths = []
    for _ in range(2000):
        first, second = fim.hole(TEXT[:1500], rng)
        assert 0 <= first <= second <= 1500
        lengths.append(second - first)
    assert np.median(lengths) < 100
    assert max(lengths) > 150


def test_a_broken_text_joins_to_the_text_and_breaks_after_lines():
    parts = packing.broken(TEXT, random.Random(1))
    assert "".join(parts) == TEXT
    assert all(parts)
    assert sum(part.endswith("\n") for part in parts) > len(parts) / 2


def test_pieces_come_back_from_their_ids(tokenizer):
    pieces = list(packing.training_pieces(documents(), 256, "seed"))
    assert any(piece[0] == 1 for piece in pieces)
    assert any(piece[0] != 1 for piece in pieces)
    for piece, ids in zip(pieces, packing.encoded(pieces, tokenizer), strict=True):
        assert ids[-1] == packing.END
        if piece[0] == 1:
            marks = [int(np.flatnonzero(ids == mark)[0]) for mark in (1, 2, 3)]
            spans = [
                tokenizer.decode(ids[a + 1 : b].tolist()) for a, b in zip(marks, [*marks[1:], len(ids) - 1], strict=True)
            ]
            assert spans == [part for part in piece if isinstance(part, str)]
        else:
            assert tokenizer.decode(ids[:-1].tolist()) == "".join(part for part in piece if isinstance(part, str))


def test_what_looks_like_a_special_token_in_a_file_is_text(tokenizer):
    (ids,) = packing.encoded([["x = '<|endoftext|>'", 0]], tokenizer)
    assert (ids[:-1] > 3).all()


def test_windows_hold_every_token_once(tokenizer):
    pieces = list(packing.encoded(list(packing.training_pieces(documents(), 256, "seed")), tokenizer))
    rows = packing.pack(iter(pieces), 129)
    kept = [piece for piece in pieces if not (len(piece) > 129 and piece[0] == 1)]
    assert rows.shape[1] == 129
    packed = rows[rows != packing.NOTHING]
    assert len(packed) == sum(map(len, kept))
    np.testing.assert_array_equal(np.sort(packed), np.sort(np.concatenate(kept)))
    assert len(packed) > 0.95 * rows.size
    starts = {tuple(piece[:5].tolist()) for piece in kept}
    holed = [row for row in rows if row[0] == 1]
    assert holed
    assert all(tuple(row[:5].tolist()) in starts for row in holed)


def test_every_pass_draws_its_own_holes(tokenizer):
    del tokenizer
    assert list(packing.training_pieces(documents(), 256, "1 256 0")) != list(
        packing.training_pieces(documents(), 256, "1 256 1")
    )


def test_validation_and_training_share_no_document():
    many = [Document(STDLIB, f"{i}.py", "") for i in range(2000)]
    assert len(training_documents(many)) + len(validation_documents(many)) == len(many)
    assert 5 < len(validation_documents(many)) < 60
    assert all(map(is_validation, validation_documents(many)))


@pytest.mark.parametrize("length", [1, 127, 128, 300])
def test_blocked_attention_is_attention(length):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, heads, length, 16, dtype=torch.float64, requires_grad=True) for heads in (4, 2, 2))
    slope = torch.randn(2, length, 4, 16, dtype=torch.float64)
    ours, _ = blocked_attention.blocked_attention(torch.nn.Module(), q, k, v, None, scaling=0.3)
    exact = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True, scale=0.3).transpose(1, 2)
    torch.testing.assert_close(ours, exact)
    for mine, theirs in zip(
        torch.autograd.grad(ours, (q, k, v), slope), torch.autograd.grad(exact, (q, k, v), slope), strict=True
    ):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)  # keys and values gather in float32


def test_the_loss_and_its_slopes_are_those_of_cross_entropy(monkeypatch):
    monkeypatch.setattr(fused_loss, "kernel", lambda: fused_loss.slope_and_loss)  # the same arithmetic, not compiled
    torch.manual_seed(0)
    hidden = torch.randn(1100, 8, requires_grad=True)
    weight = torch.randn(50, 8, requires_grad=True)
    targets = torch.randint(-1, 50, (1100,))
    never = torch.tensor([-1, 1, 2, 3])
    ours = fused_loss.next_token_loss(hidden, weight, targets, never)
    learned = ~torch.isin(targets, never)
    exact = functional.cross_entropy(hidden[learned] @ weight.T, targets[learned])
    torch.testing.assert_close(ours, exact)
    for mine, theirs in zip(
        torch.autograd.grad(ours, (hidden, weight)), torch.autograd.grad(exact, (hidden, weight)), strict=True
    ):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_newton_schulz_brings_singular_values_near_one():
    torch.manual_seed(0)
    values = torch.linalg.svdvals(optimizer.orthogonalised(torch.randn(3, 40, 24)).float())
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.4


@pytest.mark.parametrize(
    ("completion", "kept", "ended"),
    [
        ("\n    return 1\n\ndef g():\n", "\n    return 1\n\n", True),
        (
            '\n    """A\nline at the margin.\n    """\n    return 1\nx = 2\n',
            '\n    """A\nline at the margin.\n    """\n    return 1\n',
            True,
        ),
        ("\n    return [\n1,\n    ]\nx\n", "\n    return [\n1,\n    ]\n", True),
        ("\n    return 1\n    x = ", "\n    return 1\n", False),
        ("\n    x = (1\ny = 2\n", "\n    x = (1\n", True),
    ],
)
def test_a_completion_is_cut_where_the_function_ends(completion, kept, ended):
    assert functions.cut_at_end("def f():", completion, 0, text_ended=False) == (kept, ended)
