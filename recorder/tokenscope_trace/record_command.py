"""The command line `tokenscope-record`: options in, a trace file out. Holds no logic of recording.

torch and transformers are imported when a recording starts, so that help and mistakes cost nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import tokenscope_trace
from tokenscope_trace.command_help import GroupedCommand
from tokenscope_trace.errors import INTERRUPTED, reported
from tokenscope_trace.files import check_writable, write_atomically
from tokenscope_trace.interrupts import abortable, stoppable
from tokenscope_trace.record_options import (
    check_settings,
    generation_settings,
    model_settings,
    recording_options,
    replay_settings,
    spelled_command,
    tree_settings,
)
from tokenscope_trace.settings import BUILTIN_MODEL

if TYPE_CHECKING:
    from rich.console import Console

    from tokenscope_trace.models import LoadedModel
    from tokenscope_trace.traces import Trace

_EXAMPLES = {
    "Tree": r"tokenscope-record prompt.py --tree-nodes 8000 --tree-length 64 --force-text '12: is None'",
    "Model": "tokenscope-record prompt.py --model Qwen/Qwen2.5-Coder-0.5B --dtype bfloat16",
    "Prompt": "tokenscope-record module.py --fim        (module.py holds <FILL> where code is missing)",
    "Existing code": "tokenscope-record --diff main... -o review.tsc        tokenscope-record --score a.py b.py",
    "Decoding": r"tokenscope-record prompt.py --temperature 0.8 --top-p 0.95 --seed 7 --stop '\ndef '",
    "Inside the model": "tokenscope-record prompt.py --attention-top 16 --lens",
    "Decisions": "tokenscope-record prompt.py --check 'python -m doctest {file}' --decisions 5",
    "Recording": "cat prompt.py | tokenscope-record - -o trace.tsc --force",
}

_EPILOG = """\b
Exit codes:
  0    the trace is written
  2    the command line is wrong
  3    the prompt or the code cannot be read, or does not fit the model
  4    the model or its tokenizer cannot be loaded or used
  5    the output cannot be written
  130  interrupted; what was there by then is written, marked as interrupted
"""
_GENERATING = (
    "chat", "system", "fim", "max_new_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "tree_nodes",
    "tree_width", "tree_depth", "tree_length", "tree_extra", "tree_min_prob", "tree_temperature", "force_token", "force_text",
    "decisions", "check", "check_timeout", "check_memory",
)  # fmt: skip


@click.command(
    cls=GroupedCommand,
    examples=_EXAMPLES,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.argument("prompt", metavar="PROMPT", nargs=-1)
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
    """
    _check_usage(context, prompt, options)
    scores = options["score"] or options["diff"] is not None
    replay = replay_settings(options, generates=not scores)
    with reported("tokenscope-record"):
        try:
            run = _scoring(prompt, options) if scores else _generation(prompt[0], options)
            finish = _run(run, replay, options, spelled_command(context))
        except KeyboardInterrupt:
            what = "file was read" if scores else "token"
            click.echo(f"tokenscope-record: interrupted before the first {what}; nothing was written.", err=True)
            finish = "interrupted"
    sys.exit(INTERRUPTED if finish == "interrupted" else 0)


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
    if not prompt and not options["diff"]:
        raise click.UsageError("Missing argument 'PROMPT'." if not scores else "--score needs a file.")
    if len(prompt) > 1 and not scores:
        raise click.UsageError(f"there are {len(prompt)} prompts; give one, or --score to measure existing files.")
    if options["system"] is not None and not options["chat"]:
        raise click.UsageError("--system needs --chat.")
    if options["chat"] and options["fim"]:
        raise click.UsageError("--chat and --fim exclude each other.")


@dataclass(frozen=True)
class _Job:
    """What is to be recorded: the default output's stem, and how a loaded model makes a trace of it."""

    stem: str
    prepare: Callable[[LoadedModel], Any]
    record: Callable[..., Trace]


