"""The paths of a recording, walked anew: from the parents and the bytes of nodes, to what a person would keep of each.

Takes of a trace its columns and a few facts, and nothing that tokenscope concludes from them: its programs, outcomes and decisions are
what is judged here. Texts are bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tokenscope_trace import Trace
from tokenscope_trace.traces.schema import BranchEnd, Origin

_CLOSERS = re.compile(rb"(?:\s|[)\]};]|\bend\b)+")  # a stop string of these belongs to what it ends
_FENCE = re.compile(rb"^ {0,3}(`{3,}|~{3,})[^\n]*(?:\n|\Z)", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """What one path wrote behind a prompt. `nodes` are those that it wrote; of `text`, `kept` is what stands before the stop string;
    `ended` says whether it came to its own end: by a token that says so, or by a stop string.
    """

    prompt: bytes
    nodes: tuple[int, ...]
    pieces: tuple[bytes, ...]
    kept_size: int
    stopped: bool
    ended: bool

    @cached_property
    def text(self) -> bytes:
        """All that it wrote."""
        return b"".join(self.pieces)

    @property
    def kept(self) -> bytes:
        """What stands before the stop string."""
        return self.text[: self.kept_size]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each node's bytes begin in `text`."""
        found, at = [], 0
        for piece in self.pieces:
            found.append(at)
            at += len(piece)
        return tuple(found)


class NotJudged(Exception):
    """A recording is of a kind that the judge does not read: one sentence."""


class Paths:
    """The paths of one recording of a generation, of Python or of a chat. Raises NotJudged for others."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        kind, source = trace.run["prompt"]["kind"], trace.run["prompt"]["source"] or "-"
        self.chat = kind == "chat"
        if not self.chat and (kind != "text" or not source.endswith(".py")):
            raise NotJudged(f"only chats and the continuations of Python files are judged; {source} is neither.")
        self.stops = [stop.encode() for stop in trace.run["sampling"]["stop"] or ()]
        self._parents = trace.nodes.parent.tolist()
        self._owner = {
            node: branch
            for branch, (first, count) in enumerate(
                zip(trace.branches.first.tolist(), trace.branches.count.tolist(), strict=True)
            )
            for node in range(first, first + count)
        }
        self._main = self._upwards(int(trace.run["main_leaf"]))

    def _upwards(self, leaf: int) -> list[int]:
        found = []
        while leaf >= 0:
            found.append(leaf)
            leaf = self._parents[leaf]
        return found[::-1]

    @cached_property
    def main(self) -> Written:
        """The output."""
        return self._written(self._main)

    @cached_property
    def branches(self) -> list[Written]:
        """Every branch; one that rejoined another path goes on as that does."""
        return [self._written(self._nodes(branch)) for branch in range(len(self.trace.branches))]

    def branch_above(self, branch: int) -> int:
        """The branch that a branch leaves, -1 for the output."""
        return self._owner.get(self._parents[int(self.trace.branches.first[branch])], -1)

    def _nodes(self, branch: int) -> list[int]:
        table = self.trace.branches
        nodes = self._upwards(int(table.first[branch]) + int(table.count[branch]) - 1)
        while branch >= 0 and table.end[branch] == BranchEnd.REJOINED:
            at = int(table.rejoined[branch])
            branch = self._owner.get(at, -1)
            if branch < 0:
                nodes += self._main[self._main.index(at) + 1 :]
            else:
                nodes += range(at + 1, int(table.first[branch]) + int(table.count[branch]))
        return nodes

    def _written(self, nodes: list[int]) -> Written:
        trace = self.trace
        is_prompt = [trace.nodes.origin[node] == Origin.PROMPT for node in nodes]
        own = [node for node, given in zip(nodes, is_prompt, strict=True) if not given]
        special = [trace.is_special(int(trace.nodes.token_id[node])) for node in own]
        pieces = [b"" if mark else trace.token_bytes(node) for node, mark in zip(own, special, strict=True)]
        prompt = self._spelled([node for node, given in zip(nodes, is_prompt, strict=True) if given])
        size, stopped = before_stop(b"".join(pieces), self.stops)
        return Written(prompt, tuple(own), tuple(pieces), size, stopped, stopped or bool(own and special[-1]))

    def _spelled(self, nodes: list[int]) -> bytes:
        ids = self.trace.nodes.token_id
        return b"".join(self.trace.token_bytes(node) for node in nodes if not self.trace.is_special(int(ids[node])))


def before_stop(text: bytes, stops: list[bytes]) -> tuple[int, bool]:
    """(how many bytes stand before the first stop string, or with one of closers up to its end; whether there is one)."""
    found = [(text.find(stop), stop) for stop in stops if stop in text]
    if not found:
        return len(text), False
    at, stop = min(found)
    return at + (len(stop) if _CLOSERS.fullmatch(stop) else 0), True


def fork_of(main: Written, branch: Written) -> int:
    """The byte of the text at which a branch leaves the output."""
    at = 0
    while at < min(len(main.nodes), len(branch.nodes)) and main.nodes[at] == branch.nodes[at]:
        at += 1
    return branch.starts[at] if at < len(branch.nodes) else len(branch.text)


def fences(text: bytes) -> Iterator[tuple[int, int, bool]]:
    """(first byte, end, whether it is closed) of the code in each fence of a Markdown text."""
    at = 0
    while opening := _FENCE.search(text, at):
        mark = opening[1]
        closing = re.compile(rb"^ {0,3}" + re.escape(mark[:1]) + rb"{%d,}[ \t]*\r?(?:\n|\Z)" % len(mark), re.MULTILINE)
        closed = closing.search(text, opening.end())
        yield opening.end(), closed.start() if closed else len(text), closed is not None
        if closed is None:
            return
        at = closed.end()
