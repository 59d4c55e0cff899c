"""The scorer: code that the model did not write becomes a trace, token by token as if the model had to write it.

Each file is read in one pass; one that is longer than the model's context in windows that overlap by half, so that every token
but the first ones has half a window of context at least. Generates nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from tokenscope_trace.errors import ModelError
from tokenscope_trace.failures import CUT_OFF, INTERRUPTED, MEMORY, Missing, OnMissing, is_memory, reason_of, released
from tokenscope_trace.inference.footprint import recording_bytes
from tokenscope_trace.inference.generation import NOT_FINITE, check_finite
from tokenscope_trace.inference.internals import Inside
from tokenscope_trace.inference.metrics import Meter, rows_of
from tokenscope_trace.inference.replay import Opinions, read_whole
from tokenscope_trace.models.loading import LoadedModel
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.models.prompts import Prompt, encode_text
from tokenscope_trace.models.token_bytes import Speller
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.documents import Compared, Document
from tokenscope_trace.recording.facts import clock, common
from tokenscope_trace.recording.tables import Run, tables_of
from tokenscope_trace.settings import ReplaySettings
from tokenscope_trace.traces.layers import LayerAttention, LayerLens
from tokenscope_trace.traces.rows import Rows, joined_rows
from tokenscope_trace.traces.schema import Origin
from tokenscope_trace.traces.trace import Trace

WINDOW = 4096  # tokens at most in one pass, whatever the model could take: what a pass needs grows with it


@torch.no_grad()
def score(
    loaded: LoadedModel,
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

    Raises PromptError where the tokenizer makes no token of a text, ModelError where the logits are not finite or a layer is asked
    for that the model has not, and KeyboardInterrupt where it was interrupted within the first file. Later neither an interruption
    nor an error costs more than the files that were not read yet; where the memory does not suffice the lens goes first, then
    attention. `run.missing` and the notes say what is not there, and `watcher.on_missing` is told at once.
    """
    watcher = watcher or Watcher()
    inside = Inside(loaded.model, replay)
    if prompts is None:
        prompts = [encode_text(loaded.tokenizer, document.text, document.source) for document in documents]
    window = min(window, loaded.context or window)
    total = sum(len(prompt.ids) for prompt in prompts)
    longest = min(window, max(len(prompt.ids) for prompt in prompts))
    watcher.on_need(recording_bytes(loaded.model, longest, total, replay, cached=False))
    begin = time.perf_counter()
    reader = _FileReader(loaded, inside, window, top_alternatives, watcher, total)
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
        run = {
            **common(loaded, command),
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
            **inside.facts(attention, lens, count, None if attention else why or None),
            "files": _file_facts(documents, prompts, runs),
            "score": {
                "window": window,
                "revision": compared.revision if compared else None,
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
        return Trace(run, tables_of(runs, Speller(loaded.tokenizer), attention=attention, lens=lens))

    def so_far(runs: Sequence[Run], known: Sequence[Missing], also: Sequence[Missing]) -> Trace:
        return trace_of(runs, [*known, *also])

    for prompt in prompts:
        rows = _read_or_less(reader, inside, prompt, lacks, first=not runs)
        if rows is None:
            break
        runs.append(Run(prompt.ids, Origin.SCORED, rows if len(rows) else None))
        if len(runs) < len(prompts):
            known = (*missing, Missing("generation", CUT_OFF))
            watcher.on_state(partial(so_far, runs[:], known), False)
    attention = inside.probes.tap.found(reader.first) if inside.probes.tap is not None else []
    if inside.spared:
        lacks(Missing("attention", MEMORY, partly=True), None)
    return trace_of(runs, missing, attention, reader.lens())


def _read_or_less(reader: _FileReader, inside: Inside, prompt: Prompt, lacks: OnMissing, *, first: bool) -> Rows | None:
    """The numbers of a file, where the memory is full with less beside them; None where it is not read and others were before it."""
    while True:
        try:
            rows = reader.read(prompt)
        except (Exception, KeyboardInterrupt) as error:
            less = inside.give_up(MEMORY) if is_memory(error) else None
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


class _FileReader:
    """Reads one file after the other; its nodes follow those of the files before."""

    def __init__(self, loaded: LoadedModel, inside: Inside, window: int, top: int, watcher: Watcher, total: int) -> None:
        self._model = loaded.model
        self._inside = inside
        self._window = window
        self._meter = Meter(top)
        self._watcher = watcher
        self._total = total
        self._files: list[tuple[int, list[LayerLens]]] = []  # the first id of each, and the lens over the others
        self.first = 0  # node of the next file

    def read(self, prompt: Prompt) -> Rows | None:
        """The numbers of its tokens but the first; None where it was interrupted."""
        ids, parts, probes = prompt.ids, [], self._inside.probes
        tokens = torch.tensor(ids, device=input_device(self._model))
        opinions = Opinions(probes)
        for begin, end, row in windows(len(ids), self._window):
            node = self.first + begin
            for block in read_whole(self._model, ids[begin:end], probes, rows=row, first=node, skip=row, origin=node):
                place = begin + block.first + 1
                following = tokens[place : place + len(block.logits)]
                measured = self._meter.measure(block.logits, following)
                check_finite(measured, "code")
                parts.append(rows_of(measured))
                opinions.add(block, following)
                self._watcher.on_read(self.first + place, self._total)
            if self._watcher.should_stop():
                return None
        self._files.append((ids[0], opinions.layers(0) if len(ids) > 1 else []))
        self.first += len(ids)
        return joined_rows(parts) if parts else _no_rows(self._meter.alternatives)

    def lens(self) -> list[LayerLens]:
        """The lens over all files; the first token of each was not predicted by anything."""
        probes = self._inside.probes
        return [] if probes.lens is None else [self._layer(place, number) for place, number in enumerate(probes.lens_layers)]

    def _layer(self, place: int, number: int) -> LayerLens:
        columns: dict[str, list[Any]] = {"token_id": [], "probability": [], "rank": [], "logprob": []}
        for root, layers in self._files:
            unmeasured = {"token_id": root, "probability": np.nan, "rank": 0, "logprob": np.nan}
            for name, values in columns.items():
                values.append(np.array([unmeasured[name]]))
                if layers:
                    values.append(getattr(layers[place], name))
        token_id, probability, rank, logprob = (np.concatenate(values) for values in columns.values())
        return LayerLens(
            number,
            0,
            token_id.astype(np.int32),
            probability.astype(np.float32),
            rank.astype(np.int32),
            logprob.astype(np.float32),
        )


def windows(count: int, window: int) -> list[tuple[int, int, int]]:
    """(begin, end, first row) of the passes over `count` tokens: each scores the tokens after its first row up to its end.

    The rows are counted from `begin`. Every token but the first is scored once, behind half a window of context at least or
    behind all that there is.
    """
    found = [(0, min(count, window), 0)]
    while found[-1][1] < count:
        end = found[-1][1]
        begin = end - window // 2
        found.append((begin, min(count, begin + window), end - 1 - begin))
    return found


def _no_rows(alternatives: int) -> Rows:
    empty = np.empty(0, np.float32)
    none = np.empty((0, alternatives), np.float32)
    rank = np.empty(0, np.int32)
    return Rows(empty, empty, empty, rank, empty, empty, empty, empty, none.astype(np.int32), none, none)


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
