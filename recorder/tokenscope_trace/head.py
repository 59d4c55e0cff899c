"""Logits of the prompt's positions, from the same forward pass that began the generation.

`generate` asks its first forward for the last position's logits only, because a prompt's full logits may take gigabytes.
So the final hidden states are kept while they pass, and the model's own head is applied to them afterwards, a block of rows
at a time: the model's forward is called again with the body's output replaced. That takes whatever the head does (soft caps,
scales, odd names) as it is. Knows no metrics.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

BLOCK_ROWS = 128


class PromptStates:
    """Keeps what the first forward pass of a model saw, while it is entered as a context.

    After the pass: `logits(ids)` yields the logits of every prompt position but the last, in blocks.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._body: nn.Module | None = None
        self._output: Any = None  # of the body
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
        self._body, self._output = module, copy.copy(output)  # the outermost body that ran fires last

    def _keep_logits(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        logits = output.logits[0]
        if len(logits) > 1:
            self._full = logits
        self._release()

    def _release(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def logits(self, ids: Tensor, decided: Tensor) -> Iterator[Tensor]:
        """Blocks of logits, (rows, V) each and P - 1 rows in all, for the prompt `ids` (1, P).

        `decided` (V,) are the logits of the last position as the pass gave them: where the head, applied again, does not
        reproduce them, the prompt is run once more with all its logits.
        """
        rows = ids.shape[1] - 1
        if self._full is None and not self._reproduces(decided):
            self._full = self._model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0]
        for first in range(0, rows, BLOCK_ROWS):
            end = min(first + BLOCK_ROWS, rows)
            yield self._full[first:end] if self._full is not None else self._head(first, end)

    def _reproduces(self, decided: Tensor) -> bool:
        try:
            again = self._head(-1, None)[0].float()
        except Exception:
            return False
        # The same product over one row: equal up to the rounding of the model's own dtype.
        tolerance = 32 * torch.finfo(self._model.dtype).eps * decided[decided.isfinite()].abs().max().clamp(min=1)
        return again.shape == decided.shape and bool(torch.nan_to_num((again - decided).abs()).max() <= tolerance)

    def _head(self, first: int, end: int | None) -> Tensor:
        body, output = self._body, copy.copy(self._output)
        assert body is not None
        hidden = (output[0] if isinstance(output, tuple) else output.last_hidden_state)[:, first:end]
        if isinstance(output, tuple):
            output = (hidden, *output[1:])
        else:
            output.last_hidden_state = hidden
        dummy = torch.zeros(hidden.shape[:2], dtype=torch.long, device=hidden.device)
        with _forward_replaced(body, output):
            logits = self._model(input_ids=dummy, attention_mask=torch.ones_like(dummy), use_cache=False).logits
        assert isinstance(logits, Tensor)
        return logits[0]


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


def _bodies(model: Any) -> list[nn.Module]:
    """The modules whose output the head may take, innermost first: which of them runs differs between architectures."""
    candidates = [getattr(model, "get_decoder", lambda: None)(), getattr(model, "base_model", None)]
    found: list[nn.Module] = []
    for candidate in candidates:
        if isinstance(candidate, nn.Module) and candidate is not model and candidate not in found:
            found.append(candidate)
    return found
