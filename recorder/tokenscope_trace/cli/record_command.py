"""The command line `tokenscope-record`: options in, an exit code out. Holds no logic of recording.

What records is imported when a recording starts, so that help and mistakes cost nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import tokenscope_trace
from tokenscope_trace.cli.command_help import GroupedCommand
from tokenscope_trace.cli.record_options import (
    check_check,
    check_forced,
    check_settings,
    generation_settings,
    model_settings,
    prompt_text,
    recording_options,
    replay_settings,
    spelled_command,
    spelled_options,
    tree_settings,
)
from tokenscope_trace.cli.sentences import tell
from tokenscope_trace.errors import EXIT_INTERRUPTED
from tokenscope_trace.settings import BUILTIN_MODEL, ModelSettings
from tokenscope_trace.streams import check_stdout

if TYPE_CHECKING:
    from tokenscope_trace.languages.language import Language
    from tokenscope_trace.models.backend import Backend
    from tokenscope_trace.session.jobs import Job

_EXAMPLES = {
    "Tree": r"tokenscope-record prompt.py --tree-nodes 8000 --tree-length 64 --force-text '12: is None'",
    "Model": "tokenscope-record prompt.py --model Qwen/Qwen2.5-Coder-0.5B --dtype bfloat16",
    "Prompt": "tokenscope-record module.py --fim        (module.py holds <FILL> where code is missing)",
    "Existing code": "tokenscope-record --diff main... -o review.tsc        tokenscope-record --score a.py b.py",
    "Decoding": r"tokenscope-record prompt.py --temperature 0.8 --top-p 0.95 --seed 7 --stop '\ndef '",
    "Inside the model": "tokenscope-record prompt.py --attention-top 16 --lens",
    "Decisions": "tokenscope-record prompt.py --check 'python -m doctest {file}' --decisions 5",
    "Recording": "tokenscope-record prompt.py --dry-run        cat prompt.py | tokenscope-record - -o trace.tsc",
    "Recording again": "tokenscope-record --replay trace.tsc --dtype bfloat16 -o again.tsc",
}

_HINTS = {  # what people guess
    "--no-tree": "--tree-nodes 0",
    "--no-branches": "--tree-nodes 0",
    "--no-decisions": "--decisions 0",
    "--max-tokens": "--max-new-tokens",
    "--max-length": "--max-new-tokens",
    "--n-predict": "--max-new-tokens",
    "--greedy": "--temperature 0",
    "--out": "--output",
    "--overwrite": "--force",
    "--test": "--check",
}

_EPILOG = """\b
Exit codes:
  0    the trace is written
  2    the command line is wrong
  3    the prompt or the code cannot be read or redacted, or does not fit the model
  4    the model or its tokenizer cannot be loaded or used
  5    the output cannot be written; standard error says where the recording is instead
  6    the trace to be recorded again cannot be read, or cannot be recorded again (--replay)
  7    the trace is written and lacks a part; standard error and its notes say which and why
  8    recorded again, something differs beyond the noise (--replay)
  130  interrupted; what was there by then is written, marked as interrupted
