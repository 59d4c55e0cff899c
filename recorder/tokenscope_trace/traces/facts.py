"""Facts of a run: one frozen class for every map of `run`, a field for every key that FORMAT.md names, with its kind. Pure.

`Facts.read` is the one place that reads and checks them; whoever has `Facts` need not ask what kind of value something is. None is what
is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tokenscope_trace.settings import STOP_LENGTH, STOPS, UNTIL, Until
from tokenscope_trace.traces.fact_kinds import (
    COUNT,
    FLAG,
    MAX_NAME,
    NAME,
    NAMES,
    NUMBER,
    PART,
    TEXT,
    TEXTS,
    WHOLE,
    FactMap,
    Kind,
    ListOf,
    MapOf,
    known,
    needed,
    one_of,
    require,
)

_LINES = 1 << 31
_LIBRARIES = frozenset({"python", "torch", "transformers", "tokenizers", "numpy"})
_NO_ABSENT = "an absent layer of attention has no number or no reason"
_NO_FOUND = "run.decisions does not say how many there are"
_NO_IDS = "a place of run.asked.forced has no ids"
_NO_JOIN = {what: f"the {what} do not join" for what in ("prompt's segments", "files", "passages")}
_NO_LANGUAGE = "a passage has no language"
_NO_LEAF = "run.main_leaf is not the index of a node"
_NO_LENS = "run.lens does not say which tokens it is of"
_NO_MISSING = "run.missing names no stage or no reason"
_NO_NAME = f"a file has no name, or one of more than {MAX_NAME:,} characters"
_NO_ORDER = "the places of run.asked.forced are not in ascending order"
_NO_RANGES = "the changed lines of a file are not ascending ranges"
_NO_ROLE = "a segment of the prompt has no known role"
_NO_UNTIL = "run.program.until is not one of the known ends"
_NO_SHARES = "run.check.pivot has no shares"
_RANGE = Kind(
    "a range of lines",
    lambda value: (
        isinstance(value, list) and len(value) == 2 and all(type(line) is int and line <= _LINES for line in value)
    ),
)

_STOP_TEXTS = Kind(
    f"a list of strings, at most {STOPS.most:,} of at most {STOP_LENGTH.most:,} characters",
    lambda value: TEXTS.holds(value) and len(value) <= STOPS.most and all(len(text) <= STOP_LENGTH.most for text in value),
)


class GeneratorFacts(FactMap):
    """The program that wrote the file."""

    name: str | None = known(TEXT)
    version: str | None = known(TEXT)


class ModelFacts(FactMap):
    """The model that ran."""

    id: str | None = known(NAME)
    revision: str | None = known(TEXT)
    architecture: str | None = known(TEXT)
    parameters: int | None = known(COUNT)
    vocab_size: int | None = known(COUNT)
    context: int | None = known(COUNT)
    dtype: str | None = known(TEXT)
    quantization: str | None = known(TEXT)
    device: str | None = known(TEXT)
    attention: str | None = known(TEXT)
    config_sha256: str | None = known(TEXT)
    weights_sha256: str | None = known(TEXT)
    tokenizer_sha256: str | None = known(TEXT)


class SegmentFacts(FactMap):
    """A part of the prompt: nodes [first, end)."""

    role: str = needed(one_of("text", "prefix", "suffix", "control"), says=_NO_ROLE)
    first: int = needed(WHOLE, says=_NO_JOIN["prompt's segments"])
    end: int = needed(WHOLE, says=_NO_JOIN["prompt's segments"])


class PromptFacts(FactMap):
    """What the model was given."""

    source: str | None = known(NAME)
    kind: str | None = known(TEXT)
    exact: bool | None = known(FLAG)
    segments: tuple[SegmentFacts, ...] = needed(ListOf(SegmentFacts, entry_says=_NO_ROLE))


class SamplingFacts(FactMap):
    """What was in force when tokens were chosen."""

    do_sample: bool | None = known(FLAG)
    temperature: float | None = known(NUMBER)
    top_p: float | None = known(NUMBER)
    top_k: int | None = known(COUNT)
    min_p: float | None = known(NUMBER)
    repetition_penalty: float | None = known(NUMBER)
    max_new_tokens: int | None = known(COUNT)
    seed: int | None = known(WHOLE)
    stop: tuple[str, ...] | None = known(_STOP_TEXTS)
    processors: tuple[str, ...] | None = known(TEXTS)


class MachineFacts(FactMap):
    """What of a machine moves numbers."""

    system: str | None = known(TEXT)
    processor: str | None = known(TEXT)
    vectors: str | None = known(TEXT)
    accelerator: str | None = known(TEXT)
    threads: int | None = known(COUNT)
    matmul: str | None = known(TEXT)


class TreeFacts(FactMap):
    """How branches were grown, and within what bounds."""

    engine: str | None = known(TEXT)
    nodes: int | None = known(COUNT)
    width: int | None = known(COUNT)
    depth: int | None = known(COUNT)
    length: int | None = known(COUNT)
    extra: int | None = known(COUNT)
    min_prob: float | None = known(NUMBER)
    temperature: float | None = known(NUMBER)
    seed: int | None = known(WHOLE)
    finish: str | None = known(TEXT)


class ForcedFacts(FactMap):
    """A place of a path that was forced: the ids that stand from an output position on."""

    position: int = needed(COUNT, says=_NO_ORDER)
    tokens: tuple[int, ...] = needed(ListOf(COUNT, entry_says=_NO_IDS, least=1), says=_NO_IDS)


class AskedFacts(FactMap):
    """What was asked for, where other facts say what came of it."""

    temperature: float | None = known(NUMBER)
    top_p: float | None = known(NUMBER)
    top_k: int | None = known(COUNT)
    min_p: float | None = known(NUMBER)
    forced: tuple[tuple[ForcedFacts, ...], ...] = known(
        ListOf(
            ListOf(ForcedFacts, entry_says="a place of run.asked.forced is not a map", least=1),
            entry_says="a path of run.asked.forced is not a list of places",
        ),
        default=(),
    )
    language: str | None = known(TEXT)
    decisions: int | None = known(COUNT)


class ReplayFacts(FactMap):
    """How the output was read again, and how much differed."""

    way: str | None = known(TEXT)
    noise: float | None = known(NUMBER)


class AbsentFacts(FactMap):
    """A layer whose attention is not there."""

    layer: int = needed(WHOLE, says=_NO_ABSENT)
    reason: str = needed(TEXT, says=_NO_ABSENT)


class AttentionFacts(FactMap):
    """Entries of a row, query nodes, and the layers that have no rows."""

    top: int = needed(Kind("a positive number", lambda value: type(value) is int and 1 <= value <= 65535))
    queries: int = needed(Kind("a number of nodes", COUNT.holds))
    absent: tuple[AbsentFacts, ...] = needed(ListOf(AbsentFacts, entry_says=_NO_ABSENT))


class LensFacts(FactMap):
    """The layers and nodes of the lens, or why there are none."""

    layers: tuple[int, ...] = needed(
        ListOf(COUNT, entry_says="a layer of the lens is not a number"), says="run.lens is not a map with layers"
    )
    first: int = needed(COUNT, says=_NO_LENS)
    count: int = needed(COUNT, says=_NO_LENS)
    reason: str | None = known(TEXT)


class FileFacts(FactMap):
    """A file that was scored: nodes [first, end), and its changed lines, each (first, last) from 1."""

    source: str = needed(NAME, says=_NO_NAME)
    first: int = needed(WHOLE, says=_NO_JOIN["files"])
    end: int = needed(WHOLE, says=_NO_JOIN["files"])
    exact: bool | None = known(FLAG)
    changed: tuple[tuple[int, int], ...] | None = known(
        ListOf(_RANGE, entry_says=_NO_RANGES), says="the changed lines of a file are not a list"
    )


class PassageFacts(FactMap):
    """A parsed piece of a text: which text (a file's number, 0 in a generation), its language, its rows of `syntax`. With a `branch` it is
    of the program that this branch writes, and holds the nodes that touch the branch's own bytes.
    """

    language: str = needed(NAME, says=_NO_LANGUAGE)
    text: int = needed(COUNT, says="a passage belongs to no text")
    first: int = needed(WHOLE, says=_NO_JOIN["passages"])
    count: int = needed(WHOLE, says=_NO_JOIN["passages"])
    branch: int | None = known(COUNT, says="a passage belongs to no branch")

    @property
    def end(self) -> int:
        """The first row behind it."""
        return self.first + self.count


class SyntaxFacts(FactMap):
    """The names of kinds and fields, and the passages; and whose parser it was that judged what the grammar takes and the language may not."""

    kinds: tuple[str, ...] = needed(NAMES)
    fields: tuple[str, ...] = needed(NAMES)
    passages: tuple[PassageFacts, ...] = needed(ListOf(PassageFacts, entry_says=_NO_LANGUAGE))
    judge: str | None = known(TEXT)


class ProgramFacts(FactMap):
    """The program of the output: `until` which end it was to be written, where in its text what was written of it ends, and what ended it
    there; from which byte on it repeats itself, and whether it is broken code.
    """

    until: Until | None = known(one_of(*UNTIL), says=_NO_UNTIL)
    kept: int | None = known(COUNT, says="run.program.kept is no place in the text")
    why: str | None = known(TEXT)
    repeats: int | None = known(COUNT, says="run.program.repeats is no place in the text")
    broken: bool | None = known(FLAG)


class DecisionFacts(FactMap):
    """How many decisions there are in all."""

    found: int = needed(WHOLE, says=_NO_FOUND)


class PivotFacts(FactMap):
    """The token that moves the share of programs that pass most, and this share before and after it."""

    before: float = needed(PART, lacks=_NO_SHARES)
    after: float = needed(PART, lacks=_NO_SHARES)
    node: int = needed(WHOLE, says="run.check.pivot names no node of the main path")


class CheckFacts(FactMap):
    """The user's command, its limits, the folder in whose copy it ran with the program's place there, why it could not be run, and what it
    printed.
    """

    command: str = needed(TEXT, lacks="run.check names no command")
    timeout: float | None = known(NUMBER)
    memory: float | None = known(NUMBER)
    folder: str | None = known(NAME)
    file: str | None = known(NAME)
    not_run: str | None = known(TEXT)
    outputs: tuple[str, ...] = needed(TEXTS)
    pivot: PivotFacts | None = known(PivotFacts)


class ScoreFacts(FactMap):
    """The most tokens of context, and what files were compared with."""

    window: int | None = known(COUNT)
    revision: str | None = known(TEXT)
    commit: str | None = known(TEXT)


class MissingFacts(FactMap):
    """What was asked for and is not there, and why."""

    stage: str = needed(TEXT, lacks=_NO_MISSING)
    reason: str = needed(TEXT, lacks=_NO_MISSING)


class ClockFacts(FactMap):
    """When, and how long it took."""

    created: str | None = known(TEXT)
    load_seconds: float | None = known(NUMBER)
    prefill_seconds: float | None = known(NUMBER)
    decode_seconds: float | None = known(NUMBER)
    replay_seconds: float | None = known(NUMBER)
    tree_seconds: float | None = known(NUMBER)


class Facts(FactMap):
    """All facts of a run, as FORMAT.md names them."""

    main_leaf: int = needed(WHOLE, says=_NO_LEAF)
    finish: str = needed(
        one_of("end-of-text", "stop-string", "unit", "length", "context", "interrupted", "scored"),
        says="run.finish is not one of the known reasons",
    )
    generator: GeneratorFacts = needed(GeneratorFacts)
    model: ModelFacts = needed(ModelFacts)
    prompt: PromptFacts = needed(PromptFacts)
    sampling: SamplingFacts = needed(SamplingFacts)
    libraries: Mapping[str, str] = needed(MapOf(TEXT, "the version of a library is not text", _LIBRARIES))
    clock: ClockFacts = needed(ClockFacts)
    command: tuple[str, ...] = needed(TEXTS)
    notes: tuple[str, ...] = needed(TEXTS)
    redacted: tuple[str, ...] = known(TEXTS, default=())
    top_alternatives: int | None = known(COUNT)
    machine: MachineFacts | None = known(MachineFacts)
    tree: TreeFacts | None = known(TreeFacts)
    asked: AskedFacts | None = known(AskedFacts)
    replay: ReplayFacts | None = known(ReplayFacts)
    attention: AttentionFacts | None = known(AttentionFacts)
    lens: LensFacts | None = known(LensFacts)
    files: tuple[FileFacts, ...] | None = known(ListOf(FileFacts, entry="a file"))
    syntax: SyntaxFacts | None = known(SyntaxFacts)
    program: ProgramFacts | None = known(ProgramFacts)
    decisions: DecisionFacts | None = known(DecisionFacts, says=_NO_FOUND)
    check: CheckFacts | None = known(CheckFacts)
    score: ScoreFacts | None = known(ScoreFacts)
    missing: tuple[MissingFacts, ...] = known(ListOf(MissingFacts, entry="run.missing"), default=())

    @classmethod
    def read(cls, run: Any) -> Facts:
        """The facts of a run. Raises CorruptTrace where one is of another kind, or one that has to be there is not."""
        return cls.taken("run", run)

    @property
    def lacking(self) -> frozenset[str]:
        """The stages that are not there, or not whole."""
        return frozenset(one.stage for one in self.missing)


class MetricFacts(FactMap):
    """What a number means."""

    unit: str | None = known(TEXT)
    range: str | None = known(TEXT)
    definition: str | None = known(TEXT)


def check_facts(facts: Facts, nodes: int) -> None:
    """Raise CorruptTrace where facts of a run over so many nodes do not fit each other."""
    require(0 <= facts.main_leaf < nodes, _NO_LEAF)
    for path in facts.asked.forced if facts.asked is not None else ():
        require(all(one < two for one, two in pairwise([0, *(place.position for place in path)])), _NO_ORDER)
    end = 0
    for segment in facts.prompt.segments:
        require(end == segment.first <= segment.end <= nodes, _NO_JOIN["prompt's segments"])
        end = segment.end