def _run(job: _Job, replay: Any, options: dict[str, Any], command: list[str]) -> str:
    """Record, write, report; returns why the recording ended. Cheap checks come before the expensive imports."""
    from tokenscope_trace.analysis import analysed
    from tokenscope_trace.console import checking, make_console, print_summary, working
    from tokenscope_trace.languages import by_name

    console = make_console()
    console.quiet = options["quiet"]
    output: Path = options["output"] or Path(f"{job.stem}.tsc")
    to_stdout = str(output) == "-"
    if not to_stdout:
        check_writable(output, force=options["force"])
    begin = time.perf_counter()
    with abortable(), working(console, f"Loading {_model_name(options['model'])}"):
        loaded = _load(options)
        prepared = job.prepare(loaded)
    load_seconds = time.perf_counter() - begin

    def stopping() -> None:
        console.print("Stopping; what is there by now is kept. Press Ctrl-C again to stop at once.")

    with stoppable(stopping) as should_stop:  # until the file is written
        trace = job.record(
            console, loaded, prepared, replay=replay, should_stop=should_stop, command=command, load_seconds=load_seconds
        )
        with checking(console) as on_check:
            trace = analysed(
                trace,
                by_name(options["language"] or ""),
                decisions=options["decisions"],
                check=check_settings(options),
                should_stop=should_stop,
                on_check=on_check,
            )
        data = trace.to_bytes()
        if to_stdout:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            write_atomically(output, data, force=options["force"])
    print_summary(console, trace, None if to_stdout else output, len(data))
    tree = trace.run.get("tree") or {}
    return "interrupted" if tree.get("finish") == "interrupted" else str(trace.run["finish"])


def _generation(source: str, options: dict[str, Any]) -> _Job:
    """Go on from a prompt."""
    from tokenscope_trace.prompt import encode_chat, encode_fim, encode_text, split_at_marker

    text, name = _read(source)
    if options["fim"]:
        split_at_marker(text, name, options["fim_marker"])

    def encode(loaded: LoadedModel) -> Any:
        if options["chat"]:
            return encode_chat(loaded.tokenizer, text, name, system=options["system"])
        if options["fim"]:
            return encode_fim(loaded.tokenizer, text, name, marker=options["fim_marker"])
        return encode_text(loaded.tokenizer, text, name)

    def record_it(
        console: Console, loaded: LoadedModel, prompt: Any, *, should_stop: Callable[[], bool], **more: Any
    ) -> Trace:
        from tokenscope_trace.console import following
        from tokenscope_trace.languages import by_name
        from tokenscope_trace.recording import record

        settings = generation_settings(options)
        with following(console) as follower:
            watcher = follower.watcher(should_stop, writing=settings.max_new_tokens)
            language = by_name(options["language"] or "")
            return record(loaded, prompt, settings, tree=tree_settings(options), language=language, watcher=watcher, **more)

    return _Job("stdin" if source == "-" else Path(source).stem, encode, record_it)


def _scoring(sources: Sequence[str], options: dict[str, Any]) -> _Job:
    """Measure code that exists."""
    from tokenscope_trace.documents import changed, given

    documents, compared, notes = (
        changed(options["diff"], sources) if options["diff"] is not None else (given(sources), None, [])
    )

    def record_it(
        console: Console, loaded: LoadedModel, _none: Any, *, should_stop: Callable[[], bool], **more: Any
    ) -> Trace:
        from tokenscope_trace.console import following
        from tokenscope_trace.scoring import score

        with following(console) as follower:
            watcher = follower.watcher(should_stop, reading=len(documents))
            top = options["top_alternatives"]
            return score(loaded, documents, top_alternatives=top, compared=compared, notes=notes, watcher=watcher, **more)

    only = len(documents) == 1
    return _Job("diff" if compared else Path(documents[0].source).stem if only else "score", lambda _loaded: None, record_it)


def _read(source: str) -> tuple[str, str]:
    from tokenscope_trace.prompt import read_text

    if source == "-" and sys.stdin.isatty():
        click.echo("Reading the prompt from the terminal; end it with Ctrl-D.", err=True)
    return read_text(source)


def _load(options: dict[str, Any]) -> LoadedModel:
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import huggingface_hub.utils
    import transformers

    from tokenscope_trace.models import load

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    huggingface_hub.utils.logging.set_verbosity_error()
    return load(model_settings(options))


def _model_name(model: str) -> str:
    if model == BUILTIN_MODEL:
        return "the small built-in model (--model NAME_OR_FOLDER takes any Hugging Face causal language model)"
    return model


if __name__ == "__main__":
    main()