"""
_GENERATING = (
    "chat", "system", "fim", "fim_marker", "fim_tokens", "fim_order", "max_new_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "tree_nodes",
    "tree_width", "tree_depth", "tree_length", "tree_extra", "tree_min_prob", "tree_temperature", "force_token", "force_text",
    "decisions", "check", "check_folder", "check_timeout", "check_memory",
)  # fmt: skip


_OF_REPETITION = (
    "replay", "differences", "output", "force", "quiet", "model", "revision", "device", "device_map", "dtype", "trust_remote_code",
    "allow_pickle", "check", "check_folder", "check_timeout", "check_memory", "help", "version",
)  # fmt: skip
_NO_WORDS = frozenset({"replay", "differences", "output", "force", "quiet"})  # of those, in the command of what is recorded


@click.command(
    cls=GroupedCommand,
    program="tokenscope-record",
    examples=_EXAMPLES,
    hints=_HINTS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.argument("prompt", metavar="PROMPT | --score FILE... | --diff REV", nargs=-1)
@recording_options
@click.version_option(tokenscope_trace.__version__, prog_name="tokenscope-record")
@click.pass_context
def main(context: click.Context, /, prompt: tuple[str, ...], **options: Any) -> None:
    """Run a language model on PROMPT and record every token with its metrics and alternatives.

    PROMPT is a UTF-8 file, or - for standard input. The model goes on from where it ends. The small built-in model needs
    no network; choose a real one with --model. The result is a trace: tokenscope-html makes a report of it, and
    tokenscope_trace.Trace reads it in Python.

    With --score or --diff nothing is generated: the model reads code that exists, and the trace says how expected each of
    its tokens was. Surprising is not wrong.

    With --replay a trace is recorded again, from what it holds, and what differs is said.
    """
    again = options["replay"] is not None
    if options["differences"] is not None and not again:
        raise click.UsageError("--differences needs --replay.")
    (_check_repetition if again else _check_usage)(context, prompt, options)
    try:
        exit_code = _record_again(options, context) if again else _run(prompt, options, context)
    except KeyboardInterrupt:
        what = "file was read" if _scores(options) else "token"
        tell(f"tokenscope-record: interrupted before the first {what}; nothing was written.")
        exit_code = EXIT_INTERRUPTED
    sys.exit(exit_code)


def _check_usage(context: click.Context, prompt: Sequence[str], options: dict[str, Any]) -> None:
    """Raises click.UsageError where options contradict each other."""
    scores = "--score" if options["score"] else "--diff" if options["diff"] is not None else None
    if options["score"] and options["diff"] is not None:
        raise click.UsageError("--score and --diff exclude each other.")
    if scores:
        given = click.core.ParameterSource.COMMANDLINE
        for param in context.command.params:
            if param.name in _GENERATING and context.get_parameter_source(param.name) is given:
                raise click.UsageError(f"{param.opts[-1]} says how to generate, and {scores} generates nothing.")
    if scores and "prompt" in options["redact"]:
        raise click.UsageError(f"--redact prompt: with {scores} there is no prompt; strings and comments can be redacted.")
    if not prompt and options["diff"] is None:
        raise click.UsageError("Missing argument 'PROMPT'." if not scores else "--score needs a file.")
    if len(prompt) > 1 and not scores:
        raise click.UsageError(f"there are {len(prompt)} prompts; give one, or --score to measure existing files.")
    _check_kind(context, options)
    generation_settings(options)
    check_forced(options)
    check_check(options)


def _check_kind(context: click.Context, options: dict[str, Any]) -> None:
    """Raises click.UsageError where options of one kind of prompt are given for another."""
    if options["system"] is not None and not options["chat"]:
        raise click.UsageError("--system needs --chat.")
    for name in ("fim_marker", "fim_tokens", "fim_order"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE and not options["fim"]:
            raise click.UsageError(f"--{name.replace('_', '-')} needs --fim.")
    if options["chat"] and options["fim"]:
        raise click.UsageError("--chat and --fim exclude each other.")


def _check_repetition(context: click.Context, prompt: Sequence[str], options: dict[str, Any]) -> None:
    """Raises click.UsageError where something is given that the trace says."""
    if prompt:
        raise click.UsageError("--replay takes the prompt from the trace; leave out PROMPT.")
    for param in context.command.params:
        given = context.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
        if given and param.name not in _OF_REPETITION:
            raise click.UsageError(
                f"{param.opts[-1]} does not go with --replay, which takes all but the model and where it runs from the trace."
            )
    if (
        options["revision"] is not None
        and context.get_parameter_source("model") is not click.core.ParameterSource.COMMANDLINE
    ):
        raise click.UsageError("with --replay, --revision needs --model.")
    check_check(options)
    if str(options["output"]) == "-" and str(options["differences"]) == "-":
        raise click.UsageError("the trace and the differences cannot both go to standard output.")


def _record_again(options: dict[str, Any], context: click.Context) -> int:
    """Record a trace again and say what differs; the exit code."""
    from tokenscope_trace.cli.console import Terminal, make_console
    from tokenscope_trace.cli.replay_command import Wishes, repeat
    from tokenscope_trace.privacy.sanitize import Preparation

    terminal = Terminal(make_console(quiet=options["quiet"]))
    wishes = Wishes(
        model=model_settings(options),
        chosen=context.get_parameter_source("model") is click.core.ParameterSource.COMMANDLINE,
        check=check_settings(options),
        output=options["output"],
        differences=options["differences"],
        force=options["force"],
        words=spelled_options(context, frozenset(_OF_REPETITION) - _NO_WORDS),
    )
    preparation = Preparation((), None, terminal.insist)
    return repeat(options["replay"], wishes, _load, preparation, terminal)


def _run(prompt: Sequence[str], options: dict[str, Any], context: click.Context) -> int:
    """Read the input, record it, and write; the exit code. Cheap checks come before the expensive imports."""
    from tokenscope_trace.cli.console import Terminal, make_console
    from tokenscope_trace.cli.estimate_words import print_estimate
    from tokenscope_trace.languages.definitions import by_name
    from tokenscope_trace.privacy.sanitize import Preparation, check_redactions
    from tokenscope_trace.session.runner import Plan, rehearse, run
    from tokenscope_trace.settings import Redaction

    scores = _scores(options)
    replay = replay_settings(options, generates=not scores)
    terminal = Terminal(make_console(quiet=options["quiet"]))
    redactions, language = tuple(map(Redaction, options["redact"])), by_name(options["language"] or "")
    job = _scoring(prompt, options) if scores else _generation(prompt[0], options, language)
    check_redactions(redactions, [name for name, _ in job.inputs[: None if scores else 1]], language, chat=options["chat"])
    preparation = Preparation(redactions, language, terminal.insist)
    preparation.read(job.inputs, scored=scores)
    output: Path = options["output"] or Path(f"{job.stem}.tsc")
    plan = Plan(
        output=None if str(output) == "-" else output,
        force=options["force"],
        model=_model_name(options["model"]),
        load=lambda: _load(model_settings(options)),
        replay=replay,
        language=language,
        decisions=options["decisions"],
        check=None if scores else check_settings(options, prompt[0]),
        command=spelled_command(context),
        prepare=preparation,
    )
    if options["dry_run"]:
        check_stdout()
        print_estimate(rehearse(job, plan, terminal))
        return 0
    return run(job, plan, terminal)


def _generation(source: str, options: dict[str, Any], language: Language | None) -> Job:
    from tokenscope_trace.session.jobs import generation_job

    text, name = _read(source)
    prompt = prompt_text(text, name, options)
    return generation_job(prompt, generation_settings(options), tree_settings(options), language)


def _scoring(sources: Sequence[str], options: dict[str, Any]) -> Job:
    from tokenscope_trace.recording.documents import changed_documents, named_documents
    from tokenscope_trace.session.jobs import scoring_job

    if options["diff"] is None:
        return scoring_job(named_documents(sources), options["top_alternatives"])
    documents, compared, notes = changed_documents(options["diff"], sources)
    return scoring_job(documents, options["top_alternatives"], compared, notes)


def _scores(options: dict[str, Any]) -> bool:
    return bool(options["score"]) or options["diff"] is not None


def _read(source: str) -> tuple[str, str]:
    from tokenscope_trace.models.prompts import read_text

    if source == "-" and sys.stdin.isatty():
        tell("Reading the prompt from the terminal; end it with Ctrl-D.")
    return read_text(source)


def _load(settings: ModelSettings) -> Backend:
    from tokenscope_trace.recording.backends import load_backend

    return load_backend(settings)


def _model_name(model: str) -> str:
    if model == BUILTIN_MODEL:
        return "the small built-in model (--model NAME_OR_PATH takes any Hugging Face causal language model)"
    return model


if __name__ == "__main__":
    main()
