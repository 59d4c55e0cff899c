"""The recorder: a model and a prompt become a Trace, stage by stage; what a stage gave outlives those after it.

In: Backend, Prompt, GenerationSettings. Out: Trace. Brings together what the back end measured and what the tokens spell; measures
nothing itself and writes no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tokenscope_trace.errors import OversizedTrace
from tokenscope_trace.failures import (
    CUT_OFF,
    INTERRUPTED,
    MEMORY,
    TOO_MUCH,
    Missing,
    OnMissing,
    Unfit,
    attempt,
    is_memory,
    released,
)
from tokenscope_trace.languages.language import Language
from tokenscope_trace.models.backend import Backend, MainPath, ModelSession, Output, Replayed, Vocabulary
from tokenscope_trace.models.footprint import recording_bytes
from tokenscope_trace.models.prompts import Prompt, check_prompt
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.backends import backend_of
from tokenscope_trace.recording.extent import check_extent
from tokenscope_trace.recording.facts import clock, common
from tokenscope_trace.recording.prompt_text import surroundings_of
from tokenscope_trace.recording.tables import Run, tables_of
from tokenscope_trace.settings import AskedPlace, GenerationSettings, ReplaySettings, TreeSettings
from tokenscope_trace.traces.schema import Origin
from tokenscope_trace.traces.trace import Trace
from tokenscope_trace.traces.work_budget import MAX_NODES
from tokenscope_trace.tree.forced_paths import encode_forced
from tokenscope_trace.tree.growth import Growth, grow_tree
from tokenscope_trace.tree.surroundings import Surroundings

if TYPE_CHECKING:
    from tokenscope_trace.models.loading import LoadedModel


def record(
    model: Backend | LoadedModel,
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

    `language` is what a file of unknown suffix holds: the output and its branches end with the function that they stand in.

    Raises PromptError where the prompt does not fit the model or a forced token or text is none of the model's, ModelError where
    its logits are not finite or it lacks a layer that is asked for, and KeyboardInterrupt where it was interrupted before the
    first token. Later neither an interruption nor an error costs more than the stage that it meets: `run.missing` and the notes
    say what is not there, `watcher.on_missing` is told at once, and `watcher.on_state` is offered what there is.
    """
    backend, watcher = backend_of(model), watcher or Watcher()
    vocabulary = backend.vocabulary()
    check_prompt(prompt, backend.context, vocabulary.size)
    check_extent(vocabulary.spell(prompt.ids), "the prompt has", more=1)
    asked = [] if tree is None else encode_forced(vocabulary, len(prompt.ids), tree.forced)
    room = settings.max_new_tokens if backend.context is None else backend.context - len(prompt.ids)
    new = min(settings.max_new_tokens, room, MAX_NODES - len(prompt.ids))
    if settings.until == "file":
        prompt = replace(prompt, extra_eos=vocabulary.file_ends())
    around = surroundings_of(vocabulary, prompt, language, settings.until)
    session = backend.begin(replay)
    watcher.on_need(recording_bytes(backend.shape, len(prompt.ids), len(prompt.ids) + new, replay))
    missing: list[Missing] = []

    def lacks(what: Missing, error: BaseException | None) -> None:
        missing.append(what)
        watcher.on_missing(what, error)

    def done_with(output: Output) -> _Done:
        main = MainPath([*prompt.ids, *output.ids], len(prompt.ids), output.rows)
        return _Done(
            backend,
            prompt,
            settings,
            replay,
            tree,
            asked,
            output,
            session,
            main,
            vocabulary,
            around,
            list(command),
            load_seconds,
        )

    try:
        output = session.generate(
            prompt,
            replace(settings, max_new_tokens=new),
            watcher,
            lambda part: watcher.on_state(lambda also: done_with(part()).so_far(also), False),
            lacks,
            around.completed,
        )
        if output.finish == "length" and room < settings.max_new_tokens:
            output = replace(output, finish="context")
        done = done_with(output)
        if output.finish == "interrupted":
            return _cut_short(done, missing, lacks)
        watcher.on_state(partial(done.so_far, missing=missing[:]), True)
        if replay is not None:
            done = replace(done, replayed=_replayed(done, watcher, lacks))
            watcher.on_state(partial(done.so_far, missing=missing[:]), True)
        growth = None if tree is None else _tree(done, tree, watcher, lacks, missing)
    finally:
        session.forget()
    return _assembled(done, growth, missing, lacks)


def _replayed(done: _Done, watcher: Watcher, lacks: OnMissing) -> Replayed:
    """What is found when the output is read again; nothing where the back end does not do that, which is said."""
    try:
        replayed = done.session.replay(done.main, watcher, lacks)
    except Unfit as reason:
        lacks(Missing("replay", str(reason)), reason)
        return Replayed()
    if done.session.spared:
        lacks(Missing("attention", MEMORY, partly=True), None)
    return replayed


def _cut_short(done: _Done, missing: list[Missing], lacks: OnMissing) -> Trace:
    """What there is of a recording whose output ends early: nothing else is tried."""
    reason = next((one.reason for one in missing if one.stage == "generation"), INTERRUPTED)
    if reason == INTERRUPTED:
        lacks(Missing("generation", INTERRUPTED), KeyboardInterrupt())
    done.session.unseen(reason)
    return done.trace(missing=[*missing, *done.ahead(reason)])


