"""Settings: what a user may ask of a recording, as frozen data. Knows no torch, so that the command line starts at once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Literal

DEFAULT_FIM_MARKER = "<FILL>"
BUILTIN_MODEL = "built-in"
LISTED_DECISIONS = 10
LIKELY = 0.05  # the probability from which on an alternative is worth looking at
Until = Literal["text", "function", "statement", "file"]
UNTIL: tuple[Until, ...] = ("function", "statement", "file", "text")
FimOrder = Literal["prefix-suffix", "suffix-prefix"]
MODEL_DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Bounds:
    """The numbers that a setting takes: from `least` (above it where it is `open`) to `most`; whole ones or any. Above zero they begin at
    `finest`: a smaller one is lost in float32.
    """

    least: int
    most: int
    whole: bool = True
    open: bool = False
    finest: float = 0.0

    def number(self, given: Any) -> int | float:
        """The number that is given, or that a word spells, as it is taken: finite, within the bounds, a zero without a sign.

        Raises ValueError, whose words are those of `noun`.
        """
        value = _spelled(given, self.whole) if isinstance(given, str) else given
        if type(value) is int or (type(value) is float and not self.whole and math.isfinite(value)):
            above = value > self.least if self.open else value >= self.least
            if above and value <= self.most and not 0 < value < self.finest:
                return int(value) if self.whole else float(value) + 0.0
        raise ValueError(self.noun)

    @property
    def noun(self) -> str:
        """What it takes, as `whole number from 1 to 1,000`."""
        kind = "whole number" if self.whole else "number"
        low = f"above {self.least}" if self.open else f"from {self.least}"
        high = "" if self.most > MOST else f" to {self.most:,}"
        finest = f", and none between 0 and {self.finest:g}" if self.finest else ""
        return f"{kind} {low}{high}{finest}"


MOST = 1 << 24  # of anything that is counted
MOST_NODES = 1 << 19  # of one recording: a trace holds no more
_TEMPERATURES = Bounds(0, 10**6, whole=False, finest=1e-6)
DECISIONS = Bounds(0, 1000)
GENERATION_RANGES = {
    "max_new_tokens": Bounds(1, MOST_NODES),
    "temperature": _TEMPERATURES,
    "top_p": Bounds(0, 1, whole=False, open=True),
    "top_k": Bounds(0, MOST),
    "min_p": Bounds(0, 1, whole=False),
    "seed": Bounds(0, 2**63 - 1),
    "top_alternatives": Bounds(1, 1000),
}
TREE_RANGES = {
    "nodes": Bounds(0, MOST_NODES),
    "width": Bounds(1, MOST),
    "depth": Bounds(1, 200),
    "length": Bounds(1, MOST),
    "extra": Bounds(0, MOST),
    "min_prob": Bounds(0, 1, whole=False),
    "temperature": _TEMPERATURES,
}
REPLAY_RANGES = {"attention_top": Bounds(0, 1000)}
STOPS = Bounds(0, 100)
STOP_LENGTH = Bounds(1, 1000)  # characters of each
FORCED_PATHS = Bounds(0, 1000)
FORCED_PLACES = Bounds(1, 100)  # of each: so many branches behind each other
FORCED_TOKENS = 8192  # of one place: a list in a trace has at most so many entries
CHECK_RANGES = {"timeout": Bounds(0, 10**6, whole=False, open=True), "memory": Bounds(16, MOST)}
REPORT_MEGABYTES = Bounds(0, 10**6, whole=False)


class Redaction(StrEnum):
    """What text can be left out of a trace or a report."""

    PROMPT = "prompt"
    STRINGS = "strings"
    COMMENTS = "comments"


@dataclass(frozen=True)
class ModelSettings:
    """Which model, and how it runs.

    `name` is a hub id, a folder, or BUILTIN_MODEL; `device` is a torch device or "auto" (cuda, else mps, else cpu);
    `dtype` is "auto" (float32 on the CPU, the checkpoint's own elsewhere), "float32", "bfloat16" or "float16". `trust_remote_code`
    lets the repository's own code run; `allow_pickle` accepts weights that are no safetensors. `device_map` is accelerate's, such as
    "auto": the weights are spread over what is there, and `device` is not asked. `attention` is one of transformers' own implementations,
    such as "eager" or "sdpa"; None is its choice.
    """

    name: str = BUILTIN_MODEL
    revision: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    trust_remote_code: bool = False
    allow_pickle: bool = False
    device_map: str | dict[str, Any] | None = None
    attention: str | None = None


@dataclass(frozen=True)
class PromptText:
    """A prompt as its author wrote it: the text, the name of its file (`-` is standard input), and how a model is to read it.

    `kind` is `text` (it goes on from its end), `chat` (a user's message, after `system` where there is one), `fim` (it fills the hole
    that `marker` marks) or `code` (it exists, and is only read). `fim_tokens` are the model's names for prefix, suffix and middle,
    `fim_order` says which part comes first; None is what is known of the model's family.
    """

    text: str
    source: str = "-"
    kind: Literal["text", "chat", "fim", "code"] = "text"
    system: str | None = None
    marker: str = DEFAULT_FIM_MARKER
    fim_tokens: tuple[str, str, str] | None = None
    fim_order: FimOrder | None = None


@dataclass(frozen=True)
class GenerationSettings:
    """How the main path is decoded. None means: as the model's own generation config says.

    `temperature` 0 is greedy; any other sampling option switches sampling on. `stop` are strings that end the output. `until` says where
    else it ends: where the function or the statement is complete that the prompt breaks off in; where the file is, as the model's own tokens
    say; or with the model's text alone. None is the function where the prompt breaks off in one, else the text.
    """

    max_new_tokens: int = 256
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int = 0
    stop: tuple[str, ...] = ()
    until: Until | None = None
    top_alternatives: int = 10

    @property
    def do_sample(self) -> bool | None:
        """True or False where the options decide it, None where the model's own generation config does."""
        if self.temperature == 0:
            return False
        asked = (self.temperature, self.top_p, self.top_k, self.min_p)
        return True if any(value is not None for value in asked) else None

    @property
    def idle(self) -> tuple[str, ...]:
        """The sampling options that are asked for and do not change the output, because a temperature of 0 is greedy."""
        if self.temperature != 0:
            return ()
        off = {"top_p": 1, "top_k": 0, "min_p": 0}
        return tuple(name for name, value in off.items() if getattr(self, name) not in (None, value))


@dataclass(frozen=True)
class Forced:
    """At output token `position`, counted from 1: a token id, several one after the other, or a text."""

    position: int
    what: int | str | tuple[int, ...]


@dataclass(frozen=True)
class ForcedPath:
    """One branch that the user asked for: at each place, what is written instead; all but the last are single ids."""

    places: tuple[Forced, ...]

    def __str__(self) -> str:
        """As on the command line."""
        return ",".join(f"{place.position}:{place.what}" for place in self.places)


@dataclass(frozen=True)
class AskedPlace:
    """What the user wants written instead, from the token at `position` of the sequence on (counted from 0)."""

    position: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class TreeSettings:
    """The bounds of the tree of branches, and how its tokens are chosen.

    `nodes` in all (0: no tree but what `forced` asks for; None: what the output's length and the model's speed allow); `width` alternatives per position; `depth` forks above each
    other; `length` tokens per branch, the forced one included; `extra` tokens more for a branch in code, to reach the end of its function; `min_prob` of a forced token; `temperature` 0 is greedy.
    """

    nodes: int | None = None
    width: int = 3
    depth: int = 2
    length: int = 32
    extra: int = 96
    min_prob: float = 0.05
    temperature: float = 0.0
    forced: tuple[ForcedPath, ...] = ()

    @property
    def grows(self) -> bool:
        """Whether that is a tree at all."""
        return self.nodes != 0 or bool(self.forced)


@dataclass(frozen=True)
class ReplaySettings:
    """What is looked at inside of the model, in a pass of its own after the output is decided.

    `attention_top` sources are kept per token, layer and head, 0 is no attention; layers count from 0. `attention_layers` None
    is all of them; `lens_layers` None is about six, evenly apart, with the last.
    """

    attention_top: int = 8
    attention_layers: tuple[int, ...] | None = None
    lens: bool = False
    lens_layers: tuple[int, ...] | Literal["all"] | None = None

    def lens_of(self, count: int) -> tuple[int, ...]:
        """The layers of the lens in a model of so many, whether it is asked for or not."""
        if self.lens_layers == "all":
            return tuple(range(count))
        return spread_layers(count) if self.lens_layers is None else self.lens_layers


def spread_layers(count: int) -> tuple[int, ...]:
    """About six of `count` layers, evenly apart, the last one among them: of 24 every fourth, of 6 all."""
    step = max(1, count // 6)
    return tuple(sorted({*range(step - 1, count, step), count - 1}))


@dataclass(frozen=True)
class CheckSettings:
    """The user's own command that judges a finished program: `{file}` in it is the program's path.

    `timeout` in seconds and `memory` in megabytes bound each run. It runs in a temporary folder that holds the program alone, or in a
    copy of `folder`, where the program stands in `place`, a folder below it ("" is its top), and need not be named in the command.
    """

    command: str
    timeout: float = 10.0
    memory: int = 4096
    folder: str | None = None
    place: str = ""


def stop_fault(stop: Sequence[str]) -> str:
    """Why texts are none at which an output can stop, as a sentence; empty where they are."""
    if len(stop) > (STOPS.most or 0):
        return f"there are {len(stop):,} stop strings; give at most {STOPS.most:,}."
    longest = max(map(len, stop), default=0)
    if longest > (STOP_LENGTH.most or 0):
        return f"a stop string has {longest:,} characters; give one of at most {STOP_LENGTH.most:,}."
    return "" if "" not in stop else "a stop string must not be empty."


def forced_fault(count: int) -> str:
    """The same of so many forced paths."""
    return (
        f"there are {count:,} forced paths; give at most {FORCED_PATHS.most:,}." if count > (FORCED_PATHS.most or 0) else ""
    )


_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})([eE][+-]?[0-9]{1,9})?")


