"""The pipeline of the analysis: a recording gets its syntax, outcomes, decisions, and the verdicts of the user's own check.

A Trace in, a Trace out; runs no model, but the user's command where there is one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import PurePosixPath

import numpy as np

from tokenscope_trace.analysis.behaviour import pivot
from tokenscope_trace.analysis.checks import Checked, NotRun, check_programs
from tokenscope_trace.analysis.decisions import add_decisions
from tokenscope_trace.analysis.runnable import file_name, finished_programs
from tokenscope_trace.analysis.structure import Code, add_structure
from tokenscope_trace.failures import INTERRUPTED, Missing
from tokenscope_trace.languages.language import Language
from tokenscope_trace.privacy.anonymize import without_places
from tokenscope_trace.settings import LISTED_DECISIONS, CheckSettings
from tokenscope_trace.text import shortened
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.container import MAX_ENTRIES
from tokenscope_trace.traces.fact_kinds import MAX_NAME
from tokenscope_trace.traces.trace import Trace
from tokenscope_trace.traces.validation import MAX_SAID

NOT_RUN = "it could not be run"


def analysed(
    trace: Trace,
    language: Language | None = None,
    *,
    decisions: int = LISTED_DECISIONS,
    check: CheckSettings | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_check: Callable[[int, int], None] = lambda _done, _of: None,
) -> Trace:
    """The trace with syntax, and where something was generated with outcomes, decisions and checks.

    `language` is what files of unknown suffix hold; `decisions` how many are listed at most. What goes wrong with the check is noted
    in the trace, which is worth more.
    """
    found = with_decisions(trace, language, decisions)
    return found if check is None else with_checks(found, language, check, should_stop, on_check)


def with_decisions(trace: Trace, language: Language | None = None, decisions: int = LISTED_DECISIONS) -> Trace:
    """The trace with syntax, and where something was generated with outcomes and decisions."""
    found = add_decisions(add_structure(trace, language), decisions)
    asked = {"language": None if language is None else language.name, "decisions": decisions}
    return found.replaced({**found.run, "asked": {**(found.run.get("asked") or {}), **asked}}, {})


def with_checks(
    trace: Trace,
    language: Language | None,
    check: CheckSettings,
    should_stop: Callable[[], bool] = lambda: False,
    on_check: Callable[[int, int], None] = lambda _done, _of: None,
) -> Trace:
    """The trace with what the user's command says of the programs of a generation; one of existing code as it is."""
    return trace if trace.files else _checked(trace, language, check, should_stop, on_check)


def _checked(
    trace: Trace,
    language: Language | None,
    settings: CheckSettings,
    should_stop: Callable[[], bool],
    on_check: Callable[[int, int], None],
) -> Trace:
    code = Code(trace, language)
    programs, name = finished_programs(trace, code), file_name(trace, code)
    notes: list[str] = []
    missing: list[Missing] = []
    found: list[Checked | None] = []
    reason = None
    try:
        texts = [program.text for program in programs]
        found = check_programs(texts, name, settings, should_stop=should_stop, on_done=on_check)
    except NotRun as error:
        reason = str(error)
        missing.append(Missing("check", NOT_RUN))
    if reason is None and not programs:
        notes.append(
            "The check was not run: no program of this recording is finished; raise --max-new-tokens, or say where the output ends with "
            "--stop."
        )
    elif None in found:
        missing.append(Missing("check", INTERRUPTED, partly=True))
        notes.append("The check was interrupted; some programs were not checked.")
    rows = [(program.branch, one) for program, one in zip(programs, found, strict=False) if one is not None]
    most = MAX_SAID // max(1, len(rows))
    rows = [(branch, replace(one, output=one.output[-most:])) for branch, one in rows]
    outputs = list(dict.fromkeys(one.output for _, one in rows))
    if len(outputs) > MAX_ENTRIES:
        del outputs[MAX_ENTRIES - 1 :]
        outputs.append("(another of very many outputs of the check)")
        notes.append(
            f"The check printed more than {MAX_ENTRIES - 1:,} different texts; the others are not in this recording."
        )
    places = {text: place for place, text in enumerate(outputs)}
    facts = {**_facts(settings, name), "not_run": reason, "outputs": outputs, "pivot": None}
    lacks = [*(trace.run.get("missing") or []), *(one.fact for one in missing)]
    run = {**trace.run, "check": facts, "missing": lacks, "notes": [*trace.facts.notes, *notes]}
    table: dict[str, Array] = {
        "branch": np.array([branch for branch, _ in rows], dtype=np.int32),
        "result": np.array([one.result for _, one in rows], dtype=np.uint8),
        "output": np.array([places.get(one.output, len(outputs) - 1) for _, one in rows], dtype=np.uint16),
    }
    asked = trace.facts.asked.decisions if trace.facts.asked is not None else None
    checked = add_decisions(trace.replaced(run, {"checks": table}), LISTED_DECISIONS if asked is None else asked)
    run = checked.run
    moves = pivot(checked)
    return checked if moves is None else checked.replaced({**run, "check": {**facts, "pivot": asdict(moves)}}, {})


def _facts(settings: CheckSettings, name: str) -> dict[str, object]:
    """What a check was, without where: of the folder its own name, of the program its place in it."""
    folder = settings.folder
    return {
        "command": shortened(without_places(settings.command), MAX_NAME),
        "timeout": settings.timeout,
        "memory": settings.memory,
        "folder": None if folder is None else os.path.basename(os.path.realpath(folder)),
        "file": None if folder is None else str(PurePosixPath(settings.place, name)),
    }
