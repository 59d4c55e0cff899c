"""The command line `tokenscope-record`: options in, a trace file out. Holds no logic of recording.

torch and transformers are imported when a recording starts, so that help and mistakes cost nothing.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import tokenscope_trace
from tokenscope_trace.command_help import GroupedCommand, GroupedOption
from tokenscope_trace.errors import INTERRUPTED, PromptError, reported
from tokenscope_trace.files import check_writable, write_atomically
from tokenscope_trace.interrupts import abortable, stoppable
from tokenscope_trace.settings import (
    BUILTIN_MODEL,
    DEFAULT_FIM_MARKER,
    ForcedPath,
    GenerationSettings,
    ModelSettings,
    TreeSettings,
    parse_forced_text,
    parse_forced_token,
)

if TYPE_CHECKING:
    from rich.console import Console

    from tokenscope_trace.models import LoadedModel
    from tokenscope_trace.prompt import Prompt
    from tokenscope_trace.traces import Trace

Command = TypeVar("Command", bound=Callable[..., Any])

TREE = TreeSettings()
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_EXAMPLES = {
    "Tree": r"tokenscope-record prompt.py --tree-nodes 8000 --tree-length 64 --force-text '12: is None'",
    "Model": "tokenscope-record prompt.py --model Qwen/Qwen2.5-Coder-0.5B --dtype bfloat16",
    "Prompt": "tokenscope-record module.py --fim        (module.py holds <FILL> where code is missing)",
    "Decoding": r"tokenscope-record prompt.py --temperature 0.8 --top-p 0.95 --seed 7 --stop '\ndef '",
    "Recording": "cat prompt.py | tokenscope-record - -o trace.tsc --force",
}

_EPILOG = """\b
Exit codes:
  0    the trace is written
  2    the command line is wrong
  3    the prompt cannot be read or does not fit the model
  4    the model or its tokenizer cannot be loaded or used
  5    the output cannot be written
  130  interrupted; what was generated is written, marked as interrupted
