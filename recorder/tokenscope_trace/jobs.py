"""What is to be recorded: going on from a prompt, or code that exists. In: options. Out: how a loaded model makes a Trace of it.

torch is imported when a recording starts, so that help and mistakes cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenscope_trace.record_options import generation_settings, tree_settings
from tokenscope_trace.watcher import Estimate

if TYPE_CHECKING:
    from tokenscope_trace.models import LoadedModel
    from tokenscope_trace.traces import Trace
    from tokenscope_trace.watcher import Watcher


@dataclass(frozen=True)
class Job:
    """What is to be recorded: the default output's stem; what a loaded model makes of the input; how it becomes a trace.

    `record(loaded, prepared, watcher, **more)`: `more` are replay, command and load_seconds. `extent` says how far it goes at most:
    `writing` so many tokens, or `reading` so many files. `estimate(loaded, prepared, **more)` is what it would take; `more` are replay,
    language, check and load_seconds.
    """

    stem: str
    prepare: Callable[[LoadedModel], Any]
    record: Callable[..., Trace]
    extent: dict[str, int]
    generates: bool
    inputs: tuple[tuple[str, str], ...] = ()  # (name, text) of what the model reads
    estimate: Callable[..., Estimate] | None = None


def generation(source: str, text: str, name: str, options: dict[str, Any]) -> Job:
    """Go on from a prompt, the text of `source` ("-" is standard input)."""
    from tokenscope_trace.prompt import encode_chat, encode_fim, encode_text, split_at_marker

    if options["fim"]:
        split_at_marker(text, name, options["fim_marker"])
    settings = generation_settings(options)

    def encode(loaded: LoadedModel) -> Any:
        if options["chat"]:
            return encode_chat(loaded.tokenizer, text, name, system=options["system"])
        if options["fim"]:
            return encode_fim(loaded.tokenizer, text, name, marker=options["fim_marker"])
        return encode_text(loaded.tokenizer, text, name)

    def record_it(loaded: LoadedModel, prompt: Any, watcher: Watcher, **more: Any) -> Trace:
        from tokenscope_trace import forecast
        from tokenscope_trace.languages import by_name
        from tokenscope_trace.recording import record

        language, tree = by_name(options["language"] or ""), tree_settings(options)
        watcher = forecast.of_generation(watcher, loaded, len(prompt.ids), settings, more.get("replay"), tree)
        return record(loaded, prompt, settings, tree=tree, language=language, watcher=watcher, **more)

    def estimate(loaded: LoadedModel, prompt: Any, **more: Any) -> Estimate:
        from tokenscope_trace.dry_run import estimate_generation

        return estimate_generation(loaded, prompt, settings, tree=tree_settings(options), **more)

    stem = "stdin" if source == "-" else Path(source).stem
    inputs = ((name, text), *([] if options["system"] is None else [("the system prompt", options["system"])]))
    return Job(
        stem, encode, record_it, {"writing": settings.max_new_tokens}, generates=True, inputs=inputs, estimate=estimate
    )


def scoring(sources: Sequence[str], options: dict[str, Any]) -> Job:
    """Measure code that exists."""
    from tokenscope_trace.documents import changed, given

    documents, compared, notes = (
        changed(options["diff"], sources) if options["diff"] is not None else (given(sources), None, [])
    )

    def record_it(loaded: LoadedModel, _none: Any, watcher: Watcher, **more: Any) -> Trace:
        from tokenscope_trace import forecast
        from tokenscope_trace.scoring import score

        top, watcher = options["top_alternatives"], forecast.of_scoring(watcher)
        return score(loaded, documents, top_alternatives=top, compared=compared, notes=notes, watcher=watcher, **more)

    def estimate(loaded: LoadedModel, _none: Any, **more: Any) -> Estimate:
        from tokenscope_trace.dry_run import estimate_scoring

        return estimate_scoring(loaded, documents, top_alternatives=options["top_alternatives"], **more)

    stem = "diff" if compared else Path(documents[0].source).stem if len(documents) == 1 else "score"
    inputs = tuple((document.source, document.text) for document in documents)
    extent = {"reading": len(documents)}
    return Job(stem, lambda _loaded: None, record_it, extent, generates=False, inputs=inputs, estimate=estimate)
