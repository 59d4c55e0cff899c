"""One recording: a loaded model and a prompt become a Trace.

In: LoadedModel, Prompt, GenerationSettings. Out: Trace. Brings together what generation measured and what the tokens spell;
measures nothing itself and writes no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from tokenscope_trace.explored import Grown, MainPath
from tokenscope_trace.finishing import to_finish
from tokenscope_trace.footprint import recording_bytes
from tokenscope_trace.forcing import encode_forced
from tokenscope_trace.generation import Generated, generate
from tokenscope_trace.growing import Growth, grow_tree
from tokenscope_trace.inside import Inside
from tokenscope_trace.languages import Language
from tokenscope_trace.models import LoadedModel
from tokenscope_trace.node_tables import Run, tables_of
from tokenscope_trace.prompt import Prompt, check_length
from tokenscope_trace.replay import Replayed, can_continue, read_again
from tokenscope_trace.rows import rows_of
from tokenscope_trace.run_facts import clock, common
from tokenscope_trace.schema import Origin
from tokenscope_trace.search import Finishing
from tokenscope_trace.settings import GenerationSettings, ReplaySettings, TreeSettings
from tokenscope_trace.spelling import Speller
from tokenscope_trace.traces import Trace
from tokenscope_trace.watcher import Watcher


def record(
    loaded: LoadedModel,
    prompt: Prompt,
    settings: GenerationSettings,
    *,
    replay: ReplaySettings | None = None,
    tree: TreeSettings | None = None,
    language: Language | None = None,
    watcher: Watcher | None = None,
    command: Sequence[str] = (),
    load_seconds: float = 0.0,
) -> Trace:
    """Generate and measure; then look inside of the model and grow the tree, where either is asked for.

    `language` is what a file of unknown suffix holds: branches of likely decisions grow to the end of their function.

    Raises PromptError where the prompt does not fit the model or a forced token or text is none of the model's, ModelError where
    its logits are not finite or it lacks a layer that is asked for, and KeyboardInterrupt where it was interrupted before the
    first token; later interruptions end the output where it stands.
    """
    check_length(prompt, loaded.context)
    model, watcher = loaded.model, watcher or Watcher()
    asked = [] if tree is None else encode_forced(loaded, len(prompt.ids), tree.forced)
    room = settings.max_new_tokens if loaded.context is None else loaded.context - len(prompt.ids)
    new = min(settings.max_new_tokens, room)
    inside = Inside(model, replay)
    watcher.on_need(recording_bytes(model, len(prompt.ids), len(prompt.ids) + new, replay))
    tap = inside.probes.tap
    goes_on = can_continue(model) and (tap is None or not tap.handed_out)
    generated = generate(
        model,
        loaded.tokenizer,
        prompt.ids,
        replace(settings, max_new_tokens=new),
        extra_eos=prompt.extra_eos,
        on_token=watcher.on_token,
        should_stop=watcher.should_stop,
        reading_prompt=tap.watching(0) if tap is not None and goes_on else None,
    )
    if generated.finish == "length" and room < settings.max_new_tokens:
        generated = replace(generated, finish="context")
    assert generated.output is not None
    sampled = torch.cat([generated.sampled_logprob[:, None], generated.sampled_top_logprobs], dim=1)
    rows = rows_of(generated.output, sampled)
    speller = Speller(loaded.tokenizer)
    main = MainPath([*prompt.ids, *generated.output_ids], len(prompt.ids), rows)
    done = _Done(loaded, prompt, settings, tree, generated, inside, main, speller, list(command), load_seconds)
    if generated.finish == "interrupted":
        if tap is not None:
            tap.give_up("the recording was interrupted")
        return done.trace()
    if replay is not None:
        cache = generated.cache if goes_on else None
        replayed = read_again(
            model,
            main.ids,
            main.prompt,
            rows.logprob,
            cache,
            inside.probes,
            on_read=watcher.on_read,
            should_stop=watcher.should_stop,
        )
        done = replace(done, replayed=replayed)
    if tree is None:
        return done.trace()
    if watcher.should_stop():
        return done.trace(Growth(finish="interrupted"))

    def finish(grown: Grown) -> Finishing:
        known = replace(done, replayed=Replayed()).trace(Growth(grown))  # nobody asks about attention here, and it is large
        return to_finish(known, language, lambda token: b"" if speller.is_special(token) else speller.inside(token))

    return done.trace(grow_tree(loaded, prompt, main, settings, tree, asked, speller, watcher, done.replayed.cache, finish))


@dataclass(frozen=True)
class _Done:
    """What is there of a recording once its output is."""

    loaded: LoadedModel
    prompt: Prompt
    settings: GenerationSettings
    tree: TreeSettings | None
    generated: Generated
    inside: Inside
    main: MainPath
    speller: Speller
    command: list[str]
    load_seconds: float
    replayed: Replayed = field(default_factory=Replayed)

    def trace(self, growth: Growth | None = None) -> Trace:
        """The trace, with what has grown."""
        growth, generated, replayed = growth or Growth(), self.generated, self.replayed
        run = {
            **common(self.loaded, self.command),
            "prompt": _prompt_facts(self.prompt),
            "sampling": _sampling_facts(self.settings, generated),
            "top_alternatives": self.settings.top_alternatives,
            "main_leaf": len(self.main.ids) - 1,
            "finish": generated.finish,
            "tree": _tree_facts(self.tree, self.settings, generated, growth),
            "replay": replayed.facts(),
            **self.inside.facts(replayed.attention, replayed.lens, len(self.main.ids)),
            "notes": [*_notes(self.prompt, generated), *replayed.notes, *growth.notes],
            "clock": clock(
                load_seconds=self.load_seconds,
                prefill_seconds=generated.prefill_seconds,
                decode_seconds=generated.decode_seconds,
                replay_seconds=replayed.seconds,
                tree_seconds=growth.seconds,
            ),
        }
        prompt_rows = None if generated.prompt is None else rows_of(generated.prompt)
        runs = [
            Run(self.prompt.ids, Origin.PROMPT, prompt_rows),
            Run(generated.output_ids, Origin.MAIN, self.main.rows, root=False, noise=replayed.noise),
        ]
        tables = tables_of(runs, self.speller, grown=growth.grown, attention=replayed.attention, lens=replayed.lens)
        return Trace(run, tables)


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
        "extra": tree.extra,
        "min_prob": tree.min_prob,
        "nodes": tree.nodes,
        "temperature": tree.temperature,
        "seed": settings.seed,
        "finish": "interrupted" if generated.finish == "interrupted" else growth.finish,
    }
