"""What a reader promises about any payload at all: a refusal of one sentence, or a recording that every consumer takes.

Taken is what works, or ends in a sentence of its own (a TokenScopeError). An accepted recording costs no consumer more than a minute of
processor time and a gigabyte; `hold` takes another recording to compare with, so that two that differ are met, too.
"""

from __future__ import annotations

import re
import resource
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tests.fuzz.consumers import CONSUMERS
from tests.support.envelopes import packed

from tokenscope_trace import Trace
from tokenscope_trace.errors import TokenScopeError, TraceError

SENTENCE = 400  # characters
SECONDS, MEGABYTES = 60, 1024
COSTS: dict[str, float] = {}  # the most seconds of each consumer so far
MEMORY = [0.0]  # the most megabytes that one payload took so far
_STATUS = Path("/proc/self/status")


def hold(payload: bytes, other: Trace | None = None, consumers: Iterable[str] = CONSUMERS) -> str | None:
    """The sentence of the refusal, None for a recording. Raises whatever else happens.

    `consumers` are those that are tried: all together are some fifty reports.
    """
    before = held_from_now_on()
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        try:
            trace = Trace.from_bytes(packed(payload))
        except TraceError as error:
            return _sentence(error)
        for name in consumers:
            begin = time.process_time()
            try:
                CONSUMERS[name](trace, other or trace)
            except TokenScopeError as error:
                _sentence(error)
            took = time.process_time() - begin
            COSTS[name] = max(COSTS.get(name, 0.0), took)
            assert took < SECONDS, f"{name} took {took:.0f} s"
    MEMORY[0] = max(MEMORY[0], took_memory := _most_held() - before)
    assert took_memory < MEGABYTES, f"{took_memory:,.0f} MB were taken"
    return None


def held_from_now_on() -> float:
    """The megabytes that this process holds, whatever it did before; on Linux the most that it holds is counted anew from here."""
    if not _STATUS.exists():
        return _most_held()
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _most_held() -> float:
    if _STATUS.exists():
        return _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


def _status(name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    assert found, name
    return int(found[1]) / 1024


def worst() -> str:
    """The most seconds of each consumer so far, and the memory, as a line."""
    times = ", ".join(f"{name} {took:.1f} s" for name, took in sorted(COSTS.items(), key=lambda item: -item[1]))
    return f"At most: {times}; {MEMORY[0]:,.0f} MB."


def reads(payload: bytes) -> bool:
    """Whether it is taken for a recording."""
    try:
        Trace.from_bytes(packed(payload))
    except TraceError:
        return False
    return True


def _sentence(error: TokenScopeError) -> str:
    sentence = str(error)
    assert sentence.isprintable(), sentence
    assert sentence.endswith("."), sentence
    assert len(sentence) <= SENTENCE, sentence
    return sentence


def keep(payload: bytes, name: str, folder: Path) -> None:
    """Write a payload that broke the promise, as a file that tokenscope-html can be tried on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.tsc").write_bytes(packed(payload))
