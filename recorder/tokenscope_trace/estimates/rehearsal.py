"""A rehearsal: the recording that is asked for, made short, with the same model, prompt and ways, to see what its steps take.

The whole prompt is read (of a long one its end), a few tokens are written and read again, a few steps of the tree are made, as wide as
the recording's. What comes out are measured steps and a small trace; nothing is written anywhere. In: what `record` or `score` takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import Any

from tokenscope_trace.analysis.pipeline import with_decisions
from tokenscope_trace.estimates.extrapolation import Arithmetic, ContextCost, Steps, TreeSteps, Work
from tokenscope_trace.failures import Missing
from tokenscope_trace.languages.language import Language
from tokenscope_trace.models.backend import Backend
from tokenscope_trace.models.footprint import Shape
from tokenscope_trace.models.passes import REPLAY_CHUNK
from tokenscope_trace.models.prompts import Prompt, Segment
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, ReplaySettings, TreeSettings
from tokenscope_trace.traces.trace import Trace
from tokenscope_trace.tree.budget import default_nodes
from tokenscope_trace.tree.search import wave_of

READ = 2048  # tokens of the prompt at most: what a pass over more of them takes is known from these
WRITTEN = 16  # tokens of the output
GROWN = 4  # tokens of a branch


@dataclass
class Times:
    """When what happened in a recording, as a Watcher that is handed to it sees it; seconds of `clock`."""

    clock: Callable[[], float] = time.perf_counter
    begun: float = 0.0
    ended: float = 0.0
    tokens: list[float] = field(default_factory=list)
    states: list[tuple[float, float]] = field(default_factory=list)  # when what there was was put together, from and to
    planned: float | None = None
    steps: list[tuple[float, int]] = field(default_factory=list)  # when a step of the tree ended, and the nodes by then

    def watcher(self) -> Watcher:
        """What notes the times."""
        return Watcher(
            on_token=lambda _count: self.tokens.append(self.clock()),
            on_plan=lambda _nodes, _seconds, _engine: self._plan(),
            on_nodes=lambda count: self.steps.append((self.clock(), count)),
            on_state=self._state,
            on_missing=lambda _missing, _error: None,
        )

    def _plan(self) -> None:
        self.planned = self.clock()

    def _state(self, state: Callable[[Sequence[Missing]], Any], finished: bool) -> None:
        if finished:
            begin = self.clock()
            state(()).to_bytes()
            self.states.append((begin, self.clock()))

    @property
    def prompt(self) -> float:
        """Seconds from the beginning to the first token."""
        return self.tokens[0] - self.begun

    @property
    def head(self) -> float:
        """Seconds of measuring the prompt's tokens, which is done after the last token of the output."""
        return (self.states[0][0] if self.states else self.ended) - self.tokens[-1]

    @property
    def output(self) -> float:
        """Seconds of all tokens but the first."""
        return self.tokens[-1] - self.tokens[0]

    @property
    def step(self) -> float:
        """Seconds of a usual token."""
        return median([later - earlier for earlier, later in pairwise(self.tokens)] or [self.prompt])

    @property
    def again(self) -> float | None:
        """Seconds of reading again, None where nothing was."""
        return self.states[1][0] - self.states[0][1] if len(self.states) > 1 else None

    @property
    def branches(self) -> float | None:
        """Seconds of the tree, None where there was none."""
        return None if self.planned is None else self.ready + (self.steps[-1][0] - self.planned if self.steps else 0.0)

    @property
    def ready(self) -> float:
        """Seconds before the tree's first step."""
        assert self.planned is not None
        return self.planned - self.states[-1][1]

    @property
    def keeping(self) -> float:
        """Seconds of putting the whole together once."""
        return self.ended - max(
            [
                self.tokens[-1],
                *(end for _, end in self.states),
                self.planned or 0.0,
                *(moment for moment, _ in self.steps[-1:]),
            ]
        )


@dataclass(frozen=True)
class Rehearsal:
    """What a short recording was and took: its steps, its trace with the analysis, and seconds in all."""

    steps: Steps
    trace: Trace
    seconds: float
    notes: tuple[str, ...] = ()  # sentences on what it could not do, or not as ever


def work_of(
    backend: Backend, prompt: int, settings: GenerationSettings, replay: ReplaySettings | None, tree: TreeSettings | None
) -> Work:
    """What is asked for, of a prompt of so many tokens."""
    room = settings.max_new_tokens if backend.context is None else backend.context - prompt
    work = Work(prompt, max(0, min(settings.max_new_tokens, room)), replay is not None, opinions_of(backend.shape, replay))
    if tree is None:
        return work
    asked = sum(tree.length for _ in tree.forced)
    nodes = default_nodes(work.output) if tree.nodes is None else tree.nodes
    wave = wave_of(nodes, tree.length, backend.width)
    return replace(work, nodes=nodes, length=tree.length, wave=wave, asked=asked)


