"""Decisions in words as plain data: where, what was written, what else was likely, and what that led to. Knows no trace and no markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenscope_trace.text import percent

END = "the end of the text"
REST = "anything else"
NEGLIGIBLE = 0.005  # a probability that needs no row of its own
TIMES_OUT = "times out"
PASSES = "passes"
TASTE, BEHIND = "Names and taste", "Behind the function"  # headings
_NO_DIFFERENCE = ("same", "follows", "unknown", "unfinished")  # outcomes that show none, or none yet
_FAR = ("control", "calls", "broken")  # outcomes that names and wording alone do not have


@dataclass(frozen=True)
class DiffLine:
    """One line of a small diff: `sign` is '-' (the main path), '+' (the branch) or ' ' (both); `text` without line end."""

    sign: str
    text: str


@dataclass(frozen=True)
class OptionEntry:
    """What else could have been written. `branch` is -1 where it was not explored; `node` is where a reader goes: the branch's
    first token, or the token that it replaces. `key` names the outcome for a style: same, renamed, follows, expression, control,
    calls, broken, complete, unfinished, unknown.

    Its probability is that of the token with which it departs at the token `fork` of the main path, and `against` that of the token
    that stands there: the two sides of one fork.
    """

    text: str
    note: str  # how it differs from another one that reads the same, or how its white space does: `dedented`; else empty
    fork: int
    probability: float
    percent: str
    against: float
    against_percent: str
    against_text: str  # the token that stands at the fork
    overall: float  # its probability times those of the decision's tokens before the fork
    branch: int
    node: int
    outcome: str
    key: str
    is_end: bool  # the model ends the text there; `text` is then END, and no code
    check: str  # what the user's command said of its program: passes, fails, times out; empty where that needs no ink
    said: tuple[str, ...]  # the last lines that the command printed
    diff: tuple[DiffLine, ...]
    diff_left_out: int  # lines of it that are not here


@dataclass(frozen=True)
class DecisionEntry:
    """One decision, numbered from 1. `where` says what it decides and in which function, without the line.

    `line`, from 1, is where what was decided begins to show: bytes [start, end) of the program, without white space at its ends, but
    where it is nothing else. What ended the text stands where the output ends.

    The probability is that of the one token of what was written at which its most probable option departs (of those that were explored,
    where any was), the token `fork`, which reads `fork_text`; `whole` is the product over all of its tokens.
    """

    number: int
    node: int
    count: int  # tokens from `node` on
    line: int
    start: int
    end: int
    where: str
    written: str
    is_end: bool  # as in OptionEntry
    fork: int
    fork_text: str
    probability: float
    percent: str
    whole: float
    whole_percent: str
    drawn: str  # which choice it was, such as `8th choice`, where it was drawn by chance and was not the first; else empty
    check: str  # as in OptionEntry, of the output
    coin_flip: bool
    taste: bool
    behind: bool  # it is about what follows the code that was asked for
    options: tuple[OptionEntry, ...]

    @property
    def rest(self) -> str:
        """The share of all that is neither written nor listed, in words; empty where it is negligible."""
        return rest(self, self.options)

    @property
    def heading(self) -> str:
        """What it stands under in a list: nothing where it matters most, as where an option has another verdict than the output."""
        if any(option.check not in ("", self.check) for option in self.options):
            return ""
        return BEHIND if self.behind else TASTE if self.taste else ""

    @property
    def remark(self) -> str:
        """What the percentage of what was written is of, in words, where that is not plain: `at “↵”; all 9 tokens 0.7 %`."""
        at = "" if self.is_end or _begins(self.written, self.fork_text) else f"at “{self.fork_text}”"
        tokens = "both tokens" if self.count == 2 else f"all {self.count:,} tokens"
        whole = f"{tokens} {self.whole_percent}" if self.count > 1 else ""
        return "; ".join(part for part in (at, whole) if part)

    @property
    def opened(self) -> OptionEntry | None:
        """The option whose difference a reader sees first: the one that passes where the output does not, else the most probable one
        that is known to lead to something else, else to anything.
        """
        shown = [option for option in self.options if option.diff]
        saves = [option for option in shown if option.check == PASSES and self.check != PASSES]
        others = [option for option in shown if option.key not in _NO_DIFFERENCE]
        return max(saves or others or shown, key=lambda option: option.overall, default=None)

    def is_elsewhere(self, option: OptionEntry) -> bool:
        """Whether an option departs at another token than the one whose probability stands beside what was written."""
        return option.fork != self.fork


def rest(decision: DecisionEntry, options: Sequence[OptionEntry]) -> str:
    """The share of all that is, at the decision's fork, neither what was written nor one of these options, in words; empty where it is
    negligible.
    """
    left = rest_share(decision, options)
    return percent(min(left, 1.0)) if left >= NEGLIGIBLE else ""


def rest_share(decision: DecisionEntry, options: Sequence[OptionEntry]) -> float:
    """The same as a number, not below 0."""
    here = sum(option.probability for option in options if not decision.is_elsewhere(option))
    return max(0.0, 1 - decision.probability - here)


def cautions(decision: DecisionEntry) -> Iterator[str]:
    """Sentences that a reader of a decision should know."""
    if decision.drawn:
        yield f"It was drawn by chance, the {decision.drawn}."
    if decision.check:
        yield (
            f"The output {decision.check} the check."
            if decision.check != TIMES_OUT
            else "The check of the output timed out."
        )
    if decision.coin_flip:
        yield "It was a coin flip: the difference lies within numerical noise."
    elif decision.taste and not any(option.key in _FAR for option in decision.options):
        yield "Alternatives differ in names and wording only."


def _begins(written: str, token: str) -> bool:
    """Whether what was written begins with a token, as far as both are shown."""
    sign = token.strip("· ").removesuffix("…")
    own = written.strip("· ")
    return bool(sign) and (own.startswith(sign) or sign.endswith(own))
