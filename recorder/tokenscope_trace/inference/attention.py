"""Attention: where each token looks, reduced while the model computes it, per query and head the heaviest sources, and the rest as
one number.

Two ways lead to the weights. A model that asks transformers' registry for its attention function is given one that computes
the output as ever and the weights beside it, a block of queries at a time; so the model may run sdpa, which never has weights.
There the last rows of each layer are multiplied with its values and must give its output: a layer whose weights do not is left
out with that reason. Older models hand their weights out (`output_attentions`), and give each layer's away to us before the next
layer begins; their values are not seen, so nothing is checked but that what they hand out are weights. Knows no trace.

Axis letters: H heads, R queries of a block, S sources, N kept, D width of a head.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from tokenscope_trace.failures import MEMORY, is_memory, released
from tokenscope_trace.models.configuration import layer_lists
from tokenscope_trace.models.passes import BLOCK_BYTES
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.traces.layers import LayerAttention, encode_unkept, encode_weights

EAGER_BYTES = 64 << 20  # above this a model's own eager attention is asked for a block of queries at a time, too
_CHECKED_ROWS = 2
_CAUSAL_ROWS = 64
_REGISTRY = "ALL_ATTENTION_FUNCTIONS"

Kept = tuple[Tensor, Tensor, Tensor]  # sources (R, H, N) int32, weights (R, H, N) and unkept (R, H) float32
Stored = tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint16]]


@dataclass
class _Layer:
    """What was kept of one layer: blocks of rows with the number of their first query, and why it is left out, if it is."""

    blocks: list[tuple[int, Stored]] = field(default_factory=list)
    reason: str | None = None


class AttentionTap:
    """Keeps what a model looks at, while one of its passes runs inside `watching`.

    `top` sources are kept per row; `layers` names those to keep, from 0, None is all of them.
    """

    @torch.no_grad()
    def __init__(self, model: Any, top: int, layers: frozenset[int] | None = None) -> None:
        self.top = top
        self._model = model
        self._wanted = layers
        self._layers: dict[int, _Layer] = {}
        self._first = 0
        self._origin = 0
        self._skip = 0
        self._queries: int | None = None
        self._called: set[int] = set()
        self._numbers: dict[nn.Module, int] = {}
        self._running: int | None = None  # the layer that is being computed
        self._space: Tensor | None = None
        self.given_up: str | None = None
        self.handed_out = _hands_out(model)

    @contextmanager
    def watching(self, first: int, origin: int = 0, skip: int = 0) -> Iterator[dict[str, Any]]:
        """Keep the rows of one forward pass whose queries are `first`, `first` + 1, ..., but not the first `skip` of them.

        `origin` is the number of its first source. Yields the arguments that the forward pass needs for it.
        """
        self._first, self._origin, self._skip = first, origin, skip
        self._begin_pass(None, (), {})
        handles = [self._model.register_forward_pre_hook(self._begin_pass, with_kwargs=True)]
        for layers in layer_lists(self._model):
            handles += [layer.register_forward_pre_hook(self._entering(number)) for number, layer in enumerate(layers)]
        restore: list[Callable[[], None]] = []
        try:
            if self.handed_out:
                restore = [_eagerly(self._model)]
                for module, number in self.handed_out.items():
                    handles.append(module.register_forward_hook(self._taking(number)))
            else:
                restore = [
                    _replaced(registry, name, self._tapped(registry, name)) for registry, name in _registries(self._model)
                ]
            yield {"output_attentions": True} if self.handed_out else {}
        finally:
            for handle in handles:
                handle.remove()
            for undo in restore:
                undo()

    def found(self, queries: int) -> list[LayerAttention]:
        """The rows of queries 0 to `queries` - 1 of every layer that has them all; the later of two rows of one query counts.

        To be called once: the rows are handed over.
        """
        layers = []
        for number in sorted(self._layers):
            layer = self._layers[number]
            if layer.reason is not None or not layer.blocks:
                continue
            heads = layer.blocks[0][1][2].shape[1]
            sources = np.zeros((queries, heads, self.top), np.int32)
            codes = np.zeros((queries, heads, self.top), np.uint8)
            unkept = np.zeros((queries, heads), np.uint16)
            seen = np.zeros(queries, dtype=bool)
            for first, stored in layer.blocks:
                rows = slice(first, first + len(stored[0]))
                sources[rows], codes[rows], unkept[rows] = stored
                seen[rows] = True
            layer.blocks.clear()
            if not seen.all():
                layer.reason = "it gave no attention for some of the tokens"
                continue
            layers.append(LayerAttention(number, sources, codes, unkept))
        return layers

    def forget(self) -> None:
        """Drop what was kept, for another try."""
        self._layers.clear()

    def give_up(self, reason: str) -> None:
        """Drop what was kept for good; the reason goes for every layer."""
        self._layers.clear()
        self.given_up = reason

    def reasons(self) -> dict[int, str]:
        """Why layers that computed attention are left out, by their number."""
        return {number: layer.reason for number, layer in self._layers.items() if layer.reason is not None}

    def _begin_pass(self, _model: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Before a forward pass: which layers it called is open again, and how many tokens it reads is known."""
        self._called.clear()
        self._running = None
        ids = options.get("input_ids", inputs[0] if inputs else None)
        self._queries = ids.shape[1] if isinstance(ids, Tensor) else None

    def _entering(self, number: int) -> Callable[..., None]:
        def enter(*_: Any) -> None:
            self._running = number

        return enter

    def _tapped(self, registry: Any, name: str) -> Callable[..., Any]:
        """The attention function that stands in for the one of this name."""
        own = None if name == "eager" else registry[name]

        def attend(
            module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any = None, **options: Any
        ) -> Any:
            function = own or sys.modules[type(module).__module__].eager_attention_forward
            number = self._number(module)
            if not self._keeps(number, query.shape[2], key.shape[2]):
                return function(module, query, key, value, attention_mask, **options)
            if own is None:
                return self._eager(function, number, module, query, key, value, attention_mask, options)
            output = function(module, query, key, value, attention_mask, **options)
            window = options.get("sliding_window") if "flash" in name else None
            with self._sparing(number):
                weights = _Weights(query[0], key[0], attention_mask, options, module, window)
                self._keep(number, weights.blocks(self._buffer), query.shape[2], value[0], output[0])
            return output

        return attend

    def _eager(
        self,
        function: Callable[..., Any],
        number: int,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Any,
        options: dict[str, Any],
    ) -> Any:
        """The model's own eager attention, in blocks where its weights would be large: it has no others."""
        queries = query.shape[2]
        rows = max(1, EAGER_BYTES // (4 * query.shape[1] * key.shape[2]))
        if mask is None:  # a block would be taken for the whole
            rows = queries
        outputs: list[Tensor] = []

        def blocks() -> Iterator[tuple[int, Tensor]]:
            for first in range(0, queries, rows):
                block = slice(first, min(first + rows, queries))
                part = mask if mask is None or rows >= queries else mask[..., block, :]
                output, weights = function(module, query[:, :, block], key, value, part, **options)
                outputs.append(output)
                found = weights[0].float()
                if options.get("s_aux") is not None and not _gives(
                    found[:, -_CHECKED_ROWS:], value[0], output[0, -_CHECKED_ROWS:]
                ):  # what is handed out leaves the sinks away
                    own = _Weights(query[0, :, block], key[0], part, options, module, None)
                    found = torch.cat([weights.clone() for _, weights in own.blocks(self._buffer)], dim=1)
                yield first, found

        self._keep(number, blocks(), queries, value[0], lambda: torch.cat(outputs, dim=1))
        return torch.cat(outputs, dim=1) if len(outputs) > 1 else outputs[0], None

    def _taking(self, number: int) -> Callable[..., Any]:
        """A hook that takes the weights out of what an attention module returns."""

        def take(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            place = next((i for i, entry in enumerate(output) if isinstance(entry, Tensor) and entry.dim() == 4), None)
            if place is None:
                self._layers[number] = _Layer(reason="it hands out no weights")
                return output
            weights = output[place]
            heads, queries, sources = weights.shape[1:]
            if self._keeps(number, queries, sources):
                rows = max(1, BLOCK_BYTES // (4 * heads * sources))
                blocks = ((first, weights[0, :, first : first + rows].float()) for first in range(0, queries, rows))
                self._keep(number, blocks, queries, None, None)
            rest = (*output[:place], weights.new_empty(0), *output[place + 1 :])
            return type(output)(*rest) if hasattr(output, "_fields") else type(output)(rest)

        return take

    def _keeps(self, number: int, queries: int, sources: int) -> bool:
        """Whether this layer's call is kept, which has so many queries and sources."""
        if self._wanted is not None and number not in self._wanted:
            return False
        if self._queries is not None and (queries, sources) != (self._queries, self._first - self._origin + self._queries):
            self._layers[number] = _Layer(reason="its queries and sources do not stand for one token each")
            return False
        if number in self._called:
            self._layers.setdefault(number, _Layer()).reason = "it computes attention more than once"
            return False
        self._called.add(number)
        return self._layers.setdefault(number, _Layer()).reason is None

    def _keep(
        self, number: int, blocks: Iterator[tuple[int, Tensor]], queries: int, value: Tensor | None, output: Any
    ) -> None:
        """Reduce the blocks of one layer, (first query, weights (H, R, S)) each; check the last rows against the output."""
        layer = self._layers[number]
        for first, weights in blocks:
            skip = min(max(self._skip - first, 0), weights.shape[1])
            if skip < weights.shape[1]:
                with self._sparing(number):
                    kept = heaviest(weights[:, skip:], self.top, self._origin)
                    layer.blocks.append((self._first + first + skip, _stored(kept)))
            if value is not None and first + weights.shape[1] == queries:
                whole = output() if callable(output) else output
                if not _gives(weights[:, -_CHECKED_ROWS:], value, whole[0, -_CHECKED_ROWS:]):
                    layer.reason = "its weights do not give its output"

    @contextmanager
    def _sparing(self, number: int) -> Iterator[None]:
        """A lack of memory, or an architecture whose weights cannot be computed so, costs the layer and nothing else."""
        try:
            yield
        except Exception as error:
            reason = MEMORY if is_memory(error) else f"its weights cannot be computed beside it ({type(error).__name__})"
            self._layers[number] = _Layer(reason=reason)
            released(error)

    def _number(self, module: nn.Module) -> int:
        """The layer's number: its own, that of the layer that is being computed (layers may share a module), or that of its turn."""
        own = getattr(module, "layer_idx", None)
        if isinstance(own, int) and own >= 0:
            return own
        return self._numbers.setdefault(module, len(self._numbers)) if self._running is None else self._running

    def _buffer(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A reused float32 buffer: fresh memory of this size costs more than the arithmetic."""
        size = int(np.prod(shape))
        if self._space is None or self._space.numel() < size or self._space.device != like.device:
            self._space = torch.empty(size, dtype=torch.float32, device=like.device)
        return self._space[:size].view(shape)


class _Weights:
    """The softmax weights of one call, computed from its queries and keys a block of queries at a time."""

    def __init__(
        self, query: Tensor, key: Tensor, mask: Any, options: dict[str, Any], module: nn.Module, window: int | None
    ) -> None:
        self.heads, self.queries, width = query.shape
        scaling = options.get("scaling")
        self.query = query * (width**-0.5 if scaling is None else scaling)
        self.key = key
        self.mask = mask if isinstance(mask, Tensor) else None
        self.bias = options.get("position_bias")
        self.sinks = options.get("s_aux")  # (H,) logits of a source that has no value
        causal = options.get("is_causal")
        self.causal = (
            self.mask is None and self.queries > 1 and (getattr(module, "is_causal", True) if causal is None else causal)
        )
        self.window = window

    def blocks(self, buffer: Callable[[tuple[int, ...], Tensor], Tensor]) -> Iterator[tuple[int, Tensor]]:
        """(first query, weights (H, R, S)); a block is valid until the next one."""
        shared = self.key.shape[0]
        group = self.heads // shared
        sources = self.key.shape[1]
        before = sources - self.queries  # sources that stand before the first query
        rows = max(1, BLOCK_BYTES // (4 * self.heads * sources))
        if self.causal and self.key.device.type == "cpu":  # a block sees no further than its last query
            rows = min(rows, _CAUSAL_ROWS)
        for first in range(0, self.queries, rows):
            end = min(first + rows, self.queries)
            seen = before + end if self.causal else sources
            scores = buffer((shared, group * (end - first), seen), self.key)
            queries = self.query[:, first:end].reshape(shared, group * (end - first), -1)
            keys = self.key[:, :seen].transpose(1, 2)
            if scores.dtype == queries.dtype:
                torch.matmul(queries, keys, out=scores)
            else:
                scores.copy_(torch.matmul(queries, keys))
            weights = scores.view(self.heads, end - first, seen)
            self._restrict(weights, first, end, before)
            largest = weights.amax(-1, keepdim=True)
            if self.sinks is not None:
                sinks = self.sinks.detach().float().view(-1, 1, 1)
                largest = torch.maximum(largest, sinks)
            weights -= largest
            weights.exp_()
            total = weights.sum(-1, keepdim=True)
            weights /= total if self.sinks is None else total + (sinks - largest).exp()
            yield first, weights

    def _restrict(self, scores: Tensor, first: int, end: int, before: int) -> None:
        seen = scores.shape[-1]
        if self.bias is not None:
            scores += self.bias[0, :, first:end, :seen]
        if self.mask is not None:
            mask = self.mask[0, :, first:end, :seen]
            if mask.dtype == torch.bool:
                scores.masked_fill_(~mask, torch.finfo(scores.dtype).min)
            else:
                scores += mask
        elif self.causal:
            place = torch.arange(before + first, before + end, device=scores.device)[:, None]
            source = torch.arange(seen, device=scores.device)
            hidden = source > place
            if self.window is not None:
                hidden |= source <= place - self.window
            start = before + first if self.window is None else 0  # all sources before it are seen by the whole block
            scores[..., start:].masked_fill_(hidden[:, start:], torch.finfo(scores.dtype).min)


def heaviest(weights: Tensor, top: int, origin: int = 0) -> Kept:
    """The `top` largest of each row, heaviest first, and what is left of 1: (H, R, S) float32 -> Kept.

    Sources are counted from `origin`; a row with fewer than `top` sources ends in entries of weight 0.
    """
    count = min(top, weights.shape[-1])
    kept, places = _largest(weights, count) if weights.device.type == "cpu" else torch.topk(weights, count, dim=-1)
    unkept = (1 - kept.double().sum(-1)).clamp_(0, 1).float()
    missing = top - count
    if missing:
        kept, places = nn.functional.pad(kept, (0, missing)), nn.functional.pad(places, (0, missing))
    return (places + origin).to(torch.int32).transpose(0, 1), kept.transpose(0, 1), unkept.transpose(0, 1)


def _largest(weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`torch.topk` of numbers that are not negative, in half of its time on a processor: of equal ones the first come first.

    The bits of such floats order as they do; with the place below them one integer says both, and numpy selects integers fast.
    """
    array = weights.contiguous().numpy()
    width = array.shape[-1]
    keys = array.view(np.int32).astype(np.int64)
    keys <<= 32
    keys |= np.arange(width - 1, -1, -1)
    keys.partition(width - count, axis=-1)
    best = np.sort(keys[..., width - count :], axis=-1)[..., ::-1]
    kept = (best >> 32).astype(np.int32).view(np.float32)
    return torch.from_numpy(kept), torch.from_numpy(width - 1 - (best & 0xFFFFFFFF))


def _stored(kept: Kept) -> Stored:
    """As a trace holds it."""
    sources, weights, unkept = (part.cpu().numpy() for part in kept)
    codes = encode_weights(weights)
    return np.where(codes > 0, sources, np.int32(0)), codes, encode_unkept(unkept)


def _gives(weights: Tensor, value: Tensor, output: Tensor) -> bool:
    """Whether weights (H, R, S) times values (H / G, S, D) are the output (R, H, D), up to rounding."""
    heads, rows, sources = weights.shape
    shared = value.shape[0]
    found = weights.reshape(shared, heads // shared * rows, sources) @ value[:, :sources].float()
    found = found.view(heads, rows, -1).transpose(0, 1)
    if found.shape != output.shape:
        return False
    exact = output.float()
    error = (found - exact).norm() / exact.norm().clamp(min=1e-12)
    return bool(error <= (1e-3 if output.dtype == torch.float32 else 0.05))


def _registries(model: Any) -> list[tuple[Any, str]]:
    """(registry, name) of every attention function that the model's modules may ask for: some files have one of their own."""
    name = model.config.get_text_config()._attn_implementation or "eager"
    files = {type(module).__module__ for module in model.modules()}
    found = [ALL_ATTENTION_FUNCTIONS]
    for file in sorted(files):
        registry = getattr(sys.modules.get(file), _REGISTRY, None)
        if registry is not None and not any(registry is other for other in found):
            found.append(registry)
    return [(registry, name) for registry in found]


def _replaced(registry: Any, name: str, function: Callable[..., Any]) -> Callable[[], None]:
    """Put the function under the name in this registry alone; returns what undoes it."""
    own = registry._local_mapping.get(name)
    registry[name] = function

    def undo() -> None:
        if own is None:
            del registry[name]
        else:
            registry[name] = own

    return undo


def _eagerly(model: Any) -> Callable[[], None]:
    """Have a model compute its attention weights, which its sdpa has not; returns what undoes it."""
    config = model.config.get_text_config()
    name = config._attn_implementation
    config._attn_implementation = "eager"

    def undo() -> None:
        config._attn_implementation = name

    return undo


def _hands_out(model: Any) -> dict[nn.Module, int]:
    """The modules that return attention weights, with their layer's number: only where the registry is not asked."""
    if getattr(model, "_supports_attention_backend", False) or _asks_registry(model):
        return {}
    returned: list[tuple[nn.Module, Tensor]] = []

    def note(module: nn.Module, _inputs: Any, output: Any) -> None:
        entries = output if isinstance(output, tuple | list) else ()
        returned.extend((module, entry) for entry in entries if isinstance(entry, Tensor) and entry.dim() == 4)

    handles = [module.register_forward_hook(note) for module in model.modules()]
    undo = _eagerly(model)
    try:
        ids = torch.zeros((1, 3), dtype=torch.long, device=input_device(model))
        attentions = getattr(model(input_ids=ids, use_cache=False, output_attentions=True), "attentions", None) or ()
    except Exception:  # a model without attention may refuse the argument
        return {}
    finally:
        undo()
        for handle in handles:
            handle.remove()
    found: dict[nn.Module, int] = {}
    for number, weights in enumerate(attentions):
        module = next((module for module, entry in returned if entry is weights), None)
        if module is not None and _is_attention(weights):
            found[module] = number
    return found


def _asks_registry(model: Any) -> bool:
    """Whether the model gets its attention function from the registry, though it does not say so."""
    asked: list[bool] = []

    def noting(registry: Any, name: str) -> Callable[..., Any]:
        own = None if name == "eager" else registry[name]

        def attend(module: nn.Module, *values: Any, **options: Any) -> Any:
            asked.append(True)
            return (own or sys.modules[type(module).__module__].eager_attention_forward)(module, *values, **options)

        return attend

    undo = [_replaced(registry, name, noting(registry, name)) for registry, name in _registries(model)]
    try:
        model(input_ids=torch.zeros((1, 2), dtype=torch.long, device=input_device(model)), use_cache=False)
    except Exception:
        return False
    finally:
        for restore in undo:
            restore()
    return bool(asked)


def _is_attention(weights: Any) -> bool:
    """Whether a layer's (1, H, T, T) are weights: rows of at most 1 that look back only."""
    if not isinstance(weights, Tensor) or weights.dim() != 4 or weights.shape[-1] != weights.shape[-2]:
        return False
    rows = weights.float().sum(-1)
    return bool((rows <= 1.01).all() and (weights >= 0).all() and not weights.triu(1).any())
