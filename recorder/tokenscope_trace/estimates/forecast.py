"""The forecast of a long recording: what its rest will take, from its own first steps, which cost nothing extra. Said once, and
only where it is long.

What was not run yet is counted in multiplications, at the speed at which the prompt was read; its file's size comes from the first
tokens. Neither the analysis of the code nor the user's check is in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tokenscope_trace.estimates.extrapolation import (
    Arithmetic,
    ContextCost,
    PartSizes,
    Steps,
    TreeSteps,
    Work,
    estimate,
    file_of,
    seconds_of,
)
from tokenscope_trace.estimates.file_size import part_sizes
from tokenscope_trace.estimates.memory_needs import stage_bytes
from tokenscope_trace.estimates.rehearsal import arithmetic_of, work_of
from tokenscope_trace.failures import Missing
from tokenscope_trace.models.backend import Backend
from tokenscope_trace.models.footprint import Shape
from tokenscope_trace.models.passes import HEAD_ROWS, REPLAY_CHUNK
from tokenscope_trace.progress import Estimate, Stage, Watcher
from tokenscope_trace.recording.backends import backend_of
from tokenscope_trace.settings import GenerationSettings, ReplaySettings, TreeSettings

if TYPE_CHECKING:
    from tokenscope_trace.models.loading import LoadedModel

LONG = 30.0  # seconds: a shorter rest is not worth a word
_TOKENS = 8  # whose times are a measure
_FEW_TOKENS, _WAITED = 3, 5.0  # of a slow model fewer are, once so many seconds are over
_TRIED = 20  # steps that the choice of the tree's engine takes, about
_SOURCE_BYTES = 2.0  # of one kept source of attention in the file: five, compressed
_OPINION_BYTES = 14.0  # of what one layer says of one token: sixteen, compressed


def forecast_generation(
    watcher: Watcher,
    model: Backend | LoadedModel,
    prompt: int,
    settings: GenerationSettings,
    replay: ReplaySettings | None,
    tree: TreeSettings | None,
    clock: Callable[[], float] = time.perf_counter,
) -> Watcher:
    """The watcher of a recording of a prompt of so many tokens, whose `on_estimate` is told what the rest takes if it is long.

    It is told nothing where nothing is known of what the model takes.
    """
    backend = backend_of(model)
    if backend.shape is None:
        return watcher
    shape = backend.shape
    work = work_of(backend, prompt, settings, replay, tree)
    begun = clock()
    tokens: list[float] = []
    said = False

    def on_token(count: int) -> None:
        tokens.append(clock())
        watcher.on_token(count)

    def on_state(state: Callable[[Sequence[Missing]], Any], finished: bool) -> None:
        nonlocal said
        if not said and not finished and _measured(tokens):
            said = True
            step = (tokens[-1] - tokens[0]) / (len(tokens) - 1)
            found = _rest(shape, work, replay, tokens[0] - begun, step, len(tokens), state)
            if found is not None:
                watcher.on_estimate(found)
        watcher.on_state(state, finished)

    return replace(watcher, on_token=on_token, on_state=on_state)


def forecast_scoring(watcher: Watcher, clock: Callable[[], float] = time.perf_counter) -> Watcher:
    """The same for a recording that reads files: each of its tokens is taken to cost what those before it did.

    Whether to stop is asked at the end of each pass; between those nobody knows how far one has come.
    """
    begun = clock()
    read = (0, 0)
    said = False

    def on_read(done: int, total: int) -> None:
        nonlocal read
        read = (done, total)
        watcher.on_read(done, total)

    def should_stop() -> bool:
        nonlocal said
        seconds = clock() - begun
        done, total = min(read[0] + HEAD_ROWS // 2, read[1]), read[1]  # what is told is where the last block begins
        if not said and seconds >= _WAITED and done:
            said = True
            rest = seconds / done * (total - done)
            if rest >= LONG:
                watcher.on_estimate(Estimate([Stage("reading", rest)]))
        return watcher.should_stop()

    return replace(watcher, on_read=on_read, should_stop=should_stop)


def steps_of(work: Work, written: int, prompt: float, step: float, arithmetic: Arithmetic) -> Steps:
    """What is known once a prompt was read in so many seconds and some tokens were written; what was not run, by multiplications."""
    pace = prompt / max(
        1.0, arithmetic.reading(0, work.prompt)
    )  # seconds of one multiplication where many tokens are read at once
    head = arithmetic.head * pace
    row = prompt / max(1, work.prompt) + (1 + work.opinions) * head
    more = (arithmetic.body + arithmetic.head) * pace
    wide = step + (work.wave - 1) * more
    return Steps(
        done=replace(work, output=written, nodes=0, asked=0),
        prompt=prompt,
        head=(work.prompt - 1) * head,
        step=step,
        again=step + written * row,
        tree=TreeSteps(_TRIED * step, step, wide, work.wave, 0),
        growth=ContextCost(
            arithmetic.attention * pace, REPLAY_CHUNK * arithmetic.attention * pace, work.wave * arithmetic.attention * pace
        ),
    )


def _measured(tokens: list[float]) -> bool:
    return len(tokens) >= _TOKENS or (len(tokens) >= _FEW_TOKENS and tokens[-1] - tokens[0] >= _WAITED)


def _rest(
    shape: Shape,
    work: Work,
    replay: ReplaySettings | None,
    read: float,
    step: float,
    written: int,
    state: Callable[[Sequence[Missing]], Any],
) -> Estimate | None:
    """What is still to come, None where that is not long."""
    steps = steps_of(work, written, read, step, arithmetic_of(shape))
    seconds = {name: value for name, value in seconds_of(work, steps, arithmetic_of(shape)).items() if value}
    seconds |= {"prompt": steps.head, "output": seconds["output"] * (1 - written / work.output)}
    if sum(seconds.values()) < LONG:
        return None
    needed = {name: count for name, count in stage_bytes(shape, work, replay).items() if name in seconds}
    sizes = _whole(part_sizes(state(()), steps.done), shape, work, replay, written)
    return estimate(seconds, needed, file_of(work, sizes))


def _whole(sizes: PartSizes, shape: Shape, work: Work, replay: ReplaySettings | None, written: int) -> PartSizes:
    """The sizes where every token takes what those take that were written, and attention and lens what they usually do."""
    token = sizes.output / max(1, written)
    inside = 0.0
    if replay is not None:
        layers = shape.layers if replay.attention_layers is None else len(replay.attention_layers)
        inside = work.prompt + written
        inside *= shape.heads * layers * (replay.attention_top * _SOURCE_BYTES + 2 * bool(replay.attention_top))
        inside += written * (work.opinions + 1) * _OPINION_BYTES * replay.lens
    done = replace(sizes.done, nodes=1, asked=0)
    return replace(sizes, done=done, prompt=token * work.prompt, branches=token, inside=inside)