def _tree(
    done: _Done,
    tree: TreeSettings,
    watcher: Watcher,
    lacks: OnMissing,
    missing: list[Missing],
) -> Growth:
    """The tree, where nothing speaks against one."""
    reason = INTERRUPTED if watcher.should_stop() else MEMORY if done.replayed.starved else None
    if reason is not None:
        lacks(Missing("tree", reason), KeyboardInterrupt() if reason == INTERRUPTED else None)
        return Growth(finish="interrupted" if reason == INTERRUPTED else "memory")
    growth = attempt("tree", partial(_grow, done, tree, watcher, lacks, missing), lacks)
    return growth or Growth(finish="interrupted")


def _grow(
    done: _Done,
    tree: TreeSettings,
    watcher: Watcher,
    lacks: OnMissing,
    missing: list[Missing],
) -> Growth:
    """The tree; what there is of the recording is offered on the way."""

    def on_part(part: Callable[[], Growth]) -> None:
        watcher.on_state(lambda also: done.so_far(also, part(), missing=missing[:]), False)

    return grow_tree(
        done.backend,
        done.session,
        done.prompt,
        done.main,
        done.settings,
        tree,
        done.asked,
        done.vocabulary.inside,
        watcher,
        done.surroundings,
        output_seconds=done.output.prefill_seconds + done.output.decode_seconds,
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
            oversized = isinstance(error, OversizedTrace)
            if not (oversized or is_memory(error)):
                raise
            released(error)
            if growth is not None and growth.grown is not None:
                stage, growth = "tree", Growth(finish="interrupted" if oversized else "memory")
            elif oversized:
                raise
            elif done.replayed.lens:
                stage, done = "lens", replace(done, replayed=replace(done.replayed, lens=[]))
                done.session.give_up(MEMORY)
            elif done.replayed.attention:
                stage, done = "attention", replace(done, replayed=replace(done.replayed, attention=[]))
                done.session.give_up(MEMORY)
            else:
                raise
            lacks(Missing(stage, TOO_MUCH if oversized else MEMORY), error)


@dataclass(frozen=True)
class _Done:
    """What is there of a recording once its output is."""

    backend: Backend
    prompt: Prompt
    settings: GenerationSettings
    replay: ReplaySettings | None
    tree: TreeSettings | None
    asked: Sequence[Sequence[AskedPlace]]
    output: Output
    session: ModelSession
    main: MainPath
    vocabulary: Vocabulary
    surroundings: Surroundings
    command: list[str]
    load_seconds: float
    replayed: Replayed = field(default_factory=Replayed)

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
        if self.output.finish == "interrupted":
            ahead = [Missing("generation", CUT_OFF), *ahead]
        return self.trace(growth or Growth(finish="interrupted"), [*missing, *ahead, *also])

    def trace(self, growth: Growth | None = None, missing: Sequence[Missing] = ()) -> Trace:
        """The trace, with what has grown."""
        growth, output, replayed = growth or Growth(), self.output, self.replayed
        run = {
            **common(self.backend, self.command),
            "prompt": _prompt_facts(self.prompt),
            "sampling": _sampling_facts(self.settings, output),
            "top_alternatives": self.settings.top_alternatives,
            "main_leaf": len(self.main.ids) - 1,
            "finish": output.finish,
            "program": {"until": self.surroundings.unit.until},
            "tree": _tree_facts(self.tree, self.settings, output, growth),
            "asked": _asked_facts(self.settings, self.asked, len(self.prompt.ids)),
            "replay": replayed.facts(),
            **self.session.facts(
                replayed.attention, replayed.lens, len(self.main.ids), CUT_OFF if replayed.way is None else None
            ),
            "missing": [one.fact for one in missing],
            "notes": [
                *self.backend.notes,
                *output.notes,
                *_notes(self.prompt, output, {one.stage for one in missing}),
                *replayed.notes,
                *growth.notes,
                *(one.sentence for one in missing),
            ],
            "clock": clock(
                load_seconds=self.load_seconds,
                prefill_seconds=output.prefill_seconds,
                decode_seconds=output.decode_seconds,
                replay_seconds=replayed.seconds,
                tree_seconds=growth.seconds,
            ),
        }
        runs = [
            Run(self.prompt.ids, Origin.PROMPT, output.prompt, typed=self.prompt.typed),
            Run(output.ids, Origin.MAIN, self.main.rows, root=False, noise=replayed.noise),
        ]
        tables = tables_of(runs, self.vocabulary, grown=growth.grown, attention=replayed.attention, lens=replayed.lens)
        return Trace(run, tables)


def _prompt_facts(prompt: Prompt) -> dict[str, Any]:
    segments = [{"role": segment.role, "first": segment.first, "end": segment.end} for segment in prompt.segments]
    return {"source": prompt.source, "kind": prompt.kind, "exact": prompt.exact, "segments": segments}


def _sampling_facts(settings: GenerationSettings, output: Output) -> dict[str, Any]:
    return {
        **output.sampling,
        "max_new_tokens": settings.max_new_tokens,
        "stop": list(output.sampling.get("stop", settings.stop)),
        "seed": settings.seed,
        "processors": output.processors,
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


def _notes(prompt: Prompt, output: Output, missing: set[str]) -> list[str]:
    notes = []
    if not prompt.exact:
        notes.append("The tokenizer does not spell the prompt byte for byte; what is shown is what the model read.")
    if output.prompt is None and len(prompt.ids) > 1 and "prompt" not in missing:
        notes.append("The prompt's tokens were not measured, because the recording was cut short.")
    return notes


def _tree_facts(
    tree: TreeSettings | None, settings: GenerationSettings, output: Output, growth: Growth
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
        "nodes": growth.nodes if tree.nodes is None else tree.nodes,
        "temperature": tree.temperature,
        "seed": settings.seed,
        "finish": "interrupted" if output.finish == "interrupted" else growth.finish,
    }
