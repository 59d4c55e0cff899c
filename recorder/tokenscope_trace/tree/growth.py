"""Growth of one tree: a loaded model and its main path become branches.

Chooses the engine, keeps the budget within the memory, and says what is about to happen; the search itself is search.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from tokenscope_trace.failures import INTERRUPTED, MEMORY, Missing, OnMissing, Unfit, is_memory, reason_of, released
from tokenscope_trace.inference.engine_choice import Chosen, choose_engine
from tokenscope_trace.inference.generation import branch_decoding
from tokenscope_trace.inference.tree_attention import TreeAttention
from tokenscope_trace.models.forward import Reader
from tokenscope_trace.models.loading import LoadedModel
from tokenscope_trace.models.memory import available_bytes
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.models.prompts import Prompt
from tokenscope_trace.models.token_bytes import Speller
from tokenscope_trace.progress import Watcher, warn_of_errors
from tokenscope_trace.settings import AskedPlace, GenerationSettings, TreeSettings
from tokenscope_trace.tree.nodes import Grown, MainPath
from tokenscope_trace.tree.search import Finish, Search, wave_of

WAVE = 64  # branches that advance together: wider gains little on a processor
WAVE_ON_ACCELERATOR = 128
MEMORY_SHARE = 0.5  # of what is left, for the tree's cache


@dataclass(frozen=True)
class Growth:
    """What came of a tree. `engine` is None where it came to nothing; `notes` are sentences for the reader."""

    grown: Grown | None = None
    engine: str | None = None
    finish: str = "complete"
    seconds: float | None = None
    notes: list[str] = field(default_factory=list)


@torch.no_grad()
def grow_tree(
    loaded: LoadedModel,
    prompt: Prompt,
    main: MainPath,
    settings: GenerationSettings,
    tree: TreeSettings,
    asked: Sequence[Sequence[AskedPlace]],
    speller: Speller,
    watcher: Watcher,
    cache: Any = None,
    finish: Finish | None = None,
    *,
    on_part: Callable[[Callable[[], Growth]], None] = lambda _part: None,
    on_missing: OnMissing = warn_of_errors,
) -> Growth:
    """The tree within its bounds; `cache` holds the main path, if somebody has read it; `finish` chooses the branches that are
    brought to an end. Whatever ends it early is in `finish` and told to `on_missing`; what has grown is kept, and offered to
    `on_part` after each step.
    """
    if not tree.nodes and not asked:
        return Growth()
    begin = time.perf_counter()
    model = loaded.model
    wave = wave_of(tree, WAVE if input_device(model).type == "cpu" else WAVE_ON_ACCELERATOR)
    try:
        chosen = choose_engine(model, main.ids, main.prompt, main.rows, wave, cache)
        tree, notes = _within_memory(tree, chosen, input_device(model))
    except (Exception, KeyboardInterrupt) as error:
        on_missing(Missing("tree", reason_of(error)), error)
        released(error)
        if isinstance(error, Unfit):
            return Growth()
        return Growth(finish="memory" if is_memory(error) else "interrupted")

    def on_nodes(count: int) -> None:
        watcher.on_nodes(count)
        on_part(lambda: Growth(search.so_far(), chosen.engine.name, "interrupted", time.perf_counter() - begin, notes[:]))

    search = Search(
        chosen.engine,
        main,
        tree,
        branch_decoding(model, prompt.ids, settings, tree.temperature, prompt.extra_eos),
        speller.inside,
        context=loaded.context,
        on_nodes=on_nodes,
        should_stop=watcher.should_stop,
        wave=wave if isinstance(chosen.engine, TreeAttention) else 1,
    )
    asked_nodes = sum(max(tree.length, len(place.tokens)) for places in asked for place in places)
    nodes = tree.nodes + asked_nodes
    per_node = None if chosen.seconds is None else chosen.seconds / chosen.width
    watcher.on_plan(nodes, None if per_node is None else per_node * nodes, chosen.engine.name)
    reader = Reader(model)

    def logprob_after(ids: list[int], token: int) -> tuple[float, int]:
        logits = reader(ids, range(len(ids)), use_cache=False, last=True)[0][-1].float()
        return float(torch.log_softmax(logits, dim=-1)[token]), 1 + int((logits > logits[token]).sum())

    errors: list[Exception] = []
    grown = search.grow(asked, logprob_after, finish, errors.append)
    if errors:
        on_missing(Missing("tree", reason_of(errors[0]), partly=True), errors[0])
    elif grown.finish == "memory":
        on_missing(Missing("tree", MEMORY, partly=True), None)
    elif grown.finish == "interrupted":
        on_missing(Missing("tree", INTERRUPTED, partly=True), KeyboardInterrupt())
    if grown.unreached:
        paths = "One path that was" if grown.unreached == 1 else f"{grown.unreached} paths that were"
        notes.append(f"{paths} asked for could not be taken: the text ends before the position.")
    return Growth(grown, chosen.engine.name, grown.finish, time.perf_counter() - begin, notes)


def _within_memory(tree: TreeSettings, chosen: Chosen, device: torch.device) -> tuple[TreeSettings, list[str]]:
    """The settings with no more nodes than the memory holds, and what to say about it."""
    room = available_bytes(device)
    if room is None or not isinstance(chosen.engine, TreeAttention):
        return tree, []
    fitting = int(room * MEMORY_SHARE / max(chosen.engine.bytes_per_slot, 1.0))
    if fitting >= tree.nodes:
        return tree, []
    return replace(tree, nodes=fitting), [
        f"The tree was cut from {tree.nodes:,} to {fitting:,} nodes, because the memory does not hold more."
    ]
