"""The dry run of a recording: a rehearsal, carried over to what is asked for, becomes an Estimate. Writes nothing.

In: a model and what `record` or `score` would take. Out: numbers; words are estimate_words.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tokenscope_trace.analysis.pipeline import with_decisions
from tokenscope_trace.errors import ModelError
from tokenscope_trace.estimates.extrapolation import Work, estimate, file_of, scoring_seconds, seconds_of
from tokenscope_trace.estimates.file_size import part_sizes
from tokenscope_trace.estimates.memory_needs import stage_bytes
from tokenscope_trace.estimates.rehearsal import arithmetic_of, opinions_of, rehearsed, work_of
from tokenscope_trace.languages.language import Language
from tokenscope_trace.models.backend import Backend
from tokenscope_trace.models.footprint import Shape
from tokenscope_trace.models.passes import windows
from tokenscope_trace.models.prompts import Prompt
from tokenscope_trace.progress import Estimate
from tokenscope_trace.recording.backends import backend_of
from tokenscope_trace.recording.documents import Document
from tokenscope_trace.recording.scorer import WINDOW, score
from tokenscope_trace.settings import CheckSettings, GenerationSettings, PromptText, ReplaySettings, TreeSettings

if TYPE_CHECKING:
    from tokenscope_trace.models.loading import LoadedModel

SCORED = 1024  # tokens of one file that are read at most


def estimate_generation(
    model: Backend | LoadedModel,
    prompt: Prompt,
    settings: GenerationSettings,
    *,
    replay: ReplaySettings | None = None,
    tree: TreeSettings | None = None,
    language: Language | None = None,
    check: CheckSettings | None = None,
    load_seconds: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Estimate:
    """What `record` with these arguments, the analysis and the writing take at most. Raises what `record` raises before its first token,
    and ModelError where nothing is known of what the model takes.
    """
    backend = backend_of(model)
    shape, held = _shape(backend), _Held(backend)
    work = work_of(backend, len(prompt.ids), settings, replay, tree)
    short = rehearsed(backend, prompt, settings, replay=replay, tree=tree, language=language, clock=clock)
    seconds = seconds_of(work, short.steps, arithmetic_of(shape))
    return estimate(
        {"loading": load_seconds, **seconds},
        held.during(stage_bytes(shape, work, replay), seconds),
        file_of(work, part_sizes(short.trace, short.steps.done)),
        programs=0 if check is None else 1 + work.branches,
        timeout=0.0 if check is None else check.timeout,
        notes=short.notes,
    )


def estimate_scoring(
    model: Backend | LoadedModel,
    documents: Sequence[Document],
    *,
    top_alternatives: int = 10,
    replay: ReplaySettings | None = None,
    language: Language | None = None,
    check: CheckSettings | None = None,  # noqa: ARG001 - scored code is not run
    load_seconds: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Estimate:
    """What `score` with these arguments, the analysis and the writing take: a piece of one file is read twice, for what is read first
    takes longer. Raises what `score` raises before its first file, and ModelError as above.
    """
    backend = backend_of(model)
    shape, held, vocabulary = _shape(backend), _Held(backend), backend.vocabulary()
    prompts = [vocabulary.encode(PromptText(document.text, document.source)) for document in documents]
    largest = max(range(len(documents)), key=lambda place: len(prompts[place].ids))
    share = min(1.0, SCORED / len(prompts[largest].ids))
    text = documents[largest].text
    piece = replace(documents[largest], text=text[: max(1, int(len(text) * share))], changed=None)
    taken = []
    for _ in range(2):
        begin = clock()
        trace = score(backend, [piece], top_alternatives=top_alternatives, replay=replay)
        taken.append(clock() - begin)
    begin = clock()
    trace = with_decisions(trace, language)
    analysed = clock()
    trace.to_bytes()
    written = clock() - analysed
    window = min(WINDOW, backend.context or WINDOW)
    passes = [end - first for prompt in prompts for first, end, _ in windows(len(prompt.ids), window)]
    read = len(trace.scored)
    done = [end - first for first, end, _ in windows(read, window)]
    total = sum(len(prompt.ids) for prompt in prompts)
    work = Work(total, 0, opinions=opinions_of(shape, replay))
    seconds = {
        "reading": scoring_seconds(passes, done, taken[0], taken[1], arithmetic_of(shape)),
        "analysis": (analysed - begin) * total / read,
        "writing": 2 * written * total / read,
    }
    one_pass = replace(work, prompt=max(passes))
    needed = stage_bytes(shape, one_pass, replay, cached=False)
    kept = stage_bytes(shape, work, replay, cached=False).get("analysis", 0)
    file = file_of(work, part_sizes(trace, Work(read, 0)))
    return estimate(
        {"loading": load_seconds, **seconds},
        held.during({"reading": needed.get("prompt", 0) + kept, "analysis": kept}, seconds),
        {"reading": file["prompt"] + file["reading again"], "analysis": file["analysis"], "writing": file["writing"]},
    )


def _shape(backend: Backend) -> Shape:
    if backend.shape is None:
        raise ModelError("nothing is known of what a recording with this model takes; record without --dry-run.")
    return backend.shape


class _Held:
    """The memory that is taken once the model is there, and what a rehearsal adds to it for good: libraries, their buffers."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._before = backend.held_bytes()

    def during(self, needed: dict[str, int], stages: dict[str, float]) -> dict[str, float]:
        """Bytes in all while each stage runs that needs so many; to be asked after the rehearsal. Nothing where the system does not say."""
        after = self._backend.held_bytes()
        if self._before is None or after is None:
            return {}
        base = max(self._before, after)
        return {"loading": self._before, **{name: base + needed.get(name, 0) for name in stages}}
