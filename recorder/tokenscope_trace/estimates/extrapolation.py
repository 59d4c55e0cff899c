"""Extrapolation: what a recording will take, from steps that were measured; seconds, memory and bytes in the file, by stage.
Numbers in, numbers out.

A measured step is carried over to what is asked for by counting: multiplications where a model reads, steps of so many branches where a
tree grows, rows where a file is filled. All of it is what a recording takes at most, where its output or its branches end early.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tokenscope_trace.models.passes import REPLAY_CHUNK
from tokenscope_trace.progress import Estimate, Stage

_DISTINCT = 0.6  # distinct tokens grow with about this power of all tokens (Heaps' law)
_KEPT_MAIN, _KEPT_ALL = (
    1.0,
    1.2,
)  # how often prompt and output are put together and encoded by themselves, and with the branches


@dataclass(frozen=True)
class Arithmetic:
    """Multiplications of one token: with the weights below the head, with the head, and with one token before it in all layers."""

    body: float
    head: float
    attention: float

    def reading(self, first: int, end: int) -> float:
        """Of the tokens `first` to `end` - 1 of a sequence, below the head."""
        return max(0, end - first) * (self.body + self.attention * (first + end) / 2)


@dataclass(frozen=True)
class Work:
    """What is asked for, in tokens, each number at most.

    `rereads`: the output is read again; `opinions` are the layers whose lens needs the head. `nodes` of a tree of branches of `length`,
    `wave` of them advancing together, `asked` nodes beside them.
    """

    prompt: int
    output: int
    rereads: bool = False
    opinions: int = 0
    nodes: int = 0
    length: int = 1
    wave: int = 1
    asked: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and output."""
        return self.prompt + self.output

    @property
    def branches(self) -> int:
        """Where every branch has its full length."""
        return math.ceil((self.nodes + self.asked) / max(1, self.length))


@dataclass(frozen=True)
class TreeSteps:
    """Seconds of making ready, of a step of one branch, and of a step of `width` branches, where `nodes` had grown."""

    ready: float
    narrow: float
    wide: float
    width: int
    nodes: int

    def step(self, width: int) -> float:
        """Seconds of a step of so many branches; where one was read at a time, of as many steps."""
        if self.width <= 1:
            return max(self.narrow, 0.0) * width
        share = (width - 1) / (self.width - 1)
        return max(self.narrow + (self.wide - self.narrow) * share, 0.0)


@dataclass(frozen=True)
class ContextCost:
    """Seconds more for every token that stands before it: of a token of the output, of a chunk read again, of a step of the tree."""

    output: float = 0.0
    again: float = 0.0
    branches: float = 0.0


@dataclass(frozen=True)
class Steps:
    """What was measured, seconds, of the work `done`. `step` is one token of the output; `again` None where nothing was read again, and
    `whole` says that all was read, not the output alone; `keeping` is putting it together and writing it once.
    """

    done: Work
    prompt: float
    head: float  # measuring the prompt's tokens
    step: float
    again: float | None = None
    whole: bool = False
    tree: TreeSteps | None = None
    analysis: float = 0.0
    keeping: float = 0.0
    growth: ContextCost = ContextCost()


@dataclass(frozen=True)
class PartSizes:
    """Bytes in a file of what was recorded in the work `done`: of prompt, output, what was found inside, branches, code; and the rest."""

    done: Work
    prompt: float
    output: float
    inside: float
    branches: float
    code: float
    distinct: float  # the spelling of every distinct token
    facts: float


def seconds_of(work: Work, steps: Steps, arithmetic: Arithmetic) -> dict[str, float]:
    """Seconds by stage: prompt, output, reading again, branches, analysis, writing."""
    done = steps.done
    read = _ratio(arithmetic.reading(0, work.prompt), arithmetic.reading(0, done.prompt))
    rows = _ratio(work.prompt - 1, done.prompt - 1)
    longer = max(0.0, work.prompt + work.output / 2 - done.prompt - done.output / 2)
    found = {
        "prompt": steps.prompt * read + steps.head * rows,
        "output": work.output * (steps.step + steps.growth.output * longer),
    }
    if work.rereads and steps.again is not None:
        found["reading again"] = _again(work, steps, arithmetic)
    more = _ratio(work.branches + 1, done.branches + 1) * _ratio(work.tokens + work.length, done.tokens + done.length)
    analysis = steps.analysis * more
    if work.nodes + work.asked and steps.tree is not None:
        found["branches"] = _branches(work, steps.tree, steps)
    found["analysis"] = analysis
    rows = _KEPT_MAIN * work.tokens + _KEPT_ALL * (work.tokens + work.nodes + work.asked)
    found["writing"] = steps.keeping * _ratio(rows, done.tokens + done.nodes + done.asked)
    return found


