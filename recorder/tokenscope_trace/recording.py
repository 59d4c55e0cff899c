"""One recording: a loaded model and a prompt become a Trace.

In: LoadedModel, Prompt, GenerationSettings. Out: Trace. Brings together what generation measured and what the tokens spell;
measures nothing itself and writes no file.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers
from numpy.typing import NDArray

import tokenscope_trace
from tokenscope_trace.columns import Array
from tokenscope_trace.generation import Generated, OnToken, ShouldStop, generate
from tokenscope_trace.metrics import Measured
from tokenscope_trace.models import LoadedModel
from tokenscope_trace.prompt import Prompt, check_length
from tokenscope_trace.schema import Origin
from tokenscope_trace.settings import GenerationSettings
from tokenscope_trace.spelling import Speller
from tokenscope_trace.traces import Trace

_METRICS = ("logprob", "entropy", "margin", "gap")


@dataclass(frozen=True)
class Watcher:
    """How a caller follows a recording: called after each token, asked whether to stop."""

    on_token: OnToken = lambda _count: None
    should_stop: ShouldStop = lambda: False


def record(
    loaded: LoadedModel,
    prompt: Prompt,
    settings: GenerationSettings,
    *,
    watcher: Watcher | None = None,
    command: Sequence[str] = (),
    load_seconds: float = 0.0,
) -> Trace:
    """Generate and measure.

    Raises PromptError where the prompt does not fit the model, ModelError where its logits are not finite, and
    KeyboardInterrupt where it was interrupted before the first token; later interruptions end the output where it stands.
    """
    check_length(prompt, loaded.context)
    watcher = watcher or Watcher()
    room = settings.max_new_tokens if loaded.context is None else loaded.context - len(prompt.ids)
    generated = generate(
        loaded.model,
        loaded.tokenizer,
        prompt.ids,
        replace(settings, max_new_tokens=min(settings.max_new_tokens, room)),
        extra_eos=prompt.extra_eos,
        on_token=watcher.on_token,
        should_stop=watcher.should_stop,
    )
    if generated.finish == "length" and room < settings.max_new_tokens:
        generated = replace(generated, finish="context")
    nodes, alternatives = _node_tables(prompt, generated, settings.top_alternatives)
    run = {
        "generator": {"name": "tokenscope-trace", "version": tokenscope_trace.__version__},
        "model": loaded.facts,
        "prompt": _prompt_facts(prompt),
        "sampling": _sampling_facts(settings, generated),
        "top_alternatives": settings.top_alternatives,
        "main_leaf": len(nodes["parent"]) - 1,
        "finish": generated.finish,
        "libraries": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "numpy": np.__version__,
        },
        "command": list(command),
        "notes": _notes(prompt, generated),
        "clock": _clock(load_seconds, generated),
    }
    tables = {"nodes": nodes, "alternatives": alternatives, **_text_tables(Speller(loaded.tokenizer), nodes, alternatives)}
    return Trace(run, tables)


def _node_tables(prompt: Prompt, generated: Generated, top: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """The `nodes` and `alternatives` tables of one path: prompt, then output."""
    prompt_length, count = len(prompt.ids), len(prompt.ids) + len(generated.output_ids)
    nodes: dict[str, Array] = {
        "parent": np.arange(-1, count - 1, dtype=np.int32),
        "token_id": np.array([*prompt.ids, *generated.output_ids], dtype=np.int32),
        "origin": np.where(np.arange(count) < prompt_length, Origin.PROMPT, Origin.MAIN).astype(np.uint8),
        "rank": np.zeros(count, dtype=np.int32),
        "alternative_count": np.zeros(count, dtype=np.uint16),
        **{name: np.full(count, np.nan, np.float32) for name in (*_METRICS, "tail", "sampled_logprob", "sampled_tail")},
    }
    ids: list[Array] = []
    logprobs: list[Array] = []
    sampled: list[Array] = []
    spans: list[tuple[Measured | None, Callable[[int], NDArray[np.float32]], slice]] = [
        (generated.prompt, lambda rows: np.full((rows, 1), np.nan, np.float32), slice(1, prompt_length)),
        (generated.output, lambda _rows: _numpy(generated.sampled_top_logprobs), slice(prompt_length, count)),
    ]
    for measured, sampled_rows, span in spans:
        if measured is None:
            continue
        for name in _METRICS:
            nodes[name][span] = _numpy(getattr(measured, name))
        nodes["rank"][span] = _numpy(measured.rank)
        top_ids, top_logprobs = _numpy(measured.top_ids), _numpy(measured.top_logprobs)
        top_sampled = np.minimum(np.broadcast_to(sampled_rows(len(top_ids)), top_ids.shape), 0)
        # Ties come in any order: by id, so that equal runs give equal bytes.
        order = np.lexsort((top_ids, -top_logprobs))
        nodes["alternative_count"][span] = min(top, top_ids.shape[1])
        nodes["tail"][span] = _rest(top_logprobs)
        nodes["sampled_tail"][span] = _rest(top_sampled)
        for rows, values in ((ids, top_ids), (logprobs, top_logprobs), (sampled, top_sampled)):
            rows.append(np.take_along_axis(values, order, axis=-1).reshape(-1))
    nodes["sampled_logprob"][prompt_length:] = np.minimum(_numpy(generated.sampled_logprob), 0)
    return nodes, {
        "token_id": np.concatenate(ids).astype(np.int32),
        "logprob": np.concatenate(logprobs),
        "sampled_logprob": np.concatenate(sampled),
    }


def _rest(logprobs: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 - sum of exp(logprob) over the last axis, summed in float64; (R, K) -> (R,)."""
    rest: NDArray[np.float32] = np.clip(1 - np.exp(logprobs.astype(np.float64)).sum(-1), 0, 1).astype(np.float32)
    return rest


