"""The replay: one teacher-forced pass over what was decided, for everything that needs the inside of the model.

Where the cache of the decoding pass can be cut back, the pass goes on from the prompt's end, and what the prompt looked at was
kept while decoding began; else the whole sequence is read again without a cache. Either way the logprobs it finds are
compared with those that decided: the largest difference is the recording's noise. Knows no trace.

Axis letters: T tokens of the sequence, P of the prompt, N = T - P decided ones, R rows of a block.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from tokenscope_trace.failures import INTERRUPTED, MEMORY, Missing, OnMissing, is_memory, reason_of, released
from tokenscope_trace.inference.internals import Inside, Probes
from tokenscope_trace.inference.lens import Opinion, joined_layers, opinion_of
from tokenscope_trace.inference.metrics import log_softmax_rows
from tokenscope_trace.models.backend import Replayed
from tokenscope_trace.models.forward import Reader
from tokenscope_trace.models.head import PromptStates
from tokenscope_trace.models.passes import REPLAY_CHUNK
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.progress import warn_of_errors
from tokenscope_trace.traces.columns import Floats
from tokenscope_trace.traces.layers import LayerLens

_LOUD = "Read again, the output's logprobs differ by up to {:.2g} nats: attention and lens describe the second reading."


@dataclass(frozen=True)
class Block:
    """Some rows of a pass: logits (R, V), and by layer the hidden states (R, D) that the lens looks at."""

    first: int
    logits: Tensor
    states: dict[int, Tensor]


@dataclass
class Opinions:
    """The lens of a growing sequence: opinions by layer, in order of the tokens they are about."""

    probes: Probes
    parts: dict[int, list[Opinion]] = field(default_factory=dict)

    def add(self, block: Block, tokens: Tensor) -> None:
        """What each layer says of `tokens` (R,), which follow the block's rows."""
        lens = self.probes.lens
        if lens is None:
            return
        found = lens.opinions(block.states, tokens)
        for layer in self.probes.lens_layers:
            self.parts.setdefault(layer, []).append(found[layer] if layer in found else opinion_of(block.logits, tokens))

    def layers(self, first: int) -> list[LayerLens]:
        """As numpy columns, for the tokens from `first` on."""
        found = []
        for layer, parts in self.parts.items():
            opinion = joined_layers(parts)
            found.append(
                LayerLens(
                    layer,
                    first,
                    opinion.token_id.cpu().numpy().astype(np.int32),
                    opinion.probability.cpu().numpy(),
                    opinion.rank.cpu().numpy().astype(np.int32),
                    opinion.logprob.cpu().numpy(),
                )
            )
        return found


def can_continue(model: Any) -> bool:
    """Whether the cache that decoding uses can be cut back: every layer keeps all keys and values."""
    if not model._supports_default_dynamic_cache():
        return False
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config.get_text_config()).layers)


@torch.no_grad()
def read_again(
    model: Any,
    ids: Sequence[int],
    prompt: int,
    logprob: Floats,
    cache: Any,
    inside: Inside,
    *,
    on_read: Callable[[int, int], None] = lambda _done, _all: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_missing: OnMissing = warn_of_errors,
) -> tuple[Replayed, Any]:
    """Read `ids` (T,) again, of which those from `prompt` on were decided with `logprob` (N,). With what was found comes the cache of the
    whole sequence, for who goes on from here, where there is one.

    `cache` is what decoding left behind, None where it cannot be cut back; the tap has seen the prompt then. Where the memory does
    not suffice, the sequence is read whole without the lens, then without attention; `on_missing` is told what is given up.
    """
    begin = time.perf_counter()
    starved = False
    while True:
        try:
            found = _by_some_way(model, ids, prompt, logprob, cache, inside.probes, on_read, should_stop)
        except (Exception, KeyboardInterrupt) as error:
            less = inside.give_up(MEMORY) if is_memory(error) else None
            starved |= is_memory(error)
            reason = reason_of(error)
            on_missing(Missing(less or "replay", reason), error)
            released(error)
            if cache is not None:  # it may be half read, and others hold it, too
                cache.layers.clear()
                cache = None
            if less is None:
                inside.unseen(reason)
                return Replayed(starved=starved), None
            continue
        if found is None:
            on_missing(Missing("replay", INTERRUPTED), KeyboardInterrupt())
            inside.unseen(INTERRUPTED)
            return Replayed(starved=starved), None
        found = replace(found, seconds=time.perf_counter() - begin, starved=starved)
        return found, cache if found.way == "continued" else None


