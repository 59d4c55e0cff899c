"""The head of a model, applied to hidden states of ours: its forward is called again with the body's output replaced.

That takes whatever the head does (soft caps, scales, odd names) as it is. `generate` asks its first forward for the last
position's logits only, because a prompt's full logits may take gigabytes: so the final hidden states are kept while they pass,
and the head is applied to them afterwards, a block of rows at a time. Knows no metrics.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tokenscope_trace.failures import Unfit, is_memory
from tokenscope_trace.models.passes import HEAD_ROWS


@dataclass
class KeptBody:
    """The module below the head that ran last, and a shallow copy of what it returned."""

    body: nn.Module | None = None
    output: Any = None


@contextmanager
def keeping_body(model: Any) -> Iterator[KeptBody]:
    """Keeps what the body returned in the passes that run inside."""
    kept = KeptBody()

    def keep(module: nn.Module, _inputs: Any, output: Any) -> None:
        if _has_hidden(output):
            kept.body, kept.output = module, copy.copy(output)  # the outermost body that ran fires last

    handles = [body.register_forward_hook(keep) for body in _bodies(model)]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


class ModelHead:
    """Hidden states to logits. `body` is the module that ran below the head, `output` what it returned once."""

    def __init__(self, model: Any, body: nn.Module, output: Any) -> None:
        self._model = model
        self._body = body
        self._like = output

    @staticmethod
    def hidden(output: Any) -> Tensor:
        """The hidden states (T, D) in what a body returned."""
        hidden = output[0] if isinstance(output, tuple) else output.last_hidden_state
        assert isinstance(hidden, Tensor)
        return hidden[0]

    def logits(self, states: Tensor) -> Tensor:
        """Logits (R, V) of hidden states (R, D)."""
        output = copy.copy(self._like)
        if isinstance(output, tuple):
            output = (states[None], *output[1:])
        else:
            output.last_hidden_state = states[None]
        dummy = torch.zeros((1, len(states)), dtype=torch.long, device=states.device)
        with _forward_replaced(self._body, output):
            logits = self._model(input_ids=dummy, attention_mask=torch.ones_like(dummy), use_cache=False).logits
        assert isinstance(logits, Tensor)
        return logits[0]

    def blocks(self, states: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(first row, logits (R, V)) of hidden states, a block of rows at a time."""
        for first in range(0, len(states), HEAD_ROWS):
            yield first, self.logits(states[first : first + HEAD_ROWS])


class PromptStates:
    """Keeps what the first forward pass of a model saw, while it is entered as a context.

    After the pass: `logits(ids)` yields the logits of every prompt position but the last, in blocks.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._kept = KeptBody()
        self._full: Tensor | None = None  # (P, V), where the model computes all rows anyway
        self._handles: list[Any] = []

    def __enter__(self) -> PromptStates:
        for body in _bodies(self._model):
            self._handles.append(body.register_forward_hook(self._keep_body))
        self._handles.append(self._model.register_forward_hook(self._keep_logits))
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def _keep_body(self, module: nn.Module, _inputs: Any, output: Any) -> None:
        if _has_hidden(output):
            self._kept = KeptBody(module, copy.copy(output))

    def _keep_logits(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        logits = output.logits[0]
        if len(logits) > 1:
            self._full = logits
        self._release()

    def _release(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def logits(self, ids: Tensor, decided: Tensor, first: int = 0) -> Iterator[Tensor]:
        """Blocks of logits, (rows, V) each, from row `first` to row P - 2, for the prompt `ids` (1, P).

        `decided` (V,) are the logits of the last position as the pass gave them: where the head, applied again, does not
        reproduce them, the prompt is run once more with all its logits. Raises Unfit where that gives others in the last position:
        such a model is given more than the prompt, or says something else each time.
        """
        rows = ids.shape[1] - 1
        if self._full is not None and len(self._full) != ids.shape[1]:
            self._full, self._kept = None, KeptBody()
        if self._full is None and not self._reproduces(decided, ids.shape[1]):
            self._full = self._model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0]
            if len(self._full) != ids.shape[1] or not reproduces(self._full[-1].float(), decided, self._model.dtype):
                raise Unfit("read once more, the prompt does not give the logits that decided the first token after it")
        if self._full is not None:
            for begin in range(first, rows, HEAD_ROWS):
                yield self._full[begin : min(begin + HEAD_ROWS, rows)]
            return
        head = self._head()
        for _, block in head.blocks(head.hidden(self._kept.output)[first:rows]):
            yield block

    def _head(self) -> ModelHead:
        assert self._kept.body is not None
        return ModelHead(self._model, self._kept.body, self._kept.output)

    def _reproduces(self, decided: Tensor, tokens: int) -> bool:
        try:
            head = self._head()
            hidden = head.hidden(self._kept.output)
            if len(hidden) != tokens:
                return False
            again = head.logits(hidden[-1:])[0].float()
        except Exception as error:
            if is_memory(error):
                raise
            return False
        return reproduces(again, decided, self._model.dtype)


def reproduces(again: Tensor, logits: Tensor, dtype: torch.dtype) -> bool:
    """Whether the same product, computed over other rows, gave the same float32 logits up to the rounding of `dtype`."""
    finite = logits[logits.isfinite()].abs()
    largest = finite.max().clamp(min=1) if finite.numel() else 1.0
    tolerance = 32 * torch.finfo(dtype).eps * largest
    return again.shape == logits.shape and bool(torch.nan_to_num((again - logits).abs()).max() <= tolerance)


@contextmanager
def _forward_replaced(body: nn.Module, output: Any) -> Iterator[None]:
    own = body.__dict__.get("forward")  # device maps put a forward of their own on the instance
    body.__dict__["forward"] = lambda *_args, **_kwargs: output
    try:
        yield
    finally:
        del body.__dict__["forward"]
        if own is not None:
            body.__dict__["forward"] = own


def _has_hidden(output: Any) -> bool:
    """Whether a body returned this: some architectures call their last linear map the decoder."""
    return isinstance(output, tuple) or hasattr(output, "last_hidden_state")


def _bodies(model: Any) -> list[nn.Module]:
    """The modules whose output the head may take, innermost first: which of them runs differs between architectures."""
    candidates = [getattr(model, "get_decoder", lambda: None)(), getattr(model, "base_model", None)]
    found: list[nn.Module] = []
    for candidate in candidates:
        if isinstance(candidate, nn.Module) and candidate is not model and candidate not in found:
            found.append(candidate)
    if not found:  # what its configuration calls the body is the model itself, and its parts have it
        found = [part for part in model.children() if not isinstance(part, nn.ModuleList)]
    return found