def _text_tables(speller: Speller, nodes: dict[str, Array], alternatives: dict[str, Array]) -> dict[str, dict[str, Array]]:
    """The bytes of every id, and of the nodes that are spelled otherwise where they stand."""
    spelled = speller.spell(nodes["token_id"].tolist())
    ids = np.unique(np.concatenate([nodes["token_id"], alternatives["token_id"]]))
    words = [speller.inside(token_id) for token_id in ids.tolist()]
    exceptions = [
        (node, word)
        for node, (word, token_id) in enumerate(zip(spelled, nodes["token_id"].tolist(), strict=True))
        if word != speller.inside(token_id)
    ]
    return {
        "tokens": {
            "id": ids,
            "special": np.array([speller.is_special(token_id) for token_id in ids.tolist()], dtype=np.uint8),
            "byte_count": np.array([len(word) for word in words], dtype=np.uint32),
        },
        "token_bytes": {"byte": np.frombuffer(b"".join(words), dtype=np.uint8)},
        "spellings": {
            "node": np.array([node for node, _ in exceptions], dtype=np.int32),
            "byte_count": np.array([len(word) for _, word in exceptions], dtype=np.uint32),
        },
        "spelling_bytes": {"byte": np.frombuffer(b"".join(word for _, word in exceptions), dtype=np.uint8)},
    }


def _prompt_facts(prompt: Prompt) -> dict[str, Any]:
    segments = [{"role": segment.role, "first": segment.first, "end": segment.end} for segment in prompt.segments]
    return {"source": prompt.source, "kind": prompt.kind, "exact": prompt.exact, "segments": segments}


def _sampling_facts(settings: GenerationSettings, generated: Generated) -> dict[str, Any]:
    return {
        **generated.sampling,
        "max_new_tokens": settings.max_new_tokens,
        "stop": list(settings.stop),
        "seed": settings.seed,
        "processors": generated.processors,
    }


def _notes(prompt: Prompt, generated: Generated) -> list[str]:
    notes = []
    if not prompt.exact:
        notes.append("The tokenizer does not spell the prompt byte for byte; what is shown is what the model read.")
    if generated.finish == "interrupted":
        notes.append("The recording was interrupted; the output ends where it stood.")
    if generated.prompt is None and len(prompt.ids) > 1:
        notes.append("The prompt's tokens were not measured, because the recording was cut short.")
    return notes


def _clock(load_seconds: float, generated: Generated) -> dict[str, Any]:
    """The one field that differs between two runs; SOURCE_DATE_EPOCH fixes it, as reproducible builds agree to."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None and epoch.isdigit():
        created = datetime.fromtimestamp(int(epoch), UTC)
        return {
            "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "load_seconds": None,
            "prefill_seconds": None,
            "decode_seconds": None,
        }
    return {
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "load_seconds": load_seconds,
        "prefill_seconds": generated.prefill_seconds,
        "decode_seconds": generated.decode_seconds,
    }


def _numpy(values: torch.Tensor) -> Array:
    return values.cpu().numpy()
