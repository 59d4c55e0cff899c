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
from tokenscope_trace.traces.work_budget import MAX_NODES
from tokenscope_trace.tree.budget import default_nodes
from tokenscope_trace.tree.nodes import Grown, Spell
from tokenscope_trace.tree.search import Search, wave_of
from tokenscope_trace.tree.surroundings import Surroundings


@dataclass(frozen=True)
class Growth:
    """What came of a tree. `engine` is None where it came to nothing, `nodes` is the budget; `notes` are sentences for the reader."""

    grown: Grown | None = None
    nodes: int | None = None
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
    surroundings: Surroundings | None = None,
    *,
    output_seconds: float | None = None,
    on_part: Callable[[Callable[[], Growth]], None] = lambda _part: None,
    on_missing: OnMissing = warn_of_errors,
) -> Growth:
    """The tree within its bounds. Where they give no number of nodes, it follows the output's length and the `output_seconds` that it took.
    Whatever ends the tree early is in `finish` and told to `on_missing`; what has grown is kept, and offered to `on_part` after each step.
    """
    if tree.nodes == 0 and not asked:
        return Growth()
    begin = time.perf_counter()
    try:
        deciding = _deciding(main, surroundings, settings)
        expected = tree.nodes or default_nodes(deciding)
        branching = session.branching(
            main, prompt, settings, tree.temperature, wave_of(expected, tree.length, backend.width)
        )
        nodes = default_nodes(deciding, output_seconds, branching.seconds_per_node) if tree.nodes is None else tree.nodes
        forced = sum(max(tree.length, len(place.tokens)) for places in asked for place in places)
        nodes, cut = _within(nodes, max(0, MAX_NODES - len(main.ids) - forced), "a trace")
        nodes, less = _within(nodes, branching.most_nodes, "the memory")
        notes = [*branching.notes, *cut, *less]
    except (Exception, KeyboardInterrupt) as error:
        on_missing(Missing("tree", reason_of(error)), error)
        released(error)
        if isinstance(error, Unfit):
            return Growth()
        return Growth(finish="memory" if is_memory(error) else "interrupted")

    def on_nodes(count: int) -> None:
        watcher.on_nodes(count)
        on_part(
            lambda: Growth(search.so_far(), nodes, branching.engine, "interrupted", time.perf_counter() - begin, notes[:])
        )

    search = Search(
        branching,
        main,
        replace(tree, nodes=nodes),
        spell,
        surroundings,
        context=backend.context,
        on_nodes=on_nodes,
        should_stop=watcher.should_stop,
    )
    planned = nodes + forced
    per_node = branching.seconds_per_node
    watcher.on_plan(planned, None if per_node is None else per_node * planned, branching.engine)
    errors: list[Exception] = []
    grown = search.grow(asked, errors.append)
    if errors:
        on_missing(Missing("tree", reason_of(errors[0]), partly=True), errors[0])
    elif grown.finish == "memory":
        on_missing(Missing("tree", MEMORY, partly=True), None)
    elif grown.finish == "interrupted":
        on_missing(Missing("tree", INTERRUPTED, partly=True), KeyboardInterrupt())
    if grown.unreached:
        paths = "One path that was" if grown.unreached == 1 else f"{grown.unreached} paths that were"
        notes.append(f"{paths} asked for could not be taken: the text ends before the position.")
    return Growth(grown, nodes, branching.engine, grown.finish, time.perf_counter() - begin, notes)


def _deciding(main: MainPath, surroundings: Surroundings | None, settings: GenerationSettings) -> int:
    """How many tokens of the output may decide something."""
    if surroundings is None:
        return len(main.rows)
    words = [surroundings.spell(token) for token in main.ids[main.prompt :]]
    return surroundings.deciding(words, [text.encode() for text in settings.stop])


def _within(nodes: int, most: int | None, holder: str) -> tuple[int, list[str]]:
    """No more nodes than the memory, or a trace, holds, and what to say about it."""
    if most is None or most >= nodes:
        return nodes, []
    return most, [f"The tree was cut from {nodes:,} to {most:,} nodes, because {holder} does not hold more."]
