"""Jobs: what is to be recorded, a prompt to go on from or code that exists. In: settings and texts. Out: how a model makes a Trace of
them.

What records is imported when a recording starts, so that help and mistakes cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenscope_trace.errors import PromptError
from tokenscope_trace.languages.language import Language
from tokenscope_trace.models.backend import Backend
from tokenscope_trace.models.prompts import split_at_marker
from tokenscope_trace.progress import Estimate
from tokenscope_trace.recording.documents import Compared, Document
from tokenscope_trace.settings import GenerationSettings, PromptText, TreeSettings

if TYPE_CHECKING:
    from tokenscope_trace.progress import Watcher
    from tokenscope_trace.traces.trace import Trace


@dataclass(frozen=True)
class Job:
    """What is to be recorded: the default output's stem; what a model makes of the input; how it becomes a trace.

    `record(backend, prepared, watcher, **more)`: `more` are replay, command and load_seconds. `extent` says how far it goes at most:
    `writing` so many tokens, or `reading` so many files. `estimate(backend, prepared, **more)` is what it would take; `more` are replay,
    language, check and load_seconds.
    """

    stem: str
    prepare: Callable[[Backend], Any]
    record: Callable[..., Trace]
    extent: dict[str, int]
    generates: bool
    inputs: tuple[tuple[str, str], ...] = ()  # (name, text) of what the model reads
    estimate: Callable[..., Estimate] | None = None


def generation_job(
    prompt: PromptText, settings: GenerationSettings, tree: TreeSettings | None = None, language: Language | None = None
) -> Job:
    """The job that goes on from a prompt, and grows a tree.

    Raises PromptError where a prompt with a hole does not mark it once, and where an answer or a hole is to end with a function.
    """
    if prompt.kind == "fim":
        split_at_marker(prompt.text, prompt.source, prompt.marker)
    if prompt.kind != "text" and settings.until in ("function", "statement"):
        raise PromptError(
            f"an output ends with the {settings.until} that its prompt breaks off in; a chat's answer ends with its turn, and what fills a "
            "hole where the model says so: leave out --until."
        )

    def record_it(backend: Backend, encoded: Any, watcher: Watcher, **more: Any) -> Trace:
        from tokenscope_trace.estimates.forecast import forecast_generation
        from tokenscope_trace.recording.recorder import record

        watcher = forecast_generation(watcher, backend, len(encoded.ids), settings, more.get("replay"), tree)
        return record(backend, encoded, settings, tree=tree, language=language, watcher=watcher, **more)

    def estimate(backend: Backend, encoded: Any, **more: Any) -> Estimate:
        from tokenscope_trace.estimates.dry_run import estimate_generation

        return estimate_generation(backend, encoded, settings, tree=tree, **more)

    system = [] if prompt.system is None else [("the system prompt", prompt.system)]
    return Job(
        stem="stdin" if prompt.source == "-" else Path(prompt.source).stem,
        prepare=lambda backend: backend.vocabulary().encode(prompt),
        record=record_it,
        extent={"writing": settings.max_new_tokens},
        generates=True,
        inputs=((prompt.source, prompt.text), *system),
        estimate=estimate,
    )


def scoring_job(
    documents: Sequence[Document], top_alternatives: int, compared: Compared | None = None, notes: Sequence[str] = ()
) -> Job:
    """The job that measures code that exists; `compared` is what its changed lines were found against."""

    def record_it(backend: Backend, _none: Any, watcher: Watcher, **more: Any) -> Trace:
        from tokenscope_trace.estimates.forecast import forecast_scoring
        from tokenscope_trace.recording.scorer import score

        top, watcher = top_alternatives, forecast_scoring(watcher)
        return score(backend, documents, top_alternatives=top, compared=compared, notes=notes, watcher=watcher, **more)

    def estimate(backend: Backend, _none: Any, **more: Any) -> Estimate:
        from tokenscope_trace.estimates.dry_run import estimate_scoring

        return estimate_scoring(backend, documents, top_alternatives=top_alternatives, **more)

    return Job(
        stem="diff" if compared else Path(documents[0].source).stem if len(documents) == 1 else "score",
        prepare=lambda _backend: None,
        record=record_it,
        extent={"reading": len(documents)},
        generates=False,
        inputs=tuple((document.source, document.text) for document in documents),
        estimate=estimate,
    )
