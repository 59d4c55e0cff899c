"""Repetition: a recording as a job that records it again, from what the trace holds: its very token ids, its settings, its files. A
Trace in, a Job out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tokenscope_trace.errors import ModelError, TraceError
from tokenscope_trace.models.backend import Backend, Vocabulary
from tokenscope_trace.models.prompts import Prompt, Segment
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.documents import Compared, Document
from tokenscope_trace.session.jobs import Job
from tokenscope_trace.session.recorded_settings import RecordedRequest
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.facts import ScoreFacts
from tokenscope_trace.traces.trace import Trace

_LEAST_WINDOW = 2


def repetition_job(trace: Trace, asked: RecordedRequest, name: Path) -> Job:
    """The job that records a trace's run again; `name` is its file.

    Its preparation raises ModelError where the model's tokenizer spells the recorded ids otherwise: then it is another model.
    """
    stem = f"{name.stem}-again"
    if trace.files:
        return Job(
            stem,
            lambda backend: _code(trace, backend.vocabulary()),
            _Scoring(trace, asked),
            {"reading": len(trace.files)},
            generates=False,
        )
    extent = {"writing": asked.generation.max_new_tokens}
    return Job(stem, lambda backend: _prompt(trace, backend.vocabulary()), _Generation(asked), extent, generates=True)


class _Generation:
    """Goes on from the recorded prompt."""

    def __init__(self, asked: RecordedRequest) -> None:
        self._asked = asked

    def __call__(self, backend: Backend, prompt: Prompt, watcher: Watcher, **more: Any) -> Trace:
        from tokenscope_trace.recording.recorder import record

        asked = self._asked
        return record(backend, prompt, asked.generation, tree=asked.tree, language=asked.language, watcher=watcher, **more)


class _Scoring:
    """Reads the recorded files."""

    def __init__(self, trace: Trace, asked: RecordedRequest) -> None:
        self._trace, self._asked = trace, asked

    def __call__(self, backend: Backend, prompts: Sequence[Prompt], watcher: Watcher, **more: Any) -> Trace:
        from tokenscope_trace.recording.scorer import WINDOW, score

        facts = self._trace.facts.score or ScoreFacts()
        compared = None if facts.commit is None else Compared(facts.revision or "", facts.commit)
        documents = [Document(file.source, "", file.changed) for file in self._trace.files]
        return score(
            backend,
            documents,
            prompts=prompts,
            window=max(_LEAST_WINDOW, min(facts.window or WINDOW, WINDOW)),
            top_alternatives=self._asked.generation.top_alternatives,
            compared=compared,
            watcher=watcher,
            **more,
        )


def _prompt(trace: Trace, vocabulary: Vocabulary) -> Prompt:
    facts = trace.facts.prompt
    segments = tuple(Segment(one.role, one.first, one.end) for one in facts.segments)
    ids = _ids(trace, trace.prompt, vocabulary)
    if not ids:
        raise TraceError("the recording has no prompt.")
    kind = facts.kind or "text"
    ends = vocabulary.file_ends() if kind == "fim" else vocabulary.turn_ends() if kind == "chat" else ()
    typed = tuple(place for place, node in enumerate(trace.prompt.tolist()) if trace.is_typed(node))
    return Prompt(ids, kind, facts.source or "-", segments, facts.exact is not False, ends, typed)


def _code(trace: Trace, vocabulary: Vocabulary) -> list[Prompt]:
    exact = [file.exact is not False for file in trace.facts.files or ()]
    return [
        Prompt(_ids(trace, file.nodes, vocabulary), "text", file.source, (), spelled)
        for file, spelled in zip(trace.files, exact, strict=True)
    ]


def _ids(trace: Trace, nodes: Array, vocabulary: Vocabulary) -> list[int]:
    """The recorded ids, which the model's tokenizer spells as the recording does."""
    ids: list[int] = np.asarray(trace.nodes.token_id)[nodes].tolist()
    if ids and max(ids) >= vocabulary.size:
        raise ModelError(
            f"the recording's text holds token {max(ids)}, and this model's tokens go from 0 to {vocabulary.size - 1}: it is another model."
        )
    spelled = vocabulary.spell(ids) if ids else []
    for place, (node, word) in enumerate(zip(nodes.tolist(), spelled, strict=True)):
        if word != trace.token_bytes(node):
            raise ModelError(
                f"this model's tokenizer spells token {place + 1} of the recording's text otherwise (id {ids[place]}): it is another model."
            )
    return ids
