"""The options of `tokenscope-record`: their names and help, what they become, and how a command line is noted in a trace."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import click

from tokenscope_trace.analysis.check_command import names_file
from tokenscope_trace.cli.command_help import GroupedOption, Number
from tokenscope_trace.languages.definitions import LANGUAGES
from tokenscope_trace.models.naming import folder_name
from tokenscope_trace.privacy.anonymize import without_places
from tokenscope_trace.session.checked_settings import checked_check
from tokenscope_trace.settings import (
    BUILTIN_MODEL,
    CHECK_RANGES,
    DECISIONS,
    DEFAULT_FIM_MARKER,
    GENERATION_RANGES,
    LISTED_DECISIONS,
    REPLAY_RANGES,
    TREE_RANGES,
    UNTIL,
    CheckSettings,
    FimOrder,
    ForcedPath,
    GenerationSettings,
    ModelSettings,
    PromptText,
    Redaction,
    ReplaySettings,
    TreeSettings,
    forced_fault,
    parse_forced_text,
    parse_forced_token,
    parse_layers,
    stop_fault,
)

Command = TypeVar("Command", bound=Callable[..., Any])

TREE, REPLAY = TreeSettings(), ReplaySettings()
_CHECK = CheckSettings("")
_OTHER_FILES = frozenset(
    {".html", ".htm", ".md", ".markdown", ".sarif", ".txt", ".pdf", ".csv", ".xml", ".yml", ".yaml", ".toml"}
)
_MOST_WORDS = 1000  # of files in the command that a trace holds
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def _option(group: str, *names: str, **settings: Any) -> Callable[[Command], Command]:
    return click.option(*names, cls=GroupedOption, group=group, **settings)


def _unescape(_context: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    r"""Texts as typed in a shell: \n, \t, \r and \\ mean what they mean in most languages."""
    return tuple(re.sub(r"\\([ntr\\])", lambda match: _ESCAPES[match[1]], value) for value in values)


def _stops(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Raises click.BadParameter."""
    texts = _unescape(context, param, values)
    if fault := stop_fault(texts):
        raise click.BadParameter(fault)
    return texts


def _escape(text: str) -> str:
    """What `_unescape` reads as the text."""
    signs = {sign: name for name, sign in _ESCAPES.items()}
    return re.sub(r"[\n\t\r\\]", lambda match: f"\\{signs[match[0]]}", text)