def rehearsed(
    backend: Backend,
    prompt: Prompt,
    settings: GenerationSettings,
    *,
    replay: ReplaySettings | None,
    tree: TreeSettings | None,
    language: Language | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Rehearsal:
    """The measured steps of this recording. Raises what `record` raises before its first token."""
    short = replace(prompt if len(prompt.ids) <= READ else _end_of(prompt, READ), extra_eos=())
    few = replace(settings, max_new_tokens=min(settings.max_new_tokens, WRITTEN), stop=(), until="text")
    small = None if tree is None or not tree.grows else _small(backend, tree, settings.max_new_tokens)
    times = Times(clock)
    times.begun = times.clock()
    with backend.endless():
        trace = record(backend, short, few, replay=replay, tree=small, language=language, watcher=times.watcher())
    times.ended = times.clock()
    begin = times.clock()
    trace = with_decisions(trace, language)
    analysis = times.clock() - begin
    trace.to_bytes()
    end = times.clock()
    asked = work_of(backend, len(short.ids), few, replay, small)
    done = replace(
        asked, output=len(trace.output), nodes=len(trace.nodes) - len(trace.main), asked=0, length=max(1, _length(trace))
    )
    replayed = trace.facts.replay
    again = times.again if replayed is not None else None
    tree_steps = _tree_steps(times, trace, times.step)
    whole_work = work_of(backend, len(prompt.ids), settings, replay, tree)
    steps = Steps(
        done=done,
        prompt=times.prompt,
        head=times.head,
        step=times.step,
        again=again,
        whole=again is not None and replayed is not None and replayed.way == "whole",
        tree=tree_steps,
        analysis=analysis,
        keeping=times.keeping + end - begin - analysis,
        growth=_growth(backend, prompt, whole_work, done, tree_steps.width if tree_steps else 1, clock),
    )
    return Rehearsal(steps, trace, times.clock() - times.begun, trace.facts.notes)


def arithmetic_of(shape: Shape) -> Arithmetic:
    """The multiplications of one token."""
    head = float(shape.hidden * shape.vocabulary)
    tables = head if shape.tied else 2 * head
    body = max(shape.weights - tables, shape.weights / 10)
    return Arithmetic(body, head, 2.0 * shape.layers * shape.heads * shape.width)


def _growth(backend: Backend, prompt: Prompt, work: Work, done: Work, wave: int, clock: Callable[[], float]) -> ContextCost:
    """What the length of what stands before a step costs, where the recording's goes far beyond the rehearsal's."""

    def of(width: int, long: int) -> float:
        return (
            backend.seconds_per_token_before(prompt.ids, width, done.tokens, long, clock) if long > 2 * done.tokens else 0.0
        )

    return ContextCost(
        output=of(1, work.tokens),
        again=of(min(REPLAY_CHUNK, work.output), work.tokens) if work.rereads else 0.0,
        branches=of(wave, work.tokens + (work.nodes + work.asked) // 2) if work.nodes + work.asked else 0.0,
    )


def _small(backend: Backend, tree: TreeSettings, output: int) -> TreeSettings:
    """The tree with as many branches beside each other, and few steps: two rows of branches, then what is left of one."""
    length, most = min(tree.length, GROWN), default_nodes(output) if tree.nodes is None else tree.nodes
    nodes = 2 * wave_of(most, tree.length, backend.width) * length + length - 1
    return replace(tree, nodes=min(nodes, most), length=length, extra=0, min_prob=0.0, forced=())


def _tree_steps(times: Times, trace: Trace, step: float) -> TreeSteps | None:
    """The narrow steps and the wide ones; where all are of one kind, one of a single branch takes what a token of the output takes."""
    if times.planned is None:
        return None
    found: dict[int, list[float]] = {}
    for (before, had), (after, has) in pairwise([(times.planned, 0), *times.steps]):
        found.setdefault(max(1, has - had), []).append(after - before)
    widest = max(found, default=1)
    wide = [seconds for count, all_ in found.items() if 2 * count >= widest for seconds in all_]
    width = round(median([count for count, all_ in found.items() if 2 * count >= widest for _ in all_] or [1]))
    narrow = [seconds for count, all_ in found.items() if count <= 2 < widest for seconds in all_]
    usual = median(wide or [step])
    return TreeSteps(
        ready=times.ready,
        narrow=min(median(narrow), usual) if narrow else min(step, usual),
        wide=usual,
        width=width,
        nodes=len(trace.nodes) - len(trace.main),
    )


def _length(trace: Trace) -> int:
    return round(float(trace.branches.count.mean())) if len(trace.branches) else 1


def opinions_of(shape: Shape | None, replay: ReplaySettings | None) -> int:
    """The layers whose lens needs the head beside the pass's own logits."""
    if shape is None or replay is None or not replay.lens:
        return 0
    return sum(layer != shape.layers - 1 for layer in replay.lens_of(shape.layers))


def _end_of(prompt: Prompt, count: int) -> Prompt:
    """The last tokens of a prompt as a prompt of their own."""
    return replace(prompt, ids=prompt.ids[-count:], kind="text", segments=(Segment("text", 0, count),))