def _spelled(word: str, whole: bool) -> int | float | None:
    """The number that a word spells, None for none; infinity where it is too large for a float."""
    if whole:
        return int(word) if _WHOLE.fullmatch(word) else None
    return float(word) if _DECIMAL.fullmatch(word) else None


_LAYERS = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*")


def parse_layers(value: str) -> tuple[int, ...]:
    """`0,4,8` or `0-3,11`, counted from 0, as ascending numbers. Raises ValueError with one sentence."""
    if _LAYERS.fullmatch(value) is None:
        raise ValueError("write numbers of layers from 0, such as 0,4,8 or 0-11.")
    found: set[int] = set()
    for part in value.split(","):
        first, _, last = part.partition("-")
        if last and int(last) < int(first):
            raise ValueError(f"{part} counts backwards.")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


_ID = re.compile("[0-9]{1,40}")
_PATH = re.compile(r"((?:[0-9]{1,40}:[0-9]{1,40},)*)([0-9]{1,40}):(.+)", re.DOTALL)


def parse_forced_token(value: str) -> ForcedPath:
    """`12:345`, or `12:345,18:99` for a fork on the branch that the first one begins.

    Raises ValueError with one sentence.
    """
    path = _PATH.fullmatch(value)
    if path is None or not _ID.fullmatch(path[3]):
        raise ValueError("write POSITION:ID, such as 12:345, or several with commas for a path.")
    return _forced(path, int(path[3]))


def parse_forced_text(value: str) -> ForcedPath:
    """`12:some text`, or `12:345,18:some text`. Raises ValueError with one sentence."""
    path = _PATH.fullmatch(value)
    if path is None:
        raise ValueError("write POSITION:TEXT, such as 12:return, with POSITION:ID, before it for a path.")
    return _forced(path, path[3])


def _forced(path: re.Match[str], last: int | str) -> ForcedPath:
    before = [entry.split(":") for entry in path[1].split(",") if entry]
    places = [*((int(position), int(token)) for position, token in before), (int(path[2]), last)]
    positions = [position for position, _ in places]
    if len(places) > FORCED_PLACES.most:
        raise ValueError(f"a path has at most {FORCED_PLACES.most:,} places.")
    if positions[0] < 1 or any(second <= first for first, second in pairwise(positions)):
        raise ValueError("positions count output tokens from 1, and grow along a path.")
    return ForcedPath(tuple(Forced(position, what) for position, what in places))
