"""One recording: a loaded model and a prompt become a Trace.

In: LoadedModel, Prompt, GenerationSettings. Out: Trace. Brings together what generation measured and what the tokens spell;
measures nothing itself and writes no file.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers

import tokenscope_trace
from tokenscope_trace.forcing import encode_forced
from tokenscope_trace.generation import Generated, generate
from tokenscope_trace.growing import Growth, Watcher, grow_tree
from tokenscope_trace.models import LoadedModel
from tokenscope_trace.node_tables import tables_of
from tokenscope_trace.prompt import Prompt, check_length
from tokenscope_trace.rows import rows_of
from tokenscope_trace.search import MainPath
from tokenscope_trace.settings import GenerationSettings, TreeSettings
from tokenscope_trace.spelling import Speller
from tokenscope_trace.traces import Trace


def record(
    loaded: LoadedModel,
    prompt: Prompt,
    settings: GenerationSettings,
    *,
    tree: TreeSettings | None = None,
    watcher: Watcher | None = None,
    command: Sequence[str] = (),
    load_seconds: float = 0.0,
) -> Trace:
    """Generate and measure; then grow the tree, where one is asked for.

    Raises PromptError where the prompt does not fit the model or a forced token or text is none of the model's, ModelError where its logits are not finite, and
    KeyboardInterrupt where it was interrupted before the first token; later interruptions end the output where it stands.
    """
    check_length(prompt, loaded.context)
    asked = [] if tree is None else encode_forced(loaded, len(prompt.ids), tree.forced)
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
    assert generated.output is not None
    sampled = torch.cat([generated.sampled_logprob[:, None], generated.sampled_top_logprobs], dim=1)
    rows = rows_of(generated.output, sampled)
    speller = Speller(loaded.tokenizer)
    main = MainPath([*prompt.ids, *generated.output_ids], len(prompt.ids), rows)
    growth = Growth()
    if tree is not None and generated.finish != "interrupted":
        growth = grow_tree(loaded, prompt, main, settings, tree, asked, speller, watcher)
    run = {
        "generator": {"name": "tokenscope-trace", "version": tokenscope_trace.__version__},
        "model": loaded.facts,
        "prompt": _prompt_facts(prompt),
        "sampling": _sampling_facts(settings, generated),
        "top_alternatives": settings.top_alternatives,
        "main_leaf": len(main.ids) - 1,
        "finish": generated.finish,
        "libraries": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "numpy": np.__version__,
        },
        "command": list(command),
        "tree": _tree_facts(tree, settings, generated, growth),
        "notes": [*_notes(prompt, generated), *growth.notes],
        "clock": _clock(load_seconds, generated, growth),
    }
    prompt_rows = None if generated.prompt is None else rows_of(generated.prompt)
    return Trace(run, tables_of(prompt.ids, generated.output_ids, prompt_rows, rows, growth.grown, speller))


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


def _tree_facts(
    tree: TreeSettings | None, settings: GenerationSettings, generated: Generated, growth: Growth
) -> dict[str, Any] | None:
    if tree is None:
        return None
    return {
        "engine": growth.engine,
        "width": tree.width,
        "depth": tree.depth,
        "length": tree.length,
        "min_prob": tree.min_prob,
        "nodes": tree.nodes,
        "temperature": tree.temperature,
        "seed": settings.seed,
        "finish": "interrupted" if generated.finish == "interrupted" else growth.finish,
    }


def _clock(load_seconds: float, generated: Generated, growth: Growth) -> dict[str, Any]:
    """The one field that differs between two runs; SOURCE_DATE_EPOCH fixes it, as reproducible builds agree to."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None and epoch.isdigit():
        created = datetime.fromtimestamp(int(epoch), UTC)
        return {
            "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "load_seconds": None,
            "prefill_seconds": None,
            "decode_seconds": None,
            "tree_seconds": None,
        }
    return {
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "load_seconds": load_seconds,
        "prefill_seconds": generated.prefill_seconds,
        "decode_seconds": generated.decode_seconds,
        "tree_seconds": growth.seconds,
    }