def scoring_seconds(passes: Sequence[int], done: Sequence[int], first: float, again: float, arithmetic: Arithmetic) -> float:
    """Seconds of reading in passes of so many tokens, where passes of `done` tokens took `first` seconds and, a second time, `again`."""
    cost = [sum(arithmetic.reading(0, count) + count * arithmetic.head for count in counts) for counts in (passes, done)]
    return first + max(0.0, _ratio(*cost) - 1) * again


def _again(work: Work, steps: Steps, arithmetic: Arithmetic) -> float:
    """Seconds of reading the output again: rows cost what those of the prompt did, and each chunk what else was measured."""
    assert steps.again is not None
    done = steps.done
    if steps.whole:
        return steps.again * _ratio(arithmetic.reading(0, work.tokens), arithmetic.reading(0, done.tokens))
    head = steps.head / max(1, done.prompt - 1)
    row = steps.prompt / max(1, done.prompt) + (1 + work.opinions) * head
    chunk = max(0.0, steps.again - done.output * row)
    if chunk == 0.0:  # what was measured knows better
        row = steps.again / max(1, done.output)
    longer = max(0.0, work.prompt + work.output / 2 - done.tokens)
    return math.ceil(work.output / REPLAY_CHUNK) * (chunk + steps.growth.again * longer) + work.output * row


def _branches(work: Work, tree: TreeSteps, steps: Steps) -> float:
    """Seconds of the tree; what stands before its steps are the main path and, on average, half of its nodes."""
    longer = max(0.0, work.tokens - steps.done.tokens + (work.nodes + work.asked - tree.nodes) / 2)
    return tree.ready + sum(
        count * (tree.step(width) + steps.growth.branches * longer * width / tree.width) for width, count in schedule(work)
    )


def schedule(work: Work) -> Iterator[tuple[int, int]]:
    """(branches that advance together, how many steps) of a tree that uses up its nodes in branches of full length."""
    if work.asked:
        yield 1, work.asked
    left = work.nodes
    while left >= work.length > 1:
        width = min(work.wave, left // work.length)
        yield width, work.length - 1  # the first token of each is an alternative that was measured already
        left -= width * work.length
    if left > 1 and work.length > 1:
        yield 1, left - 1


def file_of(work: Work, sizes: PartSizes) -> dict[str, float]:
    """Bytes in the file by stage; those of facts and spellings are the writing's."""
    done = sizes.done
    all_tokens, all_done = (one.tokens + one.nodes + one.asked for one in (work, done))
    distinct = _ratio(all_tokens, all_done) ** _DISTINCT
    return {
        "prompt": sizes.prompt * _ratio(work.prompt, done.prompt),
        "output": sizes.output * _ratio(work.output, done.output),
        "reading again": sizes.inside * _ratio(work.tokens, done.tokens),
        "branches": sizes.branches * _ratio(work.nodes + work.asked, done.nodes + done.asked),
        "analysis": sizes.code * _ratio(work.tokens + work.branches, done.tokens + done.branches),
        "writing": sizes.facts + sizes.distinct * distinct,
    }


def estimate(
    seconds: Mapping[str, float],
    memory: Mapping[str, float],
    file: Mapping[str, float],
    *,
    programs: int = 0,
    timeout: float = 0.0,
    notes: Sequence[str] = (),
) -> Estimate:
    """The stages that take time or space in the file, in the order of `seconds`."""
    names = [*seconds, *(name for name, count in file.items() if name not in seconds and count >= 1)]
    stages = [Stage(name, seconds.get(name), memory.get(name), file.get(name, 0.0)) for name in names]
    return Estimate(stages, programs, timeout, tuple(notes))


def _ratio(asked: float, done: float) -> float:
    return asked / done if done > 0 else 1.0 if asked <= 0 else asked
