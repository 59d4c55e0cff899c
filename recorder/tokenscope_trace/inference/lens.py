"""The logit lens: what each layer would have said, by the model's own final norm and head.

Nothing is found by name: the layers are the list of as many modules as the configuration says, the final norm is the module
whose output is the body's output, and the head is the model's own forward with its body's output replaced (head.py). All of it
is tried once on a few tokens: the last layer's lens must be the model's logits. Knows no trace.

Axis letters: R rows, D width of the hidden states, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tokenscope_trace.inference.metrics import block_width, count_above
from tokenscope_trace.models.configuration import layer_lists
from tokenscope_trace.models.head import ModelHead, keeping_body, reproduces
from tokenscope_trace.models.placement import input_device

_PROBE_TOKENS = 1  # a pass of several takes twice as long, and its rows say the same
_ROWS = 4  # of logits that are reduced at once: wide blocks leave the processor's cache


class NoLens(Exception):
    """Why a model has none; the message is for the reader."""


@dataclass(frozen=True)
class Opinion:
    """What one layer says in R places: its first choice and that one's p, and rank and ln p of the token that stands there."""

    token_id: Tensor  # (R,) int64
    probability: Tensor  # (R,) float32
    rank: Tensor  # (R,) int64
    logprob: Tensor  # (R,) float32, nats


class Lens:
    """The lens of one model. Raises NoLens where it cannot be had, with the reason."""

    @torch.no_grad()
    def __init__(self, model: Any) -> None:
        candidates = layer_lists(model)
        if not candidates:
            raise NoLens("the layers of this architecture cannot be told apart")
        self.layers, self._head, self._norm = _probe(model, candidates)

    @contextmanager
    def watching(self, numbers: Sequence[int]) -> Iterator[dict[int, Tensor]]:
        """The hidden states (T, D) that leave these layers in the forward pass that runs inside, by layer."""
        states: dict[int, Tensor] = {}
        handles = [self.layers[number].register_forward_hook(_keeping(states, number)) for number in numbers]
        try:
            yield states
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def opinions(self, states: Mapping[int, Tensor], tokens: Tensor) -> dict[int, Opinion]:
        """What layers with hidden states (R, D) say of the tokens (R,) that follow, by layer.

        The head reads its weights once for a block of rows, whosesoever they are: those of all layers go into the same blocks.
        """
        if not states:
            return {}
        device = next(iter(states.values())).device
        rows = torch.cat([state.to(device) for state in states.values()])
        following = tokens.repeat(len(states))
        parts = [
            opinion_of(logits, following[first : first + len(logits)])
            for first, logits in self._head.blocks(self._norm(rows[None])[0])
        ]
        columns = [column.split(len(tokens)) for column in vars(joined_layers(parts)).values()]
        return {layer: Opinion(*found) for layer, *found in zip(states, *columns, strict=True)}


def joined_layers(parts: Sequence[Opinion]) -> Opinion:
    """All rows in order; there is at least one part."""
    return Opinion(*(torch.cat([getattr(part, name) for part in parts]) for name in Opinion.__dataclass_fields__))


@torch.no_grad()
def opinion_of(logits: Tensor, tokens: Tensor) -> Opinion:
    """What logits (R, V) say of tokens (R,)."""
    parts = []
    space = torch.empty((_ROWS, logits.shape[-1]), dtype=torch.float32, device=logits.device)
    for first in range(0, len(logits), _ROWS):
        z = logits[first : first + _ROWS].float()
        x = space[: len(z)]
        token_id = _argmax(z)
        best = z.gather(-1, token_id[:, None])  # (R, 1)
        own = z.gather(-1, tokens[first : first + _ROWS, None])
        total = torch.sub(z, best, out=x).exp_().sum(-1).log()
        parts.append(
            Opinion(token_id, (-total).exp(), 1 + count_above(z, own, x), ((own - best)[:, 0] - total).clamp_(max=0)),
        )
    return joined_layers(parts)


def _argmax(z: Tensor) -> Tensor:
    """The index of the largest of each row, (R, V) -> (R,): by blocks, which a CPU does five times as fast."""
    rows, width = z.shape
    block = block_width(width)
    blocks = z.view(rows, width // block, block)
    place = blocks.amax(-1).argmax(-1)
    return place * block + blocks[torch.arange(rows, device=z.device), place].argmax(-1)


def _probe(model: Any, candidates: list[list[nn.Module]]) -> tuple[list[nn.Module], ModelHead, Callable[[Tensor], Tensor]]:
    """The layers, the head and the final norm, tried on a few tokens."""
    size = int(model.config.get_text_config().vocab_size)
    ids = torch.arange(1, 1 + _PROBE_TOKENS, device=input_device(model))[None] % size
    made: list[tuple[nn.Module, Any]] = []
    states: dict[int, Tensor] = {}
    handles = [module.register_forward_hook(lambda m, _i, out: made.append((m, out))) for module in model.modules()]
    handles += [layers[-1].register_forward_hook(_keeping(states, place)) for place, layers in enumerate(candidates)]
    try:
        with keeping_body(model) as kept:
            logits = model(input_ids=ids, use_cache=False).logits[0]
    except Exception as error:
        raise NoLens("the model cannot be run without a cache") from error
    finally:
        for handle in handles:
            handle.remove()
    ran = [place for place, state in sorted(states.items()) if state.shape[:-1] == ids.shape[1:]]
    if kept.body is None or not ran:
        raise NoLens("what its layers pass on is no sequence of hidden states")
    layers, last = candidates[ran[0]], states[ran[0]]
    head = ModelHead(model, kept.body, kept.output)
    final = head.hidden(kept.output)
    norm = _norm(made, final, kept.body, last)
    try:
        again = torch.cat([block for _, block in head.blocks(norm(last[None])[0])]).float()
    except Exception as error:
        raise NoLens("its head cannot be applied to a layer's hidden states") from error
    if not reproduces(again, logits.float(), model.dtype):
        raise NoLens("its last layer, through its final norm and its head, does not give its logits")
    return layers, head, norm


def _norm(made: list[tuple[nn.Module, Any]], final: Tensor, body: nn.Module, last: Tensor) -> Callable[[Tensor], Tensor]:
    """The module whose output (T, D) is the body's; none where the last layer's own is."""
    if last.data_ptr() != final.data_ptr():
        for module, output in made:
            if module is not body and isinstance(output, Tensor) and output.data_ptr() == final.data_ptr():
                return module
    return lambda states: states


def _keeping(states: dict[int, Tensor], number: int) -> Callable[..., None]:
    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple | list) else output
        if isinstance(hidden, Tensor):
            states[number] = hidden[0] if hidden.dim() == 3 else hidden

    return keep