def _parsed(parse: Callable[[str], ForcedPath], values: tuple[str, ...]) -> tuple[ForcedPath, ...]:
    if fault := forced_fault(len(values)):
        raise click.BadParameter(fault)
    try:
        return tuple(parse(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _forced_tokens(_context: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[ForcedPath, ...]:
    return _parsed(parse_forced_token, values)


def _forced_texts(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[ForcedPath, ...]:
    return _parsed(parse_forced_text, _unescape(context, param, values))


def _trace_name(_context: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    """A name that says of the file what it is not is a slip: the trace is binary."""
    suffix = "" if value is None else value.suffix.lower()
    if value is not None and suffix in _OTHER_FILES | {known for one in LANGUAGES for known in one.suffixes.split()}:
        raise click.BadParameter(
            f"a trace is no {suffix} file; name it {value.stem}.tsc, and tokenscope-html {value.stem}.tsc makes reports of it."
        )
    return value


def _layers(_context: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    try:
        return None if value is None else parse_layers(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _lens_layers(
    context: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, ...] | Literal["all"] | None:
    return "all" if value == "all" else _layers(context, param, value)


_OPTIONS = (
    _option(
        "Model",
        "--model",
        names=True,
        default=BUILTIN_MODEL,
        show_default=True,
        metavar="NAME_OR_PATH",
        help="A causal language model: a Hugging Face hub id, a local folder, or a .gguf file (pip install 'tokenscope-trace[gguf]').",
    ),
    _option("Model", "--revision", metavar="REV", help="Branch, tag or commit of a hub model.  [default: its main branch]"),
    _option(
        "Model",
        "--device",
        default="auto",
        metavar="DEVICE",
        help="Where the model runs, as torch names it: cpu, cuda, cuda:1, mps.  [default: an accelerator, else cpu]",
    ),
    _option(
        "Model",
        "--device-map",
        type=click.Choice(["auto", "balanced", "sequential"]),
        metavar="HOW",
        help="Spread a large model over all accelerators, then memory, then disk, as the package accelerate does it: auto, balanced "
        "or sequential; in place of --device.",
    ),
    _option(
        "Model",
        "--dtype",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        metavar="DTYPE",
        help="Number format of the weights: float32, bfloat16 or float16.  "
        "[default: float32 on the cpu, the checkpoint's own elsewhere]",
    ),
    _option(
        "Model",
        "--trust-remote-code",
        is_flag=True,
        help="Run the code that the model's repository brings along, with your rights; read it first.",
    ),
    _option(
        "Model",
        "--allow-pickle",
        is_flag=True,
        help="Accept weights in pickle files (.bin), too, read by torch's restricted loader, which builds nothing but tensors.  "
        "[default: safetensors only]",
    ),
    _option("Prompt", "--chat", is_flag=True, help="Send PROMPT as a user's message, by the tokenizer's own chat template."),
    _option("Prompt", "--system", metavar="TEXT", help="System message that goes before it; only with --chat."),
    _option(
        "Prompt",
        "--fim",
        is_flag=True,
        help="Fill in the middle: PROMPT holds a marker where code is missing; uses the tokenizer's own tokens for it.",
    ),
    _option(
        "Prompt",
        "--fim-marker",
        default=DEFAULT_FIM_MARKER,
        show_default=True,
        metavar="TEXT",
        help="The text that marks the hole; it must occur exactly once.",
    ),
    _option(
        "Prompt",
        "--fim-tokens",
        nargs=3,
        metavar="PREFIX SUFFIX MIDDLE",
        help="The model's own tokens for the parts around a hole, as its tokenizer names them.  [default: those of its family]",
    ),
    _option(
        "Prompt",
        "--fim-order",
        type=click.Choice(get_args(FimOrder)),
        help="Which part the model reads first.  [default: as its family does, mostly prefix-suffix]",
    ),
    _option(
        "Existing code",
        "--score",
        is_flag=True,
        help="Generate nothing: measure every token of the given files as if the model had to write them.",
    ),
    _option(
        "Existing code",
        "--diff",
        names=True,
        metavar="REV",
        help="The same for the files of this git work tree that differ from REV, with their changed lines marked; "
        "files may be named to limit it; main... compares with where this history left main, as a pull request does.",
    ),
    _option(
        "Decoding",
        "--max-new-tokens",
        type=Number(GENERATION_RANGES["max_new_tokens"]),
        default=256,
        show_default=True,
        metavar="N",
        help="Stop after so many tokens.",
    ),
    _option(
        "Decoding",
        "--temperature",
        type=Number(GENERATION_RANGES["temperature"]),
        metavar="T",
        help="0 is greedy; above 0, or with any of the next three, sampled.  "
        "[default: the model's own generation config, mostly greedy]",
    ),
    _option(
        "Decoding",
        "--top-p",
        type=Number(GENERATION_RANGES["top_p"]),
        metavar="P",
        help="Sample from the smallest set of tokens that holds this probability.  [default: the model's own]",
    ),
    _option(
        "Decoding",
        "--top-k",
        type=Number(GENERATION_RANGES["top_k"]),
        metavar="K",
        help="Sample from the K most probable tokens; 0 is all.  [default: the model's own, else 50]",
    ),
    _option(
        "Decoding",
        "--min-p",
        type=Number(GENERATION_RANGES["min_p"]),
        metavar="P",
        help="Sample from tokens at least P times as probable as the best.  [default: the model's own]",
    ),
    _option(
        "Decoding",
        "--seed",
        type=Number(GENERATION_RANGES["seed"]),
        default=0,
        show_default=True,
        metavar="N",
        help="Seed of the sampling; noted in the trace.",
    ),
    _option(
        "Decoding",
        "--stop",
        multiple=True,
        metavar="TEXT",
        callback=_stops,
        help=r"End the output after this text; may be given several times; \n, \t and \\ are understood.",
    ),
    _option(
        "Decoding",
        "--until",
        type=click.Choice(UNTIL),
        help="End the output where the function, the statement or the file is complete that the prompt breaks off in, or let it run (text). "
        "[default: function where the prompt breaks off in one, else text]",
    ),
    _option(
        "Recording",
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        callback=_trace_name,
        metavar="FILE",
        help="The trace to write, - for standard output.  [default: PROMPT's name with .tsc, in the current folder]",
    ),
    _option(
        "Recording",
        "--language",
        type=click.Choice([language.name for language in LANGUAGES], case_sensitive=False),
        metavar="NAME",
        help="What the code is written in, for its syntax: " + ", ".join(language.name for language in LANGUAGES) + ".  "
        "[default: by the file's suffix; in chats and Markdown by the fences]",
    ),
    _option(
        "Recording",
        "--redact",
        type=click.Choice([what.value for what in Redaction]),
        multiple=True,
        metavar="WHAT",
        help="Leave text out of the trace, and what would give it back: prompt, strings (in the code) or comments; may be given "
        "several times.",
    ),
    _option("Recording", "--force", is_flag=True, help="Overwrite an existing output."),
    _option(
        "Recording",
        "--dry-run",
        is_flag=True,
        help="Record nothing: try a few steps, and print what time, memory and space in the file the recording would take at most.",
    ),
    _option(
        "Recording again",
        "--replay",
        type=click.Path(path_type=Path),
        metavar="TRACE",
        help="Record this trace again, from what it holds, and say what differs beyond the noise; in place of PROMPT. The model, its "
        "device and number format may be given; a check runs only if you give it. The result is written only with -o.",
    ),
    _option(
        "Recording again",
        "--differences",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="With --replay: write every difference, as JSON, too; - is standard output.",
    ),
    _option(
        "Recording",
        "--top-alternatives",
        type=Number(GENERATION_RANGES["top_alternatives"]),
        default=10,
        show_default=True,
        metavar="K",
        help="How many of the most probable tokens to keep at each position.",
    ),
    _option(
        "Inside the model",
        "--attention-top",
        type=Number(REPLAY_RANGES["attention_top"]),
        default=None,
        metavar="N",
        help="For every token, layer and head keep the N tokens that it looked at most, and the mass of the others; 0 is none.  "
        f"[default: {REPLAY.attention_top}; 0 for existing code]",
    ),
    _option(
        "Inside the model",
        "--attention-layers",
        metavar="LAYERS",
        callback=_layers,
        help="Only of these layers, counted from 0: 0,4,8 or 0-11.  [default: all]",
    ),
    _option("Inside the model", "--no-attention", is_flag=True, help="Keep no attention; the same as --attention-top 0."),
    _option(
        "Inside the model",
        "--lens",
        is_flag=True,
        help="Logit lens: also record what layers would have said in place of each token of the output.",
    ),
    _option(
        "Inside the model",
        "--lens-layers",
        metavar="LAYERS",
        callback=_lens_layers,
        help="Which layers, counted from 0: 0,4,8 or 0-11, or all; implies --lens.  [default: about six, with the last]",
    ),
    _option(
        "Tree",
        "--tree-nodes",
        type=Number(TREE_RANGES["nodes"]),
        default=TREE.nodes,
        metavar="N",
        help="Continue alternatives, too, with so many tokens in all, the most probable first; 0 is no tree. [default: as the output's length "
        "asks for, within ten times its time]",
    ),
    _option(
        "Tree",
        "--tree-width",
        type=Number(TREE_RANGES["width"]),
        default=TREE.width,
        show_default=True,
        metavar="N",
        help="At most so many alternatives at each position; no more than --top-alternatives.",
    ),
    _option(
        "Tree",
        "--tree-depth",
        type=Number(TREE_RANGES["depth"]),
        default=TREE.depth,
        show_default=True,
        metavar="N",
        help="Forks above each other: 1 leaves only the output, 2 the branches of the output, too, and so on.",
    ),
    _option(
        "Tree",
        "--tree-length",
        type=Number(TREE_RANGES["length"]),
        default=TREE.length,
        show_default=True,
        metavar="N",
        help="Tokens of one branch. It ends before with the text, at a stop string, or where its text is the same again.",
    ),
    _option(
        "Tree",
        "--tree-extra",
        type=Number(TREE_RANGES["extra"]),
        default=TREE.extra,
        show_default=True,
        metavar="N",
        help="Tokens more for branches in code, to reach the end of their function.",
    ),
    _option(
        "Tree",
        "--tree-min-prob",
        type=Number(TREE_RANGES["min_prob"]),
        default=TREE.min_prob,
        show_default=True,
        metavar="P",
        help="Leave alone alternatives less probable than this.",
    ),
    _option(
        "Tree",
        "--tree-temperature",
        type=Number(TREE_RANGES["temperature"]),
        default=0,
        show_default=True,
        metavar="T",
        help="How branches go on: 0 is greedy, above 0 sampled, with --seed and the output's --top-p and so on.",
    ),
    _option(
        "Tree",
        "--force-token",
        multiple=True,
        metavar="POSITION:ID",
        callback=_forced_tokens,
        help="Also continue this token id in place of the output's token at POSITION (counted from 1, as the report does); "
        "12:345,18:99 forces 99 on the branch that 345 begins; may be given several times.",
    ),
    _option(
        "Tree",
        "--force-text",
        multiple=True,
        metavar="POSITION:TEXT",
        callback=_forced_texts,
        help=r"The same with a text; 12:345,18:TEXT is a path; \n, \t and \\ are understood.",
    ),
    _option(
        "Decisions",
        "--decisions",
        type=Number(DECISIONS),
        default=LISTED_DECISIONS,
        show_default=True,
        metavar="N",
        help="List at most so many of the forks that shaped the code; the report opens with them.",
    ),
    _option(
        "Decisions",
        "--check",
        names=True,
        metavar="COMMAND",
        help="Run this command of yours on each finished program, that of the output and those of its branches: {file} is the "
        "program's path, in a temporary folder; exit code 0 passes. The command and the last lines that it prints go into the trace.",
    ),
    _option(
        "Decisions",
        "--check-folder",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Run the command in a copy of this folder, such as your project, in which each program stands in the place of PROMPT's "
        "file; {file} need not be named. DIR itself is only read; .git and virtual environments are not copied.",
    ),
    _option(
        "Decisions",
        "--check-timeout",
        type=Number(CHECK_RANGES["timeout"]),
        default=_CHECK.timeout,
        show_default=True,
        metavar="SECONDS",
        help="Stop the command after so long.",
    ),
    _option(
        "Decisions",
        "--check-memory",
        type=Number(CHECK_RANGES["memory"]),
        default=_CHECK.memory,
        show_default=True,
        metavar="MB",
        help="How much address space each of its processes may take, where the system can limit that.",
    ),
    _option("Other", "-q", "--quiet", is_flag=True, help="No progress and no summary; errors only."),
)


def recording_options(command: Command) -> Command:
    """A decorator that gives a command all of them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def model_settings(options: dict[str, Any]) -> ModelSettings:
    """Which model."""
    if options["device_map"] is not None and options["device"] != "auto":
        raise click.UsageError("--device and --device-map exclude each other.")
    names = ("revision", "device", "dtype", "trust_remote_code", "allow_pickle", "device_map")
    return ModelSettings(options["model"], **{name: options[name] for name in names})


def prompt_text(text: str, source: str, options: dict[str, Any]) -> PromptText:
    """How the prompt is read."""
    kind: Literal["text", "chat", "fim"] = "chat" if options["chat"] else "fim" if options["fim"] else "text"
    return PromptText(
        text,
        source,
        kind,
        system=options["system"],
        marker=options["fim_marker"],
        fim_tokens=options["fim_tokens"],
        fim_order=options["fim_order"],
    )


def generation_settings(options: dict[str, Any]) -> GenerationSettings:
    """How the output is decoded. Raises click.UsageError where options contradict each other."""
    names = ("max_new_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "until", "top_alternatives")
    settings = GenerationSettings(**{name: options[name] for name in names})
    for name in settings.idle if options["tree_temperature"] == 0 else ():
        option = "--" + name.replace("_", "-")
        raise click.UsageError(
            f"--temperature 0 is greedy, and {option} {getattr(settings, name):g} would change nothing; leave out one of them."
        )
    return settings


def tree_settings(options: dict[str, Any]) -> TreeSettings | None:
    """The tree's bounds, None for no tree."""
    bounds = {
        name: options[f"tree_{name}"] for name in ("nodes", "width", "depth", "length", "extra", "min_prob", "temperature")
    }
    tree = TreeSettings(**bounds, forced=(*options["force_token"], *options["force_text"]))
    return tree if tree.grows else None


def replay_settings(options: dict[str, Any], *, generates: bool) -> ReplaySettings | None:
    """What is looked at inside of the model, None for nothing and no replay either.

    Raises click.UsageError where options contradict each other.
    """
    top, layers = options["attention_top"], options["attention_layers"]
    if options["no_attention"] and (top or layers):
        raise click.UsageError("--no-attention excludes --attention-top and --attention-layers.")
    if top == 0 and layers:
        raise click.UsageError(
            "--attention-top 0 keeps no attention, and --attention-layers says of which layers; leave out one of them."
        )
    if top is None:
        top = REPLAY.attention_top if generates or layers else 0
    if options["no_attention"]:
        top = 0
    lens = options["lens"] or options["lens_layers"] is not None
    return ReplaySettings(top, layers, lens, options["lens_layers"]) if top or lens or generates else None


def check_forced(options: dict[str, Any]) -> None:
    """Raises click.UsageError where something is forced behind the last token that there can be."""
    limit = options["max_new_tokens"]
    for path in (*options["force_token"], *options["force_text"]):
        if (position := path.places[0].position) > limit:
            raise click.UsageError(
                f"there is no output token {position:,} to replace: --max-new-tokens is {limit:,}; raise it, or force an earlier one."
            )


def check_check(options: dict[str, Any]) -> None:
    """Raises click.UsageError where the options of the check do not go with each other."""
    command, folder = options["check"], options["check_folder"]
    if command is None and folder is not None:
        raise click.UsageError("--check-folder needs --check, the command that runs in a copy of it.")
    if command is not None and folder is None and not names_file(command):
        raise click.UsageError("--check: the command names no {file}; write it where the program's path belongs.")


def check_settings(options: dict[str, Any], source: str = "-") -> CheckSettings | None:
    """The user's own command, None for none; `source` is the prompt's file. Raises SettingsError where its folder cannot be copied."""
    if options["check"] is None:
        return None
    folder = options["check_folder"]
    settings = CheckSettings(
        options["check"], options["check_timeout"], options["check_memory"], None if folder is None else str(folder)
    )
    return checked_check(settings, source)


def spelled_command(context: click.Context) -> list[str]:
    """The command line as it was meant, without folders: they say where on this machine, which is nobody's business."""
    return ["tokenscope-record", *spelled_options(context)]


def _argument_words(paths: Sequence[str]) -> list[str]:
    """The names of files, none of which reads as an option, and the first of very many."""
    names = [path if path == "-" else Path(path).name for path in paths[:_MOST_WORDS]]
    return [*(f"./{name}" if name[:1] == "-" != name else name for name in names), *["…"] * (len(paths) > _MOST_WORDS)]


def spelled_options(context: click.Context, names: Collection[str] | None = None) -> list[str]:
    """The arguments and options that were given, of these names alone where they are named."""
    words: list[str] = []
    for param in context.command.params:
        if context.get_parameter_source(param.name or "") is not click.core.ParameterSource.COMMANDLINE:
            continue
        if names is not None and param.name not in names:
            continue
        value = context.params[param.name or ""]
        if isinstance(param, click.Argument):
            words[:0] = _argument_words(value)
            continue
        words += _option_words(param, value)
    return words


def _option_words(param: click.Parameter, value: Any) -> list[str]:
    """An option as it was given, with its value or values."""
    spelled = param.opts[-1]
    if isinstance(param, click.Option) and param.is_flag:
        return [spelled]
    if param.nargs > 1:
        return [spelled, *map(str, value)]
    if param.name in ("attention_layers", "lens_layers") and isinstance(value, tuple):
        value = ",".join(map(str, value))
    words: list[str] = []
    for entry in value if isinstance(value, tuple) else (value,):
        if param.name in ("stop", "force_text"):
            entry = _escape(str(entry))
        if param.name == "check":
            entry = without_places(str(entry))
        folder = isinstance(entry, Path) or (param.name == "model" and os.path.exists(str(entry)))
        words += [spelled, _shown(param.name or "", entry) if folder else str(entry)]
    return words


def _shown(option: str, path: Any) -> str:
    """A path as it is noted: by its last part alone."""
    return folder_name(path) if option == "model" else Path(path).name or str(path)
