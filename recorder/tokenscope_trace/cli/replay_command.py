"""`tokenscope-record --replay`: a trace is recorded again, and what differs is said. A trace file in, an exit code out.

Nothing in the trace is trusted: a check runs only if the user gives it, code of a model's repository and pickles only if he allows them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tokenscope_trace.cli.sentences import tell
from tokenscope_trace.comparison.agreement import Agreement, find_agreement
from tokenscope_trace.comparison.verdict import differences_json, verdict_lines
from tokenscope_trace.errors import EXIT_DIFFERENT, TraceError
from tokenscope_trace.errors import EXIT_INTERRUPTED as EXIT_INTERRUPTED
from tokenscope_trace.files import check_writable, write_atomically
from tokenscope_trace.recording.backends import has_device
from tokenscope_trace.session.recorded_settings import RecordedRequest, placed_check, recorded_model, recorded_request
from tokenscope_trace.session.repetition import repetition_job
from tokenscope_trace.session.runner import Plan, exit_code, perform
from tokenscope_trace.settings import BUILTIN_MODEL, CheckSettings, ModelSettings
from tokenscope_trace.streams import check_stdout, write_to_stdout
from tokenscope_trace.text import file_size, shortened, visible_line
from tokenscope_trace.traces.trace import Trace

if TYPE_CHECKING:
    from tokenscope_trace.cli.console import Terminal
    from tokenscope_trace.models.backend import Backend


@dataclass(frozen=True)
class Wishes:
    """What a user says beside the trace. `model` is what he gave, its name where it was `chosen`; `output` and `differences` are files
    to write, `-` is standard output, None is none; `words` are the options that go into the command of what is written.
    """

    model: ModelSettings
    chosen: bool
    check: CheckSettings | None
    output: Path | None
    differences: Path | None
    force: bool
    words: Sequence[str] = ()


def repeat(
    path: Path,
    wishes: Wishes,
    load: Callable[[ModelSettings], Backend],
    prepare: Callable[[Trace], Trace],
    terminal: Terminal,
) -> int:
    """Record a trace again and say what differs; the exit code.

    Raises TraceError where it cannot be recorded again, ModelError where its model cannot be had, OutputError; KeyboardInterrupt where
    it was interrupted before there was anything to compare.
    """
    recorded = Trace.load(path)
    wanted = recorded_request(recorded)
    settings = recorded_model(recorded.facts.model, wishes.model, chosen=wishes.chosen)
    for file in (wishes.output, wishes.differences):
        if file is not None and not _is_stdout(file):
            if file.resolve() == path.resolve():
                raise TraceError(f"{file} is the recording itself; name another file.")
            check_writable(file, force=wishes.force)
        elif file is not None:
            check_stdout()
    terminal.say(_intention(path, recorded, wanted))
    job = repetition_job(recorded, wanted, path)
    plan = Plan(
        output=None if wishes.output is None or _is_stdout(wishes.output) else wishes.output,
        force=wishes.force,
        model=_model_name(settings, chosen=wishes.chosen),
        load=lambda: load(_here(settings, wishes.model)),
        replay=wanted.replay,
        language=wanted.language,
        decisions=wanted.decisions,
        check=wishes.check and placed_check(wishes.check, recorded.facts.check),
        command=[*recorded.facts.command, *wishes.words],
        prepare=prepare,
        keep=wishes.output is not None,
    )
    done = perform(job, plan, terminal)
    if done is None:
        return EXIT_INTERRUPTED
    again, written = done
    if written.path is not None:
        terminal.say(f"trace  {written.path} ({file_size(written.size)})")
    found = find_agreement(recorded, again)
    _say(recorded, found, wishes, terminal)
    return _exit_code(recorded, again, found)


def _say(recorded: Trace, found: Agreement, wishes: Wishes, terminal: Terminal) -> None:
    """The report on standard output, unless something else goes there."""
    taken = any(file is not None and _is_stdout(file) for file in (wishes.output, wishes.differences))
    if wishes.differences is not None:
        content = differences_json(found).encode()
        if _is_stdout(wishes.differences):
            write_to_stdout(content)
        else:
            write_atomically(wishes.differences, content, force=wishes.force)
    if not terminal.quiet:
        for line in verdict_lines(recorded, found):
            tell(line, err=taken)


def _exit_code(recorded: Trace, again: Trace, found: Agreement) -> int:
    """An interruption, or a stage that the recording has and the repetition lacks, comes before a difference."""
    code = exit_code(again)
    if again.facts.lacking - recorded.facts.lacking or code == EXIT_INTERRUPTED:
        return code
    return 0 if found.same else EXIT_DIFFERENT


def _is_stdout(file: Path) -> bool:
    return str(file) == "-"


def _intention(path: Path, trace: Trace, wanted: RecordedRequest) -> str:
    facts = trace.facts.model
    parts = [shortened(visible_line(name), 60) for name in (facts.dtype, facts.device) if name]
    what = f"{len(trace.files):,} files" if trace.files else f"at most {wanted.generation.max_new_tokens:,} tokens"
    model = shortened(visible_line(facts.id or "a model without a name"), 60)
    return f"Recording {path} again: {what}, recorded with {model} ({', '.join(parts)})"


def _model_name(settings: ModelSettings, *, chosen: bool) -> str:
    if settings.name == BUILTIN_MODEL:
        return "the small built-in model"
    if chosen:
        return settings.name
    kinds = "weights as pickles, too" if settings.allow_pickle else "safetensors only"
    return f"{settings.name} at {settings.revision}, which the trace names, from the Hugging Face hub or its cache ({kinds})"


def _here(settings: ModelSettings, given: ModelSettings) -> ModelSettings:
    """On a device that is here, where the recorded one is not and none was given."""
    if given.device == settings.device or settings.device == "cpu" or has_device(settings.device):
        return settings
    return replace(settings, device="auto")
