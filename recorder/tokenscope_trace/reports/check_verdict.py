"""The verdict of the check: what the user's command said of the output, in words that every report begins with. A Trace in, plain data out.

Also whether the check itself may be at fault: where everything fails with one message. Knows no markup and no colour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from tokenscope_trace.privacy.anonymize import LEFT_OUT
from tokenscope_trace.text import shortened, visible_line
from tokenscope_trace.traces.facts import CheckFacts
from tokenscope_trace.traces.schema import CheckResult
from tokenscope_trace.traces.trace import Trace

PASSED, FAILED, TIMED_OUT, UNRUN, UNCHECKED = "passes", "fails", "times-out", "not-run", "unchecked"
_KEYS = {CheckResult.PASS: PASSED, CheckResult.FAIL: FAILED, CheckResult.TIME_OUT: TIMED_OUT}
_OUTPUT = {
    PASSED: "The output passes the check",
    FAILED: "The output fails the check",
    TIMED_OUT: "The check of the output timed out",
    UNCHECKED: "The output is not finished and was not checked",
}
_LABELS = {
    PASSED: "passes the check",
    FAILED: "fails the check",
    TIMED_OUT: "times out in the check",
    UNRUN: "the check could not be run",
    UNCHECKED: "not checked",
}
_SIGNS = {PASSED: "\N{CHECK MARK}", FAILED: "\N{BALLOT X}", TIMED_OUT: "\N{BALLOT X}", UNRUN: "!", UNCHECKED: "?"}
_WIDTH = 200  # of a printed line
_BEFORE_RUN = "it could not be run"  # a reason in `run.missing`
# What differs between runs that say the same: places in code, addresses, times, dates, names of temporary files, processes.
_VARIES = (
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "0x"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*|\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "TIME"),
    (re.compile(r"\b\d+(?:[.,]\d+)?\s?(?:n|u|µ|μ|m)?s(?:ec(?:ond)?s?)?\b|\bduration_ms:? [\d.]+"), "TIME"),
    (re.compile(r"(\bline |\bcolumn |\.\w{1,5}:|:\d+:|\.\w{1,5}\()\d+(?:[:,]\d+)?"), r"\1N"),
    (re.compile(r"\b(?:tmp|pytest-|tokenscope-)[\w-]+"), "TMP"),
    (re.compile(r"\bpid[ =:]*\d+|==\d+==|\[\d{2,7}\](?=:|\s)"), "PID"),
)
_NAMED = re.compile(r"\b\w*(?:Error|Exception)\b[^:]*:|\b(?:error|fatal|panic)\b[^:]*:", re.IGNORECASE)
_ERROR = re.compile(
    r"\b\w*(?:Error|Exception|Interrupt|Exit)\b|\b(?:error|fatal|panic|undefined|assert\w*|expected|killed|fault)\b|not found|no such|"
    r"cannot|can't",
    re.IGNORECASE,
)
_ASSERTS = re.compile(r"assert|expect|\bgot\b|\bwant\b|!=|==|not equal|mismatch|differ", re.IGNORECASE)
_ONLY_FAILS = re.compile(  # lines that end or divide a report, and say nothing of why
    r"[\s=_.*~^#|+-]*|[^\w\s]*\s*(?:(?:FAIL|FAILED|FAILURE|FAILURES|ERROR|ERRORS|ok|not ok|exit status \d+)\b[\W\d]*)?"
    r"|[^\w\s]*\s*FAIL(?:ED)?\b.*|[=\s]*\d+ (?:failed|errors?|passed|tests?|pass|fail)\b.*|(?:#|ℹ|1\.\.).*|make: \*\*\*.*|\*\*\*Test Failed\*\*\*.*"
    r"|\*+|Ran \d+ tests? in .*|-*|\.\.\.",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Verdict:
    """What the check said of the output.

    `key` names it for a style: passes, fails, times-out, not-run, unchecked. `sentence` says it, with how many alternatives pass; `label`
    is a few words for a title. `printed` are the last lines that the command printed for the output, `message` the one of them that says
    most. `doubt` is a sentence where the check itself may be at fault, else empty; `reason` why it could not be run.
    """

    key: str
    label: str
    sentence: str
    printed: tuple[str, ...]
    message: str
    doubt: str
    reason: str = ""

    @property
    def headline(self) -> str:
        """The sentence, where there is room for few words: the reason follows."""
        return "The check could not be run:" if self.reason else self.sentence

    @property
    def sign(self) -> str:
        """One sign for the key."""
        return _SIGNS[self.key]


def make_verdict(trace: Trace) -> Verdict | None:
    """The verdict; None where no check was asked for."""
    facts = trace.facts.check
    lacks = [one.reason for one in trace.facts.missing if one.stage == "check"]
    if trace.files or (facts is None and not lacks):
        return None
    if (facts is not None and facts.not_run is not None) or _BEFORE_RUN in lacks:
        known = facts.not_run if facts is not None and facts.not_run != LEFT_OUT else None
        reason = visible_line(known or "")
        sentence = f"The check could not be run{f': {reason}' if reason else ''}."
        return Verdict(UNRUN, _LABELS[UNRUN], sentence, (), "", "", reason)
    main = trace.checks.branch == -1
    if not np.any(main) and lacks:
        return _verdict(UNCHECKED, f"The output was not checked: {visible_line(lacks[0])}.")
    key = _KEYS[CheckResult(int(trace.checks.result[main][0]))] if np.any(main) else UNCHECKED
    texts = facts.outputs if facts is not None else ()
    printed = _lines(texts[int(trace.checks.output[main][0])]) if np.any(main) else ()
    return _verdict(key, _sentence(trace, key), printed, _doubt(trace, facts))


def telling_line(lines: tuple[str, ...]) -> str:
    """Of what a command printed the line that says most: the last that names an error, else the last that is no mere count of failures;
    where that ends with a colon, with what it announces.
    """
    telling = [place for place, line in enumerate(lines) if not _ONLY_FAILS.fullmatch(line.strip())]
    named, errors = ([place for place in telling if pattern.search(lines[place])] for pattern in (_NAMED, _ERROR))
    first = (named or errors or telling or [len(lines)])[-1]
    announces = first < len(lines) and lines[first].rstrip().endswith(":")
    more = takewhile(lambda place: lines[place].strip() and place in telling, range(first + 1, len(lines)))
    places = [first, *(more if announces else ())]
    return shortened(" ".join(lines[place].strip() for place in places if place < len(lines)), _WIDTH)


def same_text(text: str) -> str:
    """A text without what differs from run to run though it says the same."""
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    return " ".join(text.split())


def _verdict(key: str, sentence: str, printed: tuple[str, ...] = (), doubt: str = "") -> Verdict:
    return Verdict(key, _LABELS[key], sentence, printed, telling_line(printed) or (printed or ("",))[-1].strip(), doubt)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(shortened(visible_line(line), _WIDTH) for line in text.splitlines())


def _sentence(trace: Trace, key: str) -> str:
    """What the command said of the output and of how many others."""
    passes, others = trace.checks.result == CheckResult.PASS, trace.checks.branch != -1
    passing, count = int(np.count_nonzero(passes & others)), int(np.count_nonzero(others))
    what = _OUTPUT[key]
    if not count:
        return f"{what}."
    does, do = ("does", "do") if key == PASSED else ("passes", "pass")
    if count > 1:
        found = f"{passing:,} of {count:,} finished alternatives {does if passing == 1 else do}"
        return f"{what}; {found if passing else f'none of {count:,} finished alternatives {does}'}."
    if passing:
        return f"{what}; the one finished alternative {does}{', too' if key == PASSED else ''}."
    return f"{what}; the one finished alternative does not."


def _doubt(trace: Trace, facts: CheckFacts | None) -> str:
    """That the check itself may be at fault: all programs fail with one message, or none comes to an end in time."""
    results = trace.checks.result
    count = len(results)
    if facts is None or count < 2:
        return ""
    who = "Both programs" if count == 2 else f"All {count:,} programs"
    if np.all(results == CheckResult.TIME_OUT):
        limit = f" {facts.timeout:g} s" if facts.timeout is not None else " the time"
        return f"{who} time out: probably the check itself does not come to its end within{limit} (--check-timeout)."
    if not np.all(results == CheckResult.FAIL):
        return ""
    said = {_message(facts.outputs[output]) for output in dict.fromkeys(trace.checks.output.tolist())}
    message = _lines(telling_line(tuple(facts.outputs[int(trace.checks.output[0])].splitlines())))
    if len(said) > 1 or not message:
        return ""
    asserts = _ASSERTS.search(message[0])
    if asserts and count < 3:
        return ""
    why = "they are wrong alike, or the check is" if asserts else "probably the check itself cannot work"
    return f"{who} fail with the same message, “{message[0]}”: {why}."


def _message(text: str) -> str:
    """What a failure says, comparable; the whole text where no line says more than another."""
    return same_text(telling_line(tuple(text.splitlines())) or text)
