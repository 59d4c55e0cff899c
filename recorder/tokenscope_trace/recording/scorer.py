"""The scorer: code that the model did not write becomes a trace, token by token as if the model had to write it.

Each file is read in one pass; one that is longer than the model's context in windows that overlap by half, so that every token
but the first ones has half a window of context at least. Generates nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tokenscope_trace.errors import ModelError
from tokenscope_trace.failures import (
    CUT_OFF,
    INTERRUPTED,
    MEMORY,
    NOT_FINITE,
    Missing,
    OnMissing,
    is_memory,
    reason_of,
    released,
)
from tokenscope_trace.models.backend import Backend, ModelSession, Vocabulary
from tokenscope_trace.models.footprint import recording_bytes
from tokenscope_trace.models.prompts import Prompt, check_ids
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.backends import backend_of
from tokenscope_trace.recording.documents import Compared, Document
from tokenscope_trace.recording.extent import check_extent
from tokenscope_trace.recording.facts import clock, common
from tokenscope_trace.recording.tables import Run, tables_of
from tokenscope_trace.settings import PromptText, ReplaySettings
from tokenscope_trace.text import shortened
from tokenscope_trace.traces.fact_kinds import MAX_NAME
from tokenscope_trace.traces.layers import LayerAttention, LayerLens
from tokenscope_trace.traces.rows import Rows
from tokenscope_trace.traces.schema import Origin
from tokenscope_trace.traces.trace import Trace

if TYPE_CHECKING:
    from tokenscope_trace.models.loading import LoadedModel

WINDOW = 4096  # tokens at most in one pass, whatever the model could take: what a pass needs grows with it


def score(
    model: Backend | LoadedModel,
    documents: Sequence[Document],
    *,
    top_alternatives: int = 10,
    replay: ReplaySettings | None = None,
    compared: Compared | None = None,
    prompts: Sequence[Prompt] | None = None,
    window: int = WINDOW,
    notes: Sequence[str] = (),
    watcher: Watcher | None = None,
    command: Sequence[str] = (),
    load_seconds: float = 0.0,
) -> Trace:
    """A trace of the documents, one chain of nodes each, in their order; there is at least one.

    `prompts` are their token ids where these are known, in place of their texts; `window` is the most tokens that are read at once.

    Raises PromptError where the tokenizer makes no token of a text, ModelError where it makes one that the model has not, the logits are not finite or a layer is asked
    for that the model has not, and KeyboardInterrupt where it was interrupted within the first file. Later neither an interruption
    nor an error costs more than the files that were not read yet; where the memory does not suffice the lens goes first, then
    attention. `run.missing` and the notes say what is not there, and `watcher.on_missing` is told at once.
    """
    watcher = watcher or Watcher()
    backend = backend_of(model)
    session = backend.begin(replay)
    vocabulary = backend.vocabulary()
    prompts = _encoded(vocabulary, documents) if prompts is None else prompts
    check_ids([token for prompt in prompts for token in prompt.ids], vocabulary.size)
    check_extent([word for prompt in prompts for word in vocabulary.spell(prompt.ids)], "the files have")
    window = min(window, backend.context or window)
    total = sum(len(prompt.ids) for prompt in prompts)
    longest = min(window, max(len(prompt.ids) for prompt in prompts))
    watcher.on_need(recording_bytes(backend.shape, longest, total, replay, cached=False))
    begin = time.perf_counter()
    runs: list[Run] = []
    missing: list[Missing] = []

    def lacks(what: Missing, error: BaseException | None) -> None:
        missing.append(what)
        watcher.on_missing(what, error)

    def trace_of(
        runs: Sequence[Run],
        missing: Sequence[Missing],
        attention: Sequence[LayerAttention] = (),
        lens: Sequence[LayerLens] = (),
    ) -> Trace:
        count = sum(len(one.ids) for one in runs)
        why = next((one.reason for one in missing if one.stage == "generation"), "")
        facts = {
            **common(backend, command),
            "prompt": {
                "source": documents[0].source if len(documents) == 1 else f"{len(runs)} files",
                "kind": "score",
                "exact": all(prompt.exact for prompt in prompts),
                "segments": [],
            },
            "sampling": {"do_sample": False},
            "top_alternatives": top_alternatives,
            "main_leaf": len(runs[0].ids) - 1,
            "finish": "scored" if len(runs) == len(prompts) else "interrupted",
            "tree": None,
            "replay": None,
            **session.facts(attention, lens, count, None if attention else why or None),
            "files": _file_facts(documents, prompts, runs),
            "score": {
                "window": window,
                "revision": shortened(compared.revision, MAX_NAME) if compared else None,
                "commit": compared.commit if compared else None,
            },
            "missing": [one.fact for one in missing],
            "notes": [
                *notes,
                *_notes(documents, prompts, runs, window, why),
                *(one.sentence for one in missing if one.stage != "generation"),
            ],
            "clock": clock(
                load_seconds=load_seconds,
                prefill_seconds=None,
                decode_seconds=None,
                replay_seconds=time.perf_counter() - begin,
            ),
        }
        return Trace(facts, tables_of(runs, vocabulary, attention=attention, lens=lens))

    def so_far(runs: Sequence[Run], known: Sequence[Missing], also: Sequence[Missing]) -> Trace:
        return trace_of(runs, [*known, *also])

    def read(prompt: Prompt) -> Rows | None:
        first = sum(len(one.ids) for one in runs)
        following = replace(watcher, on_read=lambda done, _all: watcher.on_read(first + done, total))
        return session.score(prompt.ids, window, top_alternatives, following)

    for prompt in prompts:
        rows = _read_or_less(partial(read, prompt), session, lacks, first=not runs)
        if rows is None:
            break
        runs.append(Run(prompt.ids, Origin.SCORED, rows if len(rows) else None))
        if len(runs) < len(prompts):
            known = (*missing, Missing("generation", CUT_OFF))
            watcher.on_state(partial(so_far, runs[:], known), False)
    attention, lens = session.scored_layers()
    if session.spared:
        lacks(Missing("attention", MEMORY, partly=True), None)
    return trace_of(runs, missing, attention, lens)


def _encoded(vocabulary: Vocabulary, documents: Sequence[Document]) -> list[Prompt]:
    return [vocabulary.encode(PromptText(document.text, document.source, "code")) for document in documents]


def _read_or_less(read: Callable[[], Rows | None], session: ModelSession, lacks: OnMissing, *, first: bool) -> Rows | None:
    """The numbers of a file, where the memory is full with less beside them; None where it is not read and others were before it."""
    while True:
        try:
            rows = read()
        except (Exception, KeyboardInterrupt) as error:
            less = session.give_up(MEMORY) if is_memory(error) else None
            if first and less is None:  # nothing is worth keeping yet
                raise
            reason = NOT_FINITE if isinstance(error, ModelError) else reason_of(error)
            lacks(Missing(less or "generation", reason), None if isinstance(error, ModelError) else error)
            released(error)
            if less is None:
                return None
            continue
        if rows is None:
            if first:
                raise KeyboardInterrupt
            lacks(Missing("generation", INTERRUPTED), KeyboardInterrupt())
        return rows


def _file_facts(documents: Sequence[Document], prompts: Sequence[Prompt], runs: Sequence[Run]) -> list[dict[str, Any]]:
    facts, first = [], 0
    for document, prompt, run in zip(documents, prompts, runs, strict=False):
        end = first + len(run.ids)
        changed = None if document.changed is None else [list(lines) for lines in document.changed]
        facts.append({"source": document.source, "first": first, "end": end, "exact": prompt.exact, "changed": changed})
        first = end
    return facts


def _notes(
    documents: Sequence[Document], prompts: Sequence[Prompt], runs: Sequence[Run], window: int, why: str
) -> list[str]:
    notes = []
    if len(runs) < len(documents):
        notes.append(f"The recording ends early: {why}; {len(runs)} of {len(documents)} files are in it.")
    inexact = [prompt.source for prompt in prompts if not prompt.exact]
    if inexact:
        notes.append(f"The tokenizer does not spell {inexact[0]} byte for byte; what is shown is what the model read.")
    long = [prompt.source for prompt in prompts if len(prompt.ids) > window]
    if long:
        which = f"{long[0]} is" if len(long) == 1 else f"{long[0]} and {len(long) - 1} more files are"
        notes.append(
            f"{which} longer than {window:,} tokens, the most that are read at once: what comes after those was read with the "
            f"{window // 2:,} to {window:,} tokens before it."
        )
    return notes
