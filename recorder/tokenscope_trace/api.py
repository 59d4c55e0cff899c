"""The Python interface: what the two commands do, as functions of a script or a notebook. All of `tokenscope_trace.__all__` is here or below.

What goes in and out is a `Trace`, which never changes; what it holds, with types and units, is in its own docstring and in FORMAT.md.
torch is imported when a model is loaded, not before: reading, analysing, comparing and reporting need none. Every function runs in
any thread, one recording at a time (torch has one random state for all), and leaves signals alone. Whatever a user can do wrong raises one of `tokenscope_trace.errors`, one sentence each; what the
commands print as a warning comes by `warnings`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenscope_trace.errors import Interrupted, PromptError, RedactionError, SettingsError
from tokenscope_trace.failures import INTERRUPTED
from tokenscope_trace.privacy.sanitize import Preparation
from tokenscope_trace.session.checked_settings import (
    checked_check,
    checked_fim,
    checked_generation,
    checked_language,
    checked_model,
    checked_number,
    checked_replay,
    checked_tree,
)
from tokenscope_trace.session.display import Watched
from tokenscope_trace.session.jobs import Job, generation_job, scoring_job
from tokenscope_trace.session.runner import Plan, perform
from tokenscope_trace.settings import (
    BUILTIN_MODEL,
    DECISIONS,
    DEFAULT_FIM_MARKER,
    GENERATION_RANGES,
    LISTED_DECISIONS,
    REPORT_MEGABYTES,
    CheckSettings,
    FimOrder,
    GenerationSettings,
    ModelSettings,
    PromptText,
    Redaction,
    ReplaySettings,
    TreeSettings,
)
from tokenscope_trace.text import visible_line
from tokenscope_trace.traces.trace import Trace

if TYPE_CHECKING:
    from tokenscope_trace.comparison.side_by_side import SideBySide
    from tokenscope_trace.languages.language import Language
    from tokenscope_trace.models.loading import LoadedModel
    from tokenscope_trace.progress import Watcher
    from tokenscope_trace.recording.documents import Document

_File = str | os.PathLike[str]
_LONGEST_NAME = 4096


def load_model(
    name: _File | ModelSettings | None = None,
    *,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    device_map: str | dict[str, Any] | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
) -> LoadedModel:
    """A causal language model with its tokenizer, ready to record with; this is what imports torch.

    `name` is a hub id, a folder that `save_pretrained` wrote, a `.gguf` file, or None for the small model that ships with the package;
    or ModelSettings, which say all of it.
    `revision` is a branch, tag or commit of a hub model. `device` is a torch device or "auto" (cuda, else mps, else cpu); `dtype`
    "auto" (float32 on the cpu, the checkpoint's own elsewhere), "float32", "bfloat16" or "float16"; `device_map` is accelerate's, such as
    "auto", in place of `device`. No code of the model's repository runs and no pickle is read, unless `trust_remote_code` or
    `allow_pickle` say so.

    Raises ModelError where the model or its tokenizer cannot be had, SettingsError where a value is none that there is.
    Source: transformers' `AutoModelForCausalLM` and `AutoTokenizer`, by `models/loading.py`.
    """
    given = ModelSettings(
        name=os.fspath(name) if isinstance(name, str | os.PathLike) else BUILTIN_MODEL,
        revision=revision,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
        device_map=device_map,
    )
    if isinstance(name, ModelSettings) and given != ModelSettings():
        raise SettingsError("ModelSettings say all of a model; leave out the other values.")
    settings = checked_model(name if isinstance(name, ModelSettings) else given)
    from tokenscope_trace.models.loading import load

    return load(settings)


def record(
    model: LoadedModel,
    prompt: str,
    *,
    source: _File = "-",
    chat: bool = False,
    system: str | None = None,
    fim: bool = False,
    fim_marker: str = DEFAULT_FIM_MARKER,
    fim_tokens: tuple[str, str, str] | None = None,
    fim_order: FimOrder | None = None,
    language: str | None = None,
    generation: GenerationSettings = GenerationSettings(),  # noqa: B008 - frozen
    tree: TreeSettings | None = TreeSettings(),  # noqa: B008
    replay: ReplaySettings | None = ReplaySettings(),  # noqa: B008
    decisions: int = LISTED_DECISIONS,
    check: CheckSettings | str | None = None,
    analyse: bool = True,
    watcher: Watcher | None = None,
) -> Trace:
    """What the model writes behind a prompt, as `tokenscope-record` records it: with the same values the trace is the same, but for
    `run["command"]`, which is empty, and `run["clock"]`. All defaults are those of the command, the tree and attention included.

    `prompt` is continued from its end; with `chat` it is a user's message in the tokenizer's chat template, behind `system` where that is
    given; with `fim` it is a file whose hole `fim_marker` marks, for which the model has `fim_tokens` (prefix, suffix, middle) in `fim_order`
    ("prefix-suffix" or "suffix-prefix"; None: those of its family). `source` is the name of its file: its suffix says the language, unless
    `language` names it ("python", ...). `generation` says how the output is decoded, `tree` how far alternatives are continued (None:
    not at all), `replay` what is read inside of the model (None: nothing, and no noise is measured). `decisions` is how many are listed
    at most; `check` a command of yours that judges each finished program, `{file}` being its path; it runs with your rights, alone with the
    program or in a copy of a project (`CheckSettings.folder`); one that cannot be run is a warning and no verdict. Without `analyse` the trace has neither syntax nor outcomes, decisions and check. `watcher` is called while tokens are made, and its
    `should_stop` ends the recording in good order.

    Of the trace: `nodes`, one row per token of the prompt (P), the output (T) and the branches: `token_id` int32; `surprisal` and
    `entropy` in bits, `gap` and `logprob` in nats, float32; `trace.prompt`, `trace.output` are rows of those, int32 (P,), (T,);
    `alternatives`, `generation.top_alternatives` per node. Probabilities are the softmax of the raw logits at temperature 1.

    Raises PromptError where the prompt is empty or does not fit the model, ModelError where the model cannot do it, SettingsError where
    a value is none that can be asked for, and on Ctrl-C KeyboardInterrupt: after the first token it is `errors.Interrupted`, whose
    `trace` is what there was. A stage that fails later is left out: `warnings` and `run["missing"]` say which and why.
    Source: `recording/recorder.py`; how numbers are computed, `inference/metrics.py` and NUMBERS.md.
    """
    if chat and fim:
        raise SettingsError("chat and fim exclude each other.")
    if system is not None and not chat:
        raise SettingsError("system needs chat=True.")
    checked_fim(fim_tokens, fim_order, fim=fim)
    generation = checked_generation(generation)
    tree = checked_tree(tree, generation)
    text = PromptText(
        _checked_text(prompt, "prompt", "write at least one character for the model to go on from"),
        _shown(source),
        "chat" if chat else "fim" if fim else "text",
        system=system,
        marker=fim_marker,
        fim_tokens=fim_tokens,
        fim_order=fim_order,
    )
    known = checked_language(language)
    job = generation_job(text, generation, tree, known)
    check = checked_check(check, os.fspath(source))
    plan = _plan(model, checked_replay(replay, generates=True), language, decisions, check, analyse=analyse)
    return _recorded(job, plan, watcher)


def score(
    model: LoadedModel,
    files: _File | Iterable[_File] | Mapping[str, str] = (),
    *,
    diff: str | None = None,
    language: str | None = None,
    top_alternatives: int = GenerationSettings.top_alternatives,
    replay: ReplaySettings | None = None,
    analyse: bool = True,
    watcher: Watcher | None = None,
) -> Trace:
    """How expected each token of existing code is to the model, as `tokenscope-record --score` and `--diff` record it; nothing is generated.

    `files` are paths, or texts by their names, `{"parser.py": text}`. With `diff`, a git revision, they are the files of the work tree
    around the current folder that differ from it (limited to `files`, where there are any), with their changed lines. `replay` asks for
    attention or the lens: `ReplaySettings(attention_top=0, lens=True)` is the command's `--lens`. The other values are as in `record`.

    Of the trace: `files`, and `nodes` of all of them one behind the other, (N,); the first token of each has no number (NaN).

    Raises PromptError where a file cannot be read or is empty, ModelError, SettingsError and KeyboardInterrupt as `record`.
    Source: `recording/scorer.py`; the same numbers as in `record`, from one pass over each file.
    """
    top = int(checked_number("top_alternatives", top_alternatives, GENERATION_RANGES["top_alternatives"]))
    replay = checked_replay(replay, generates=False)
    if diff is None:
        job = scoring_job(_documents(files), top)
    else:
        from tokenscope_trace.recording.documents import changed_documents

        if isinstance(files, Mapping):
            raise SettingsError("diff takes files by their paths, and these are texts; leave out one of them.")
        documents, compared, notes = changed_documents(diff, _paths(files))
        job = scoring_job(documents, top, compared, notes)
    return _recorded(job, _plan(model, replay, language, LISTED_DECISIONS, None, analyse=analyse), watcher)


def analyse(
    trace: Trace,
    *,
    language: str | None = None,
    decisions: int = LISTED_DECISIONS,
    check: CheckSettings | str | None = None,
) -> Trace:
    """The trace with its syntax, and where something was generated with outcomes, ranked decisions, and what a check says of the programs.

    For a trace that was recorded without (`analyse=False`), or to analyse it otherwise. Arguments as in `record`; runs no model.

    Raises SettingsError where a value is none that can be asked for. Source: `analysis/pipeline.py`; README says the rule of decisions.
    """
    from tokenscope_trace.analysis.pipeline import analysed

    known, settings = checked_language(language), checked_check(check)
    found = analysed(_checked_trace(trace), known, decisions=_count(decisions), check=settings)
    facts = found.facts.check
    if settings is not None and facts is not None and facts.not_run is not None:
        warnings.warn(f"The check could not be run: {facts.not_run}.", RuntimeWarning, stacklevel=2)
    return _preparation(known, [])(found)


def redact(trace: Trace, what: Iterable[str], *, language: str | None = None) -> Trace:
    """The trace without some of its text, nor what would give it back: numbers, alternatives, branches (FORMAT.md lists them).

    `what` are of "prompt", "strings" and "comments" (those of the code); `language` is what files of unknown suffix hold.

    Raises RedactionError where that cannot be told from the rest, or is no such word. Source: `privacy/redaction.py`.
    """
    from tokenscope_trace.privacy.redaction import redacted

    words = [what] if isinstance(what, str) else list(what)
    known = [kind.value for kind in Redaction]
    for word in words:
        if word not in known:
            raise RedactionError(f"{word!r} cannot be left out; what can is {', '.join(known)}.")
    return redacted(_checked_trace(trace), [Redaction(word) for word in words], checked_language(language))


def compare(a: Trace, b: Trace, *, title: str | None = None, names: tuple[str, str] = ("", "")) -> SideBySide:
    """Two recordings of one prompt, or of the same code, side by side; `html` makes a page of it. `names` are those of their files.

    Plain data in words: where they part, lines beside each other with their surprisals in bits, decisions that fell otherwise, what
    moved, how they were recorded otherwise. Numbers are compared over equal bytes of equal lines, token by token where both models
    have the same tokenizer, else by statements.

    Raises TraceError where there is nothing that both are about. Source: `comparison/side_by_side.py`.
    """
    from tokenscope_trace.comparison.side_by_side import compare as side_by_side

    return side_by_side(_checked_trace(a), _checked_trace(b), title, names)


def html(what: Trace | SideBySide, *, title: str | None = None, max_size: float = 10) -> str:
    """The report of a trace, or the page of a comparison: one offline HTML file, as text to write as UTF-8.

    `title` is its title (the name of the prompt's file). What makes a report larger than `max_size` megabytes (0: no limit) is left out
    in a stated order, attention first, which the page says and `warnings`; a comparison is not limited.

    Raises SettingsError where `max_size` is no number from 0. Source: `reports/page.py`, `comparison/page.py`.
    """
    from tokenscope_trace.comparison.page import comparison_page
    from tokenscope_trace.comparison.side_by_side import SideBySide
    from tokenscope_trace.reports.page import html_page_within

    limit = checked_number("max_size", max_size, REPORT_MEGABYTES)
    if isinstance(what, SideBySide):
        return comparison_page(what if title is None else replace(what, title=visible_line(title)))
    text, lacks = html_page_within(_checked_trace(what), round(limit * 1e6), title=title)
    if lacks:
        warnings.warn(lacks, UserWarning, stacklevel=2)
    return text


def markdown(trace: Trace, *, title: str | None = None, report: str | None = None) -> str:
    """The decisions as Markdown for the text of a pull request, in less than 60 lines; `report` is the name of the HTML report that it
    refers to (the prompt's file with .html). Source: `reports/pull_request.py`.
    """
    source = Path(_checked_trace(trace).facts.prompt.source or "-")
    return _report("markdown", trace, title, report or ("report" if source.name == "-" else source.stem) + ".html")


def json_report(trace: Trace, *, title: str | None = None) -> str:
    """Every number as JSON, for scripts; `report.schema.json` describes it field by field, units included.
    Source: `reports/json_report.py`.
    """
    return _report("json", trace, title, "")


def sarif(trace: Trace, *, title: str | None = None) -> str:
    """The decisions, or the most surprising lines of code that exists, as notes for code scanning: a SARIF 2.1.0 log.
    Source: `reports/sarif.py`.
    """
    return _report("sarif", trace, title, "")


def _report(kind: str, trace: Trace, title: str | None, name: str) -> str:
    from tokenscope_trace.reports.reporters import REPORTERS

    return REPORTERS[kind].write(_checked_trace(trace), name, title)


def _plan(
    model: LoadedModel,
    replay: ReplaySettings | None,
    language: str | None,
    decisions: int,
    check: CheckSettings | None,
    *,
    analyse: bool,
) -> Plan:
    if isinstance(model, str | os.PathLike) or not hasattr(model, "tokenizer"):
        raise SettingsError(f"the model is a {type(model).__name__}; load_model(...) gives what records.")
    if check is not None and not analyse:
        raise SettingsError("a check needs the analysis; leave out analyse=False.")
    return Plan(
        output=None,
        force=False,
        model="the model",
        load=lambda: model,
        replay=replay,
        language=checked_language(language),
        decisions=_count(decisions),
        check=check,
        command=(),
        keep=False,
        signals=False,
        analyse=analyse,
    )


def _recorded(job: Job, plan: Plan, watcher: Watcher | None) -> Trace:
    """The trace of a job, as it may be passed on. What is to be heard of it comes as warnings of the line that called the API."""
    doubts: list[str] = []
    prepared = _preparation(plan.language, doubts)
    prepared.read(job.inputs, scored=not job.generates)
    display = Watched(watcher)
    try:
        done = perform(job, plan, display)
        assert done is not None  # only a signal insists
        trace = prepared(done[0])
    finally:
        for sentence in doubts:
            warnings.warn(sentence, UserWarning, stacklevel=3)
        if failed := [
            sentence for sentence in display.heard if INTERRUPTED not in sentence
        ]:  # an interruption is told otherwise
            warnings.warn(" ".join(failed), RuntimeWarning, stacklevel=3)
    if INTERRUPTED in [one.reason for one in trace.facts.missing] and not display.ended:
        raise Interrupted(trace)
    return trace


def _preparation(language: Language | None, doubts: list[str]) -> Preparation:
    return Preparation((), language, doubts.append, 'redact(trace, {{"{}"}})'.format)


def _documents(files: _File | Iterable[_File] | Mapping[str, str]) -> list[Document]:
    from tokenscope_trace.recording.documents import named_documents, texts_as_documents

    if isinstance(files, Mapping):
        texts = {
            _name(name): _checked_text(text, f"file {name}", "there is nothing to measure") for name, text in files.items()
        }
        found = texts_as_documents(texts)
    else:
        found = named_documents(_paths(files))
    if not found:
        raise PromptError("no file is named; there is nothing to measure.")
    return found


def _paths(files: _File | Iterable[_File]) -> list[str]:
    return [os.fspath(path) for path in ([files] if isinstance(files, str | os.PathLike) else files)]


def _name(source: _File) -> str:
    """What a text is called. Raises SettingsError where that is longer than any file's name."""
    name = os.fspath(source)
    if len(name) > _LONGEST_NAME:
        raise SettingsError(f"a name has {len(name):,} characters; give one of at most {_LONGEST_NAME:,}.")
    return name or "-"


def _shown(source: _File) -> str:
    """What is told of where a text came from: below this folder its path, else its name."""
    path = Path(_name(source))
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def _checked_text(text: Any, what: str, wanted: str) -> str:
    if not isinstance(text, str):
        raise PromptError(f"the {what} is a {type(text).__name__}; give a str.")
    if not text:
        raise PromptError(f"the {what} is empty; {wanted}.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(f"the {what} holds half a character (character {error.start + 1}) that UTF-8 has not.") from error
    return text


def _checked_trace(trace: Any) -> Trace:
    if not isinstance(trace, Trace):
        raise SettingsError(f"a {type(trace).__name__} is no trace; Trace.load(...) reads one from its file.")
    return trace


def _count(decisions: Any) -> int:
    return int(checked_number("decisions", decisions, DECISIONS))
