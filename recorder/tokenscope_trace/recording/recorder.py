"""The recorder: a loaded model and a prompt become a Trace, stage by stage; what a stage gave outlives those after it.

In: LoadedModel, Prompt, GenerationSettings. Out: Trace. Brings together what generation measured and what the tokens spell;
measures nothing itself and writes no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from tokenscope_trace.failures import CUT_OFF, INTERRUPTED, MEMORY, Missing, OnMissing, attempt, is_memory, released
from tokenscope_trace.inference.footprint import recording_bytes
from tokenscope_trace.inference.generation import Generated, generate
from tokenscope_trace.inference.internals import Inside
from tokenscope_trace.inference.metrics import rows_of
from tokenscope_trace.inference.replay import Replayed, can_continue, read_again
from tokenscope_trace.languages.language import Language
from tokenscope_trace.models.loading import LoadedModel
from tokenscope_trace.models.prompts import Prompt, check_length
from tokenscope_trace.models.token_bytes import Speller
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.facts import clock, common
from tokenscope_trace.recording.tables import Run, tables_of
from tokenscope_trace.settings import AskedPlace, GenerationSettings, ReplaySettings, TreeSettings
from tokenscope_trace.traces.schema import Origin
from tokenscope_trace.traces.trace import Trace
from tokenscope_trace.tree.finishing import to_finish
from tokenscope_trace.tree.forced_paths import encode_forced
from tokenscope_trace.tree.growth import Growth, grow_tree
from tokenscope_trace.tree.nodes import Grown, MainPath
from tokenscope_trace.tree.search import Finishing


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
    first token. Later neither an interruption nor an error costs more than the stage that it meets: `run.missing` and the notes
    say what is not there, `watcher.on_missing` is told at once, and `watcher.on_state` is offered what there is.
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
    speller = Speller(loaded.tokenizer)
    missing: list[Missing] = []

    def lacks(what: Missing, error: BaseException | None) -> None:
        missing.append(what)
        watcher.on_missing(what, error)

    def done_with(generated: Generated) -> _Done:
        main = _main_path(prompt, generated)
        return _Done(
            loaded, prompt, settings, replay, tree, asked, generated, inside, main, speller, list(command), load_seconds
        )

    generated = generate(
        model,
        loaded.tokenizer,
        prompt.ids,
        replace(settings, max_new_tokens=new),
        extra_eos=prompt.extra_eos,
        on_token=watcher.on_token,
        should_stop=watcher.should_stop,
        reading_prompt=tap.watching(0) if tap is not None and goes_on else None,
        on_part=lambda part: watcher.on_state(lambda also: done_with(part()).so_far(also), False),
        on_missing=lacks,
    )
    if generated.finish == "length" and room < settings.max_new_tokens:
        generated = replace(generated, finish="context")
    done = done_with(generated)
    if generated.finish == "interrupted":
        return _cut_short(done, missing, lacks)
    watcher.on_state(partial(done.bare.so_far, missing=missing[:]), True)
    if replay is not None:
        replayed = read_again(
            model,
            done.main.ids,
            done.main.prompt,
            done.main.rows.logprob,
            generated.cache if goes_on else None,
            inside,
            on_read=watcher.on_read,
            should_stop=watcher.should_stop,
            on_missing=lacks,
        )
        done = replace(done, replayed=replayed)
        if inside.spared:
            lacks(Missing("attention", MEMORY, partly=True), None)
        watcher.on_state(partial(done.bare.so_far, missing=missing[:]), True)
    growth: Growth | None = None
    if tree is not None and (reason := _no_tree(done.replayed, watcher)):
        lacks(Missing("tree", reason), KeyboardInterrupt() if reason == INTERRUPTED else None)
        growth = Growth(finish="interrupted" if reason == INTERRUPTED else "memory")
    elif tree is not None:
        growth = attempt("tree", partial(_grow, done, tree, asked, language, watcher, lacks, missing), lacks)
        growth = growth or Growth(finish="interrupted")
    done = done.bare
    return _assembled(done, growth, missing, lacks)


def _main_path(prompt: Prompt, generated: Generated) -> MainPath:
    assert generated.output is not None
    sampled = torch.cat([generated.sampled_logprob[:, None], generated.sampled_top_logprobs], dim=1)
    return MainPath([*prompt.ids, *generated.output_ids], len(prompt.ids), rows_of(generated.output, sampled))


def _cut_short(done: _Done, missing: list[Missing], lacks: OnMissing) -> Trace:
    """What there is of a recording whose output ends early: nothing else is tried."""
    reason = next((one.reason for one in missing if one.stage == "generation"), INTERRUPTED)
    if reason == INTERRUPTED:
        lacks(Missing("generation", INTERRUPTED), KeyboardInterrupt())
    if done.inside.probes.tap is not None:
        done.inside.probes.tap.give_up(reason)
    return done.trace(missing=[*missing, *done.ahead(reason)])


def _no_tree(replayed: Replayed, watcher: Watcher) -> str | None:
    """Why no tree is begun."""
    if watcher.should_stop():
        return INTERRUPTED
    return MEMORY if replayed.starved else None


def _grow(
    done: _Done,
    tree: TreeSettings,
    asked: Sequence[Sequence[AskedPlace]],
    language: Language | None,
    watcher: Watcher,
    lacks: OnMissing,
    missing: list[Missing],
) -> Growth:
    """The tree; what there is of the recording is offered on the way."""
    speller = done.speller

    def finish(grown: Grown) -> Finishing:
        known = replace(done, replayed=Replayed()).trace(Growth(grown))  # nobody asks about attention here, and it is large
        return to_finish(known, language, lambda token: b"" if speller.is_special(token) else speller.inside(token))

    def on_part(part: Callable[[], Growth]) -> None:
        watcher.on_state(lambda also: done.so_far(also, part(), missing=missing[:]), False)

    return grow_tree(
        done.loaded,
        done.prompt,
        done.main,
        done.settings,
        tree,
        asked,
        speller,
        watcher,
        done.replayed.cache,
        finish,
        on_part=on_part,
        on_missing=lacks,
    )


def _assembled(done: _Done, growth: Growth | None, missing: list[Missing], lacks: OnMissing) -> Trace:
    """The trace of all that there is, or of less where the memory does not hold all of it twice: without the tree, the lens,
    attention, in this order. An interruption does not stop it the first time: it takes a moment, and is what all the rest was for.
    """
    interrupted = False
    while True:
        try:
            return done.trace(growth, missing)
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
        except Exception as error:
            if not is_memory(error):
                raise
            released(error)
            if growth is not None and growth.grown is not None:
                stage, growth = "tree", Growth(finish="memory")
            elif done.replayed.lens:
                stage, done = "lens", replace(done, replayed=replace(done.replayed, lens=[]))
                done.inside.give_up(MEMORY)
            elif done.replayed.attention:
                stage, done = "attention", replace(done, replayed=replace(done.replayed, attention=[]))
                done.inside.give_up(MEMORY)
            else:
                raise
            lacks(Missing(stage, MEMORY), error)


@dataclass(frozen=True)
class _Done:
    """What is there of a recording once its output is."""

    loaded: LoadedModel
    prompt: Prompt
    settings: GenerationSettings
    replay: ReplaySettings | None
    tree: TreeSettings | None
    asked: Sequence[Sequence[AskedPlace]]
    generated: Generated
    inside: Inside
    main: MainPath
    speller: Speller
    command: list[str]
    load_seconds: float
    replayed: Replayed = field(default_factory=Replayed)

    @property
    def bare(self) -> _Done:
        """The same without the caches of the model, which are large and which no trace holds."""
        generated, replayed = replace(self.generated, cache=None), replace(self.replayed, cache=None)
        return replace(self, generated=generated, replayed=replayed)

    def ahead(self, reason: str) -> list[Missing]:
        """The stages that were asked for and that nothing is there of."""
        replayed = self.replay is not None and self.replayed.way is None
        return [Missing("replay", reason)] * replayed + [Missing("tree", reason)] * (self.tree is not None)

    def so_far(self, also: Sequence[Missing], growth: Growth | None = None, missing: Sequence[Missing] = ()) -> Trace:
        """What somebody finds who comes after the recording was killed here; `missing` are the stages that failed before, `also`
        those that the caller adds.
        """
        known = {one.stage for one in missing}
        ahead = [one for one in self.ahead(CUT_OFF) if one.stage not in known]
        if growth is not None and growth.grown is not None:
            ahead = [replace(one, partly=True) if one.stage == "tree" else one for one in ahead]
        if self.generated.finish == "interrupted":
            ahead = [Missing("generation", CUT_OFF), *ahead]
        return self.trace(growth or Growth(finish="interrupted"), [*missing, *ahead, *also])

    def trace(self, growth: Growth | None = None, missing: Sequence[Missing] = ()) -> Trace:
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
            "asked": _asked_facts(self.settings, self.asked, len(self.prompt.ids)),
            "replay": replayed.facts(),
            **self.inside.facts(
                replayed.attention, replayed.lens, len(self.main.ids), CUT_OFF if replayed.way is None else None
            ),
            "missing": [one.fact for one in missing],
            "notes": [
                *self.loaded.notes,
                *_notes(self.prompt, generated, {one.stage for one in missing}),
                *replayed.notes,
                *growth.notes,
                *(one.sentence for one in missing),
            ],
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


def _asked_facts(settings: GenerationSettings, forced: Sequence[Sequence[AskedPlace]], prompt: int) -> dict[str, Any]:
    """What was asked for, where the other facts say what came of it."""
    return {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "min_p": settings.min_p,
        "forced": [
            [{"position": place.position - prompt + 1, "tokens": list(place.tokens)} for place in path] for path in forced
        ],
    }


def _notes(prompt: Prompt, generated: Generated, missing: set[str]) -> list[str]:
    notes = []
    if not prompt.exact:
        notes.append("The tokenizer does not spell the prompt byte for byte; what is shown is what the model read.")
    if generated.prompt is None and len(prompt.ids) > 1 and "prompt" not in missing:
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