"""


def _option(group: str, *names: str, **settings: Any) -> Callable[[Command], Command]:
    return click.option(*names, cls=GroupedOption, group=group, **settings)


def _unescape(_context: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    r"""Texts as typed in a shell: \n, \t, \r and \\ mean what they mean in most languages."""
    if "" in values:
        raise click.BadParameter("a stop string must not be empty.")
    return tuple(re.sub(r"\\([ntr\\])", lambda match: _ESCAPES[match[1]], value) for value in values)


def _escape(text: str) -> str:
    """What `_unescape` reads as the text."""
    signs = {sign: name for name, sign in _ESCAPES.items()}
    return re.sub(r"[\n\t\r\\]", lambda match: f"\\{signs[match[0]]}", text)


def _parsed(parse: Callable[[str], ForcedPath], values: tuple[str, ...]) -> tuple[ForcedPath, ...]:
    try:
        return tuple(parse(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _forced_tokens(_context: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[ForcedPath, ...]:
    return _parsed(parse_forced_token, values)


def _forced_texts(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[ForcedPath, ...]:
    return _parsed(parse_forced_text, _unescape(context, param, values))


@click.command(
    cls=GroupedCommand,
    examples=_EXAMPLES,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.argument("prompt", metavar="PROMPT")
@_option(
    "Model",
    "--model",
    default=BUILTIN_MODEL,
    show_default=True,
    metavar="NAME_OR_FOLDER",
    help="A causal language model: a Hugging Face hub id or a local folder.",
)
@_option("Model", "--revision", metavar="REV", help="Branch, tag or commit of a hub model.  [default: its main branch]")
@_option(
    "Model",
    "--device",
    default="auto",
    metavar="DEVICE",
    help="Where the model runs, as torch names it: cpu, cuda, cuda:1, mps.  [default: an accelerator, else cpu]",
)
@_option(
    "Model",
    "--dtype",
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    default="auto",
    metavar="DTYPE",
    help="Number format of the weights: float32, bfloat16 or float16.  "
    "[default: float32 on the cpu, the checkpoint's own elsewhere]",
)
@_option("Prompt", "--chat", is_flag=True, help="Send PROMPT as a user's message, by the tokenizer's own chat template.")
@_option("Prompt", "--system", metavar="TEXT", help="System message that goes before it; only with --chat.")
@_option(
    "Prompt",
    "--fim",
    is_flag=True,
    help="Fill in the middle: PROMPT holds a marker where code is missing; uses the tokenizer's own tokens for it.",
)
@_option(
    "Prompt",
    "--fim-marker",
    default=DEFAULT_FIM_MARKER,
    show_default=True,
    metavar="TEXT",
    help="The text that marks the hole; it must occur exactly once.",
)
@_option(
    "Decoding",
    "--max-new-tokens",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    metavar="N",
    help="Stop after so many tokens.",
)
@_option(
    "Decoding",
    "--temperature",
    type=click.FloatRange(0),
    metavar="T",
    help="0 is greedy; above 0, or with any of the next three, sampled.  "
    "[default: the model's own generation config, mostly greedy]",
)
@_option(
    "Decoding",
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="P",
    help="Sample from the smallest set of tokens that holds this probability.  [default: the model's own]",
)
@_option(
    "Decoding",
    "--top-k",
    type=click.IntRange(0),
    metavar="K",
    help="Sample from the K most probable tokens; 0 is all.  [default: the model's own, else 50]",
)
@_option(
    "Decoding",
    "--min-p",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Sample from tokens at least P times as probable as the best.  [default: the model's own]",
)
@_option(
    "Decoding",
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the sampling; noted in the trace.",
)
@_option(
    "Decoding",
    "--stop",
    multiple=True,
    metavar="TEXT",
    callback=_unescape,
    help=r"End the output after this text; may be given several times; \n, \t and \\ are understood.",
)
@_option(
    "Recording",
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The trace to write, - for standard output.  [default: PROMPT's name with .tsc, in the current folder]",
)
@_option("Recording", "--force", is_flag=True, help="Overwrite an existing output.")
@_option(
    "Recording",
    "--top-alternatives",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    metavar="K",
    help="How many of the most probable tokens to keep at each position.",
)
@_option(
    "Tree",
    "--tree-nodes",
    type=click.IntRange(0),
    default=TREE.nodes,
    show_default=True,
    metavar="N",
    help="Continue alternatives, too, with so many tokens in all, the most probable first; 0 is no tree.",
)
@_option(
    "Tree",
    "--tree-width",
    type=click.IntRange(1),
    default=TREE.width,
    show_default=True,
    metavar="N",
    help="At most so many alternatives at each position; no more than --top-alternatives.",
)
@_option(
    "Tree",
    "--tree-depth",
    type=click.IntRange(1),
    default=TREE.depth,
    show_default=True,
    metavar="N",
    help="Forks above each other: 1 leaves only the output, 2 the branches of the output, too, and so on.",
)
@_option(
    "Tree",
    "--tree-length",
    type=click.IntRange(1),
    default=TREE.length,
    show_default=True,
    metavar="N",
    help="Tokens of one branch. It ends before with the text, at a stop string, or where its text is the same again.",
)
@_option(
    "Tree",
    "--tree-min-prob",
    type=click.FloatRange(0, 1),
    default=TREE.min_prob,
    show_default=True,
    metavar="P",
    help="Leave alone alternatives less probable than this.",
)
@_option(
    "Tree",
    "--tree-temperature",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    metavar="T",
    help="How branches go on: 0 is greedy, above 0 sampled, with --seed and the output's --top-p and so on.",
)
@_option(
    "Tree",
    "--force-token",
    multiple=True,
    metavar="POSITION:ID",
    callback=_forced_tokens,
    help="Also continue this token id in place of the output's token at POSITION (counted from 1, as the report does); "
    "12:345,18:99 forces 99 on the branch that 345 begins; may be given several times.",
)
@_option(
    "Tree",
    "--force-text",
    multiple=True,
    metavar="POSITION:TEXT",
    callback=_forced_texts,
    help=r"The same with a text; 12:345,18:TEXT is a path; \n, \t and \\ are understood.",
)
@_option("Other", "-q", "--quiet", is_flag=True, help="No progress and no summary; errors only.")
@click.version_option(tokenscope_trace.__version__, prog_name="tokenscope-record")
@click.pass_context
def main(context: click.Context, /, prompt: str, **options: Any) -> None:
    """Run a language model on PROMPT and record every token with its metrics and alternatives.

    PROMPT is a UTF-8 file, or - for standard input. The model goes on from where it ends. The small built-in model needs
    no network; choose a real one with --model. The result is a trace: tokenscope-html makes a report of it, and
    tokenscope_trace.Trace reads it in Python.
    """
    if options["system"] is not None and not options["chat"]:
        raise click.UsageError("--system needs --chat.")
    if options["chat"] and options["fim"]:
        raise click.UsageError("--chat and --fim exclude each other.")
    with reported("tokenscope-record"):
        try:
            finish = _run(prompt, options, _command(context))
        except KeyboardInterrupt:
            click.echo("tokenscope-record: interrupted before the first token; nothing was written.", err=True)
            finish = "interrupted"
    sys.exit(INTERRUPTED if finish == "interrupted" else 0)


def _run(source: str, options: dict[str, Any], command: list[str]) -> str:
    """Record, write, report; returns why the output ended. Cheap checks come before the expensive imports."""
    from tokenscope_trace.console import make_console, print_summary, working
    from tokenscope_trace.prompt import split_at_marker

    console = make_console()
    console.quiet = options["quiet"]
    output: Path = options["output"] or Path("stdin.tsc" if source == "-" else f"{Path(source).stem}.tsc")
    to_stdout = str(output) == "-"
    if not to_stdout:
        check_writable(output, force=options["force"])
    text, name = _read(source)
    if options["fim"]:
        split_at_marker(text, name, options["fim_marker"])
    begin = time.perf_counter()
    with abortable(), working(console, f"Loading {_model_name(options['model'])}"):
        loaded = _load(options)
        prompt = _encode(loaded, text, name, options)
    load_seconds = time.perf_counter() - begin

    def stopping() -> None:
        console.print("Stopping; what was generated is kept. Press Ctrl-C again to stop at once.")

    with stoppable(stopping) as should_stop:  # until the file is written
        trace = _record(console, loaded, prompt, options, should_stop, command, load_seconds)
        data = trace.to_bytes()
        if to_stdout:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            write_atomically(output, data, force=options["force"])
    print_summary(console, trace, None if to_stdout else output, len(data))
    tree = trace.run.get("tree") or {}
    return "interrupted" if tree.get("finish") == "interrupted" else str(trace.run["finish"])


def _read(source: str) -> tuple[str, str]:
    from tokenscope_trace.prompt import read_text

    if source == "-" and sys.stdin.isatty():
        click.echo("Reading the prompt from the terminal; end it with Ctrl-D.", err=True)
    if source != "-" and Path(source).is_dir():
        raise PromptError(f"{source} is a folder; name a file with the prompt.")
    return read_text(source)


def _load(options: dict[str, Any]) -> LoadedModel:
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import huggingface_hub.utils
    import transformers

    from tokenscope_trace.models import load

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    huggingface_hub.utils.logging.set_verbosity_error()
    return load(ModelSettings(options["model"], options["revision"], options["device"], options["dtype"]))


def _encode(loaded: LoadedModel, text: str, name: str, options: dict[str, Any]) -> Prompt:
    from tokenscope_trace.prompt import encode_chat, encode_fim, encode_text

    if options["chat"]:
        return encode_chat(loaded.tokenizer, text, name, system=options["system"])
    if options["fim"]:
        return encode_fim(loaded.tokenizer, text, name, marker=options["fim_marker"])
    return encode_text(loaded.tokenizer, text, name)


def _record(
    console: Console,
    loaded: LoadedModel,
    prompt: Prompt,
    options: dict[str, Any],
    should_stop: Callable[[], bool],
    command: list[str],
    load_seconds: float,
) -> Trace:
    from tokenscope_trace.console import following
    from tokenscope_trace.growing import Watcher
    from tokenscope_trace.recording import record

    names = ("max_new_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "top_alternatives")
    settings = GenerationSettings(**{name: options[name] for name in names})
    bounds = {name: options[f"tree_{name}"] for name in ("nodes", "width", "depth", "length", "min_prob", "temperature")}
    tree = TreeSettings(**bounds, forced=(*options["force_token"], *options["force_text"]))
    with following(console, settings.max_new_tokens) as follower:
        return record(
            loaded,
            prompt,
            settings,
            tree=tree if tree.nodes or tree.forced else None,
            watcher=Watcher(follower.on_token, should_stop, follower.on_plan, follower.on_nodes),
            command=command,
            load_seconds=load_seconds,
        )


def _model_name(model: str) -> str:
    if model == BUILTIN_MODEL:
        return "the small built-in model (--model NAME_OR_FOLDER takes any Hugging Face causal language model)"
    return model


def _command(context: click.Context) -> list[str]:
    """The command line as it was meant, without folders: they say where on this machine, which is nobody's business."""
    words = ["tokenscope-record"]
    for param in context.command.params:
        if context.get_parameter_source(param.name or "") is not click.core.ParameterSource.COMMANDLINE:
            continue
        value = context.params[param.name or ""]
        if isinstance(param, click.Argument):
            words.insert(1, Path(value).name if value != "-" else value)
            continue
        if isinstance(param, click.Option) and param.is_flag:
            words.append(param.opts[-1])
            continue
        for entry in value if isinstance(value, tuple) else (value,):
            if param.name in ("stop", "force_text"):
                entry = _escape(str(entry))
            folder = isinstance(entry, Path) or (param.name == "model" and Path(str(entry)).is_dir())
            words += [param.opts[-1], Path(entry).name if folder else str(entry)]
    return words


if __name__ == "__main__":
    main()
