"""The back end: what a recording asks of a model, wherever that runs. Ids in, ids and their measured rows out; no tensors.

A `Backend` is a model that is there; a `ModelSession` is its work for one recording; `Branching` continues that recording's main path at any
place. What they keep in between (caches, states, connections) is their own. One that cannot do what is asked of it raises Unfit with
the reason. Axis letters: P prompt tokens, N new ones, R rows, K alternatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tokenscope_trace.failures import OnMissing
from tokenscope_trace.models.footprint import Shape
from tokenscope_trace.models.prompts import Prompt
from tokenscope_trace.progress import Watcher
from tokenscope_trace.settings import GenerationSettings, PromptText, ReplaySettings
from tokenscope_trace.traces.columns import Floats
from tokenscope_trace.traces.layers import LayerAttention, LayerLens
from tokenscope_trace.traces.rows import Rows


@dataclass(frozen=True)
class MainPath:
    """Prompt and output: `ids` (P + N,), the first `prompt` of them not chosen by the model; `rows` (N) measure the others."""

    ids: list[int]
    prompt: int
    rows: Rows


@dataclass(frozen=True)
class Output:
    """What came out of one generation.

    `rows` (N) measure the new tokens; `prompt` (P - 1) the prompt's but the first, None where P is 1 or they were not measured.
    `sampling` and `processors` are what was in force, as `run.sampling` says it; `finish` is one of the trace's; `notes` are for the reader.
    """

    ids: list[int]
    rows: Rows
    prompt: Rows | None
    processors: list[str]
    sampling: dict[str, Any]
    finish: str
    prefill_seconds: float
    decode_seconds: float
    notes: tuple[str, ...] = ()


OnOutput = Callable[[Callable[[], Output]], None]  # offered what there is after each token


@dataclass(frozen=True)
class Replayed:
    """What a replay found. `way` is None where there was none; `noise` (N,) nats, NaN where it was not measured."""

    way: str | None = None
    noise: Floats | None = None
    attention: list[LayerAttention] = field(default_factory=list)
    lens: list[LayerLens] = field(default_factory=list)
    seconds: float | None = None
    notes: list[str] = field(default_factory=list)
    starved: bool = False  # whether the memory did not suffice for all that was asked for

    def facts(self) -> dict[str, Any] | None:
        """`run.replay`."""
        if self.way is None or self.noise is None:
            return None
        known = self.noise[np.isfinite(self.noise)]
        return {"way": self.way, "noise": float(known.max()) if len(known) else None}


@dataclass(frozen=True)
class Tip:
    """A token to be read: its node, the node before it, its id, and its position in its sequence, from 0.

    The nodes of the main path are 0, 1, ... in order; the others have larger numbers, each larger than its parent's.
    """

    node: int
    parent: int
    token: int
    position: int


@dataclass(frozen=True)
class Step:
    """One more token of a branch, behind its `tip`: `forced`, or chosen where that is None.

    `path()` are the ids from the beginning of the text to the tip. What is sampled depends on the path and on `branch`, a name that is
    the same in every run: not on what else grows.
    """

    tip: Tip
    branch: str
    forced: int | None
    path: Callable[[], list[int]]


class Vocabulary(Protocol):
    """Token ids, their exact bytes, and texts as ids. `size` ids go from 0."""

    size: int

    def is_special(self, token_id: int) -> bool:
        """Whether the id is a control token, or one that the model has and the tokenizer does not know."""

    def inside(self, token_id: int) -> bytes:
        """The bytes of an id inside a text; empty for an unknown one."""

    def spell(self, ids: Sequence[int]) -> list[bytes]:
        """The bytes of each id where it stands."""

    def file_ends(self) -> tuple[int, ...]:
        """The ids that end a file, or what fills a hole in one, ascending."""

    def turn_ends(self) -> tuple[int, ...]:
        """The ids that end an answer in a chat, ascending."""

    def ids_of(self, text: str) -> list[int]:
        """The ids of a piece of text, without special tokens around it; nothing in it is a control token."""

    def encode(self, prompt: PromptText) -> Prompt:
        """The ids of a prompt, by its kind. Raises PromptError and ModelError."""


class Branching(Protocol):
    """A main path, ready to be continued at any place.

    `engine` names what computes it; `wave` is how many branches advance together; `seconds_per_node` is None where nothing was measured;
    `most_nodes` is what the memory holds, None without a bound; `ends` are ids that end a text, `stop` strings that do; `notes` are for the
    reader.
    """

    engine: str
    wave: int
    seconds_per_node: float | None
    most_nodes: int | None
    ends: frozenset[int]
    stop: tuple[bytes, ...]
    notes: tuple[str, ...]

    def step(self, steps: Sequence[Step]) -> tuple[list[int], Rows]:
        """The next token of each branch, and rows (R) that measure them; a logprob of NaN says that the model's numbers overflowed.

        Every tip's parent was on the main path or a tip before, and is not released.
        """

    def logprob_after(self, ids: list[int], token: int) -> tuple[float, int]:
        """Ln p of a token after the ids, and its rank, 0 where that is not known."""

    def release(self, nodes: Iterable[int]) -> None:
        """Nothing departs from these nodes any more: what is kept for them may go."""


class ModelSession(Protocol):
    """The work of a model for one recording, with what the recording looks at inside of it."""

    def generate(
        self,
        prompt: Prompt,
        settings: GenerationSettings,
        watcher: Watcher,
        on_part: OnOutput,
        on_missing: OnMissing,
        completed: Callable[[Sequence[int]], bool],
    ) -> Output:
        """Decode the main path; where its new ids have `completed` what was to be written, it is finished by that, `unit`. Once there is a
        token, whatever ends it early is told to `on_missing`, and what there is comes back.

        Raises ModelError where there is no first token to be had, KeyboardInterrupt where it was interrupted before.
        """

    def replay(self, main: MainPath, watcher: Watcher, on_missing: OnMissing) -> Replayed:
        """Read the main path again, for noise, attention and the lens; what goes wrong is told to `on_missing`. Raises Unfit."""

    def branching(
        self, main: MainPath, prompt: Prompt, settings: GenerationSettings, temperature: float, wave: int
    ) -> Branching:
        """The main path, ready to be continued, by as many branches at once as `wave`; `temperature` 0 is greedy. Raises Unfit."""

    def score(self, ids: Sequence[int], window: int, alternatives: int, watcher: Watcher) -> Rows | None:
        """Rows of all ids of a text but the first, of which `window` are read at once at most; None where it was stopped.

        Raises ModelError where a number is not finite, or where the back end cannot score.
        """

    def scored_layers(self) -> tuple[list[LayerAttention], list[LayerLens]]:
        """Attention and the lens of all that was scored, in its order. To be called once."""

    def give_up(self, reason: str) -> str | None:
        """Look at less from now on, for this reason: first no lens, then no attention. What goes, None where nothing is left."""

    def unseen(self, reason: str) -> None:
        """Nothing was looked at, for this reason."""

    @property
    def spared(self) -> bool:
        """Whether a layer's attention was left out because the memory did not suffice."""

    def facts(
        self, attention: Sequence[LayerAttention], lens: Sequence[LayerLens], queries: int, unread: str | None = None
    ) -> dict[str, Any]:
        """`run.attention` and `run.lens` of what was found over `queries` tokens; `unread` is why nothing was read, if so."""

    def forget(self) -> None:
        """Let go of what is kept for who goes on from here."""


@runtime_checkable
class Backend(Protocol):
    """A model that is there. `context` is the most tokens it takes, None without a bound; `facts` are `run.model`, `notes` are for the
    reader; `width` is how many branches it continues at once at most; `shape` is None where nothing is known of what it takes.
    """

    context: int | None
    facts: dict[str, Any]
    notes: tuple[str, ...]
    width: int
    shape: Shape | None

    def environment(self) -> dict[str, Any]:
        """`run.libraries` and `run.machine`: what moves numbers, and tells nobody whose machine it is."""

    def vocabulary(self) -> Vocabulary:
        """Its tokens, for one recording."""

    def begin(self, replay: ReplaySettings | None) -> ModelSession:
        """A session that looks at this much. Raises ModelError where a layer is asked for that the model has not."""

    def endless(self) -> AbstractContextManager[None]:
        """While inside, no token and no text ends what the model writes."""

    def held_bytes(self) -> int | None:
        """Bytes of memory that are held here, by the model or with it; None where that is not known."""

    def seconds_per_token_before(
        self, ids: Sequence[int], width: int, short: int, long: int, clock: Callable[[], float]
    ) -> float:
        """Of a pass of `width` tokens, between `short` and `long` tokens before it; 0.0 where this is not known or costs nothing."""
