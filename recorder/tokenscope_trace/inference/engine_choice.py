"""The choice of an engine for this model's tree: by trying, not by a list of architectures.

Each engine, the fastest first, must pass two checks: over a few random tokens it must give the logits that a plain forward
without a cache gives (engine_check.py), and over the recording's own path those that decided its tokens. What it may differ by is what
plain ways differ by among each other. A model whose decoding does not agree with plain forwards by and large gets no tree.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tokenscope_trace.failures import Unfit, is_memory
from tokenscope_trace.inference.engine_check import DEPTH, PROBE_TOKENS, agrees, within
from tokenscope_trace.inference.engines import Engine
from tokenscope_trace.inference.internals import Probes
from tokenscope_trace.inference.recomputation import Recomputation
from tokenscope_trace.inference.replay import read_whole
from tokenscope_trace.inference.snapshots import Snapshots
from tokenscope_trace.inference.tree_attention import TreeAttention
from tokenscope_trace.models.backend import Tip
from tokenscope_trace.traces.columns import Floats
from tokenscope_trace.traces.rows import Rows

CHECKED_ALONE = 4  # places of the recording's path, where nothing else is compared
_OTHERS = "it does not give this model's numbers"


@dataclass(frozen=True)
class Chosen:
    """The engine, ready on the main path, and the seconds that `width` tips took (None where nothing was measured).

    `why` says what keeps the branches from being read together, None where nothing does.
    """

    engine: Engine
    seconds: float | None
    width: int
    why: str | None = None


@torch.no_grad()
def choose_engine(model: Any, ids: Sequence[int], prompt: int, rows: Rows, wave: int, cache: Any = None) -> Chosen:
    """The fastest sound engine for the main path `ids` (T,), whose tokens from `prompt` on were measured as `rows`; raises Unfit.

    `cache` holds the main path, if somebody has read it; `wave` main tokens at once are read again as a check and as a measure of what a step of the tree takes.
    """
    path = _Path(model, list(ids), prompt, rows)
    why = None
    for together in (True, False):
        try:
            if not (_is_tree_attention(model, len(ids)) if together else agrees(model, lambda i, p: Snapshots(model, i, p))):
                why = why or _OTHERS
                continue
            engine: Engine = TreeAttention(model, ids, cache) if together else Snapshots(model, ids, prompt)
            seconds, width, sound = path.read_by(engine, wave if together else 2)
        except Exception as error:  # an architecture that does not fit an engine may fail in any way inside its own code
            if is_memory(error):
                raise
            why = why or f"it fails ({type(error).__name__})"
            continue
        if sound:
            return Chosen(engine, seconds, width, why)
        why = why or _OTHERS
    engine = Recomputation(model, ids)
    try:
        seconds, width, sound = path.read_by(engine, CHECKED_ALONE, by_and_large=True)
    except Exception as error:
        if is_memory(error):
            raise
        raise Unfit(f"its forward pass over prompt and output fails ({type(error).__name__})") from error
    if not sound:
        raise Unfit("read again without a cache, the output does not get the numbers that decided it")
    return Chosen(engine, seconds, width, why)


def _is_tree_attention(model: Any, length: int) -> bool:
    """Whether the model's own attention follows the tree's mask; a main path of `length` tokens is to come."""
    built: list[TreeAttention] = []

    def build(ids: Sequence[int], _first: int) -> TreeAttention:
        built.append(TreeAttention(model, ids))
        return built[0]

    # An attention of the model's own making may have a window that a short probe cannot see: probe it at full length.
    probed = PROBE_TOKENS
    if not getattr(model, "_supports_attention_backend", False):
        most = getattr(model.config.get_text_config(), "max_position_embeddings", None) or length + PROBE_TOKENS + DEPTH
        probed = max(PROBE_TOKENS, min(length + PROBE_TOKENS, most - DEPTH))
    return agrees(model, build, probed) and built[0].mask_calls > 0


class _Path:
    """The recording's own path, of which each engine reads some tokens again."""

    def __init__(self, model: Any, ids: list[int], prompt: int, rows: Rows) -> None:
        self._model, self._ids, self._prompt, self._rows = model, ids, prompt, rows

    def read_by(self, engine: Engine, places: int, *, by_and_large: bool = False) -> tuple[float | None, int, bool]:
        """(seconds, tips, whether all is as it was recorded) of reading main tokens once more, each as a branch of its own.

        `by_and_large` puts up with more than rounding in float32.
        """
        ids, prompt = self._ids, self._prompt
        count = len(ids) - prompt - 1  # tokens whose successor was measured
        if count < 1:
            return None, 1, True
        chosen = np.unique(np.linspace(0, count - 1, min(count, places)).astype(int))
        if by_and_large and prompt > 1:
            chosen = np.concatenate([[-1], chosen])  # the prompt's last token, too
        tips = [
            Tip(len(ids) + row, prompt + place - 1, ids[prompt + place], prompt + place)
            for row, place in enumerate(chosen.tolist())
        ]
        begin = time.perf_counter()
        logits = engine.advance(tips)
        seconds = time.perf_counter() - begin
        engine.release([tip.node for tip in tips])
        difference = self._difference(logits, chosen)
        if by_and_large:
            sound = difference.mean() <= (0.02 if self._model.dtype == torch.float32 else 0.2)
        elif self._model.dtype == torch.float32:
            sound = within(difference.max(), 1e-3, 1e-2, lambda: float(self._plainly(chosen).max()))
        else:
            sound = within(difference.mean(), 0.02, 0.5, lambda: float(self._plainly(chosen).mean()))
        return seconds, len(tips), bool(sound)

    def _difference(self, logits: torch.Tensor, chosen: NDArray[np.int_]) -> Floats:
        """How far logits (R, V) after the chosen tokens of the output lie from what was recorded there: nats, of the known alternatives."""
        top = torch.from_numpy(self._rows.ids[chosen + 1].astype(np.int64)).to(logits.device)
        found = torch.log_softmax(logits.float(), dim=-1).gather(1, top).cpu().numpy()
        recorded = self._rows.logprobs[chosen + 1]
        difference: Floats = np.abs(found - recorded)[np.isfinite(recorded)]
        return difference

    def _plainly(self, chosen: NDArray[np.int_]) -> Floats:
        """The same of one forward over the path without a cache: what decoding behind a cache, which was recorded, differs from it."""
        found = []
        for block in read_whole(self._model, self._ids, Probes(), rows=self._prompt):
            first = block.first - self._prompt
            inside = chosen[(chosen >= first) & (chosen < first + len(block.logits))]
            if len(inside):
                found.append(self._difference(block.logits[inside - first], inside))
        return np.concatenate(found)
