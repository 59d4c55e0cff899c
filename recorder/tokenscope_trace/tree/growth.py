"""Growth of one tree: a model's session and its main path become branches.

Keeps the budget within the memory, and says what is about to happen; the search itself is search.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tokenscope_trace.failures import INTERRUPTED, MEMORY, Missing, OnMissing, Unfit, is_memory, reason_of, released
from tokenscope_trace.models.backend import Backend, MainPath, ModelSession
from tokenscope_trace.models.prompts import Prompt
from tokenscope_trace.progress import Watcher, warn_of_errors
from tokenscope_trace.settings import AskedPlace, GenerationSettings, TreeSettings
from tokenscope_trace.tree.nodes import Grown, Spell
from tokenscope_trace.tree.search import Finish, Search, wave_of


@dataclass(frozen=True)
class Growth:
    """What came of a tree. `engine` is None where it came to nothing; `notes` are sentences for the reader."""

    grown: Grown | None = None
    engine: str | None = None
    finish: str = "complete"
    seconds: float | None = None
    notes: list[str] = field(default_factory=list)


def grow_tree(
    backend: Backend,
    session: ModelSession,
    prompt: Prompt,
    main: MainPath,
    settings: GenerationSettings,
    tree: TreeSettings,
    asked: Sequence[Sequence[AskedPlace]],
    spell: Spell,
    watcher: Watcher,
    finish: Finish | None = None,
    *,
    on_part: Callable[[Callable[[], Growth]], None] = lambda _part: None,
    on_missing: OnMissing = warn_of_errors,
) -> Growth:
    """The tree within its bounds; `finish` chooses the branches that are brought to an end. Whatever ends it early is in `finish` and told
    to `on_missing`; what has grown is kept, and offered to `on_part` after each step.
    """
    if not tree.nodes and not asked:
        return Growth()
    begin = time.perf_counter()
    try:
        branching = session.branching(main, prompt, settings, tree.temperature, wave_of(tree, backend.width))
        tree, cut = _within_memory(tree, branching.most_nodes)
        notes = [*branching.notes, *cut]
    except (Exception, KeyboardInterrupt) as error:
        on_missing(Missing("tree", reason_of(error)), error)
        released(error)
        if isinstance(error, Unfit):
            return Growth()
        return Growth(finish="memory" if is_memory(error) else "interrupted")

    def on_nodes(count: int) -> None:
        watcher.on_nodes(count)
        on_part(lambda: Growth(search.so_far(), branching.engine, "interrupted", time.perf_counter() - begin, notes[:]))

    search = Search(
        branching, main, tree, spell, context=backend.context, on_nodes=on_nodes, should_stop=watcher.should_stop
    )
    asked_nodes = sum(max(tree.length, len(place.tokens)) for places in asked for place in places)
    nodes = tree.nodes + asked_nodes
    per_node = branching.seconds_per_node
    watcher.on_plan(nodes, None if per_node is None else per_node * nodes, branching.engine)
    errors: list[Exception] = []
    grown = search.grow(asked, finish, errors.append)
    if errors:
        on_missing(Missing("tree", reason_of(errors[0]), partly=True), errors[0])
    elif grown.finish == "memory":
        on_missing(Missing("tree", MEMORY, partly=True), None)
    elif grown.finish == "interrupted":
        on_missing(Missing("tree", INTERRUPTED, partly=True), KeyboardInterrupt())
    if grown.unreached:
        paths = "One path that was" if grown.unreached == 1 else f"{grown.unreached} paths that were"
        notes.append(f"{paths} asked for could not be taken: the text ends before the position.")
    return Growth(grown, branching.engine, grown.finish, time.perf_counter() - begin, notes)


def _within_memory(tree: TreeSettings, most: int | None) -> tuple[TreeSettings, list[str]]:
    """The settings with no more nodes than the memory holds, and what to say about it."""
    if most is None or most >= tree.nodes:
        return tree, []
    return replace(tree, nodes=most), [
        f"The tree was cut from {tree.nodes:,} to {most:,} nodes, because the memory does not hold more."
    ]
