"""The runner: one recording from the model to the file, stage by stage, load, prepare, record, analyse, check, write.

In: a job and where its trace goes. Out: an exit code. Whatever fails after the first token costs its own stage; what there was at the
end of the last finished stage is written all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenscope_trace.analysis.check_command import fault_beforehand
from tokenscope_trace.analysis.pipeline import with_checks, with_decisions
from tokenscope_trace.errors import EXIT_INCOMPLETE, ModelError, OutputError, TokenScopeError
from tokenscope_trace.errors import EXIT_INTERRUPTED as EXIT_INTERRUPTED
from tokenscope_trace.failures import (
    CUT_OFF,
    INTERRUPTED,
    Missing,
    attempt,
    explained,
    is_memory,
    reason_of,
    released,
    reserve,
)
from tokenscope_trace.files import check_writable
from tokenscope_trace.languages.language import Language
from tokenscope_trace.models.backend import Backend
from tokenscope_trace.progress import Estimate
from tokenscope_trace.recording.backends import backend_of
from tokenscope_trace.recording.facts import clock
from tokenscope_trace.session.display import Display
from tokenscope_trace.session.format_limit import within_format
from tokenscope_trace.session.interrupts import Insisted, Stop, abortable
from tokenscope_trace.session.jobs import Job
from tokenscope_trace.session.output import Keeper, Nowhere, Written
from tokenscope_trace.settings import CheckSettings, ReplaySettings
from tokenscope_trace.traces.trace import Trace

if TYPE_CHECKING:
    from tokenscope_trace.models.loading import LoadedModel

MakeState = Callable[[Sequence[Missing]], Trace]


@dataclass(frozen=True)
class Plan:
    """What is done with a job beside recording it. `output` None is standard output; `prepare` makes of every trace what may be
    written; without `keep` nothing is written at all, and without `signals` those of the process are left alone: an interruption is
    then the KeyboardInterrupt that Python raises, in its main thread. Without `analyse` the trace stays as it was recorded.
    """

    output: Path | None
    force: bool
    model: str  # as the user is told that it is loaded
    load: Callable[[], Backend | LoadedModel]
    replay: ReplaySettings | None
    language: Language | None
    decisions: int
    check: CheckSettings | None
    command: Sequence[str]
    prepare: Callable[[Trace], Trace] = lambda trace: trace
    keep: bool = True
    signals: bool = True
    analyse: bool = True


def run(job: Job, plan: Plan, display: Display) -> int:
    """Record, write, report; the exit code. Raises as `perform` does."""
    done = perform(job, plan, display)
    if done is None:
        return EXIT_INTERRUPTED
    trace, written = done
    display.summary(plan.prepare(trace), written.path, written.size)
    return exit_code(trace)


def rehearse(job: Job, plan: Plan, display: Display) -> Estimate:
    """What recording this job would take; writes nothing, and says whether its output could be written. Raises as `perform` does."""
    assert job.estimate is not None
    _tell_of_check(job, plan, display)
    if plan.output is not None:
        try:
            check_writable(plan.output, force=plan.force)
        except OutputError as error:
            display.say(f"A recording would not begin: {error}")
    begin = time.perf_counter()
    with abortable():
        with display.working(f"Loading {plan.model}"):
            backend = backend_of(plan.load())
            prepared = job.prepare(backend)
        took = time.perf_counter() - begin
        with display.working("Trying a few steps"):
            return job.estimate(
                backend, prepared, replay=plan.replay, language=plan.language, check=plan.check, load_seconds=took
            )


def perform(job: Job, plan: Plan, display: Display) -> tuple[Trace, Written] | None:
    """Record and write; None where somebody insisted on leaving at once.

    Raises TokenScopeError where nothing is written, KeyboardInterrupt where it was interrupted before there was anything to write.
    """

    def stopping() -> None:
        display.say("Stopping; what is there by now is kept. Press Ctrl-C again to break off what runs, twice to leave.")

    clock()  # whose setting may be none
    is_told = _tell_of_check(job, plan, display)
    stop = Stop(stopping)
    keeper: Keeper = Nowhere()
    if plan.keep:
        keeper = Keeper(plan.output, force=plan.force, prepare=plan.prepare, shelter=stop.shelter, say=display.say)
    begin = time.perf_counter()
    with abortable() if plan.signals else nullcontext(), display.working(f"Loading {plan.model}"):
        backend = backend_of(plan.load())
        prepared = job.prepare(backend)
    stages = _Stages(job, plan, display, stop, keeper, is_told)
    with stop.listening() if plan.signals else nullcontext(), reserve():
        try:
            trace = stages.recorded(backend, prepared, time.perf_counter() - begin)
            del backend  # what follows may need the memory
            trace, written = stages.written(stages.analysed(trace))
        except Insisted:
            display.insist(f"Left at once. {keeper.left() or 'Nothing was written.'}")
            return None
        except TokenScopeError:
            raise
        except Exception as error:
            left = keeper.left()
            if not left and not is_memory(error):
                raise
            released(error)
            raise OutputError(
                f"the recording could not be finished: {reason_of(error)}. {left or 'Nothing was written.'}"
            ) from error
    return trace, written


def _tell_of_check(job: Job, plan: Plan, display: Display) -> bool:
    """Say that the check cannot be run, as far as that is known already; whether there was something to say."""
    check = plan.check if job.generates else None
    reason = "" if check is None else fault_beforehand(check.command, check.folder)
    if reason:
        display.insist(f"The check cannot be run: {reason}. The recording goes on without it.")
    return bool(reason)


def exit_code(trace: Trace) -> int:
    """What a caller is told of a trace that was written."""
    reasons = [one.reason for one in trace.facts.missing]
    return EXIT_INTERRUPTED if INTERRUPTED in reasons else EXIT_INCOMPLETE if reasons else 0


def with_missing(trace: Trace, missing: Sequence[Missing]) -> Trace:
    """The trace with what is missing beyond what it says itself."""
    if not missing:
        return trace
    facts = [*(trace.run.get("missing") or []), *(one.fact for one in missing)]
    notes = [*trace.facts.notes, *(one.sentence for one in missing)]
    return trace.replaced({**trace.run, "missing": facts, "notes": notes}, {})


class _Stages:
    """The stages of one recording after its model is there."""

    def __init__(self, job: Job, plan: Plan, display: Display, stop: Stop, keeper: Keeper, is_told: bool) -> None:
        self._job, self._plan, self._display, self._stop, self._keeper = job, plan, display, stop, keeper
        self._is_told = is_told  # that the check cannot be run
        self._state: MakeState | None = None
        self._missing: list[Missing] = []  # after the recording itself

    def recorded(self, backend: Backend, prepared: Any, load_seconds: float) -> Trace:
        """The trace without its analysis, or what there was at the end of the last stage that came to its end."""
        plan = self._plan
        try:
            following = self._display.following(self._job.extent, self._stop, self._on_state, self._on_missing)
            with following as watcher:
                return self._job.record(
                    backend, prepared, watcher, replay=plan.replay, command=list(plan.command), load_seconds=load_seconds
                )
        except (Exception, KeyboardInterrupt) as error:
            return self._instead(error)

    def analysed(self, trace: Trace) -> Trace:
        """With syntax, outcomes, decisions and checks, as far as they can be had."""
        plan = self._plan
        self._on_state(lambda also: with_missing(trace, also), True)
        if not plan.analyse:
            return trace
        found = attempt("structure", lambda: with_decisions(trace, plan.language, plan.decisions), self._lacks) or trace
        if plan.check is not None and self._job.generates:
            found = attempt("check", lambda: self._checked(found, plan.check), self._lacks) or found
        found, beyond = within_format(attempt("structure", lambda: with_missing(found, self._missing), self._lacks) or found)
        for one in beyond:
            self._on_missing(one, None)
        return found

    def written(self, trace: Trace) -> tuple[Trace, Written]:
        """Written, without the analysis where the memory does not hold it; with the trace that it is."""
        plain = self._state
        try:
            return trace, self._finish(trace)
        except Exception as error:
            if not is_memory(error):
                raise
            released(error)
            less = Missing("structure", reason_of(error))
            self._on_missing(less, error)
        assert plain is not None
        trace = plain([less, *self._unchecked(less.reason)])
        return trace, self._finish(trace)

    def _finish(self, trace: Trace) -> Written:
        written: list[Written] = []
        try:
            with self._stop.shelter():
                written.append(self._keeper.finish(trace))
        except KeyboardInterrupt:  # asked for while it was written; it is
            pass
        return written[0]

    def _checked(self, trace: Trace, check: CheckSettings | None) -> Trace:
        assert check is not None
        with self._display.checking() as on_check:
            found = with_checks(trace, self._plan.language, check, self._stop, on_check)
        facts = found.facts.check
        if facts is not None and facts.not_run is not None and not self._is_told:
            self._display.insist(f"The check could not be run: {facts.not_run}.")
        return found

    def _on_state(self, state: MakeState, finished: bool) -> None:
        if finished:
            self._state = state
        ahead = [Missing("structure", CUT_OFF), *self._unchecked(CUT_OFF)]
        self._keeper.offer(lambda: state(ahead), finished)

    def _unchecked(self, reason: str) -> list[Missing]:
        return [Missing("check", reason)] if self._plan.check is not None and self._job.generates else []

    def _lacks(self, missing: Missing, error: BaseException | None) -> None:
        self._missing.append(missing)
        self._on_missing(missing, error)

    def _on_missing(self, missing: Missing, error: BaseException | None) -> None:
        if isinstance(error, KeyboardInterrupt) and not self._plan.signals:  # nobody else notes that it was asked for
            self._stop.ask()
        for line in explained(missing, error):
            self._display.insist(line)

    def _instead(self, error: BaseException) -> Trace:
        """What there was before an error that no stage has caught. Raises it, in other words, where there was nothing."""
        reason, state = reason_of(error), self._state
        released(error)
        if state is not None:
            self._display.insist(f"The recording was broken off: {error if isinstance(error, TokenScopeError) else reason}.")
            return state([])
        if is_memory(error) and not self._keeper.left():
            raise ModelError(
                "the memory does not suffice to record this; try a shorter prompt, --dtype bfloat16 or --no-attention."
            ) from error
        raise error