def _by_some_way(
    model: Any,
    ids: Sequence[int],
    prompt: int,
    logprob: Floats,
    cache: Any,
    probes: Probes,
    on_read: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> Replayed | None:
    """From the prompt's cache, or else as a whole; None where it was stopped."""
    for way in ("continued", "whole") if cache is not None else ("whole",):
        if way == "continued" and not _cut(cache, prompt - 1):
            continue
        if way == "whole" and probes.tap is not None:
            probes.tap.forget()
        try:
            found = _replay(model, ids, prompt, logprob, cache if way == "continued" else None, probes, on_read, should_stop)
        except Exception as error:
            if way == "whole" or is_memory(error):
                raise
            continue  # an architecture that takes one token at a time behind its cache
        if found is None:
            return None
        noise, lens = found
        if way == "whole" or _close(noise, model.dtype):
            break
    return Replayed(
        way=way,
        noise=noise,
        attention=probes.tap.found(len(ids)) if probes.tap is not None else [],
        lens=lens,
        notes=[] if _close(noise, model.dtype) else [_LOUD.format(float(np.nanmax(noise)))],
    )


def _replay(
    model: Any,
    ids: Sequence[int],
    prompt: int,
    logprob: Floats,
    cache: Any,
    probes: Probes,
    on_read: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> tuple[Floats, list[LayerLens]] | None:
    """(noise (N,), lens) of one way to read again; None where it was stopped."""
    blocks = (
        read_whole(model, ids, probes, rows=prompt - 1) if cache is None else _read_on(model, ids, prompt - 1, cache, probes)
    )
    tokens = torch.tensor(list(ids), device=input_device(model))
    found, opinions = [], Opinions(probes)
    for block in blocks:
        end = min(block.first + len(block.logits), len(ids) - 1)  # nothing follows the last row
        rows = end - block.first
        if rows > 0:
            following = tokens[block.first + 1 : end + 1]
            part = Block(block.first, block.logits[:rows], {layer: s[:rows] for layer, s in block.states.items()})
            found.append(log_softmax_rows(part.logits, following))
            opinions.add(part, following)
        on_read(end - prompt + 1, len(ids) - prompt)
        if should_stop():
            return None
    noise = np.abs(torch.cat(found).cpu().numpy() - logprob)
    return np.where(np.isfinite(noise), noise, np.nan).astype(np.float32), opinions.layers(prompt)


def _read_on(model: Any, ids: Sequence[int], first: int, cache: Any, probes: Probes) -> Iterator[Block]:
    """Blocks of the rows from `first` on, behind the cache of what stands before."""
    read = Reader(model)
    for begin in range(first, len(ids), REPLAY_CHUNK):
        end = min(begin + REPLAY_CHUNK, len(ids))
        with ExitStack() as stack:
            options = stack.enter_context(probes.tap.watching(begin)) if probes.tap is not None else {}
            states = stack.enter_context(probes.lens.watching(probes.below)) if probes.lens is not None else {}
            logits, _ = read(ids[begin:end], range(begin, end), cache=cache, **options)
        yield Block(begin, logits, states)


def read_whole(
    model: Any, ids: Sequence[int], probes: Probes, *, rows: int = 0, first: int = 0, skip: int = 0, origin: int = 0
) -> Iterator[Block]:
    """Blocks of the rows from `rows` on, but the last, of one pass over `ids` (T,) without a cache.

    `first`, `origin` and `skip` are as in AttentionTap.watching.
    """
    read = Reader(model)
    tokens = torch.tensor([list(ids)], device=input_device(model))
    with PromptStates(model) as states, ExitStack() as stack:
        options = stack.enter_context(probes.tap.watching(first, origin, skip)) if probes.tap is not None else {}
        hidden = stack.enter_context(probes.lens.watching(probes.below)) if probes.lens is not None else {}
        logits, _ = read(ids, range(len(ids)), use_cache=False, last=True, **options)
    place = rows
    for block in states.logits(tokens, logits[-1], rows):
        end = place + len(block)
        yield Block(place, block, {layer: state[place:end] for layer, state in hidden.items()})
        place = end


def _cut(cache: Any, length: int) -> bool:
    """Cut a cache back to its first `length` tokens."""
    spare = cache.get_seq_length() - length
    if spare < 0:
        return False
    cache.crop(-spare)
    return bool(cache.get_seq_length() == length)


def _close(noise: Floats, dtype: torch.dtype) -> bool:
    """Whether the differences are those of rounding."""
    known = noise[np.isfinite(noise)]
    if len(known) == 0:
        return True
    return bool(known.max() <= 1e-3 if dtype == torch.float32 else known.mean() <= 0.2)
