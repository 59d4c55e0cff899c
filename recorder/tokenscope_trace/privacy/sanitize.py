"""Preparation of every trace that is written, the unfinished ones too: what is to be left out goes, and so does where it was made.

A Trace in, a Trace out. Says by `warn` where text that stays looks as if it held a credential, each place once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from tokenscope_trace.errors import RedactionError
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.literals import has_literals
from tokenscope_trace.privacy.anonymize import without_places
from tokenscope_trace.privacy.credentials import Finding, findings, warning
from tokenscope_trace.privacy.hidden_tokens import LITERAL, listed
from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.settings import Redaction
from tokenscope_trace.traces.trace import Trace


def check_redactions(
    what: Collection[Redaction], sources: Collection[str], language: Language | None, *, chat: bool
) -> None:
    """Raises RedactionError where a file's strings and comments cannot be found: better before the model runs than after it."""
    asked = LITERAL & set(what)
    for source in sources if asked else ():
        if not has_literals(source, language, conversation=chat):
            raise RedactionError(
                f"no grammar is known for {_named(source)}, so its {listed(asked)} cannot be found; name its language (--language), or leave out "
                "the prompt (--redact prompt)."
            )


class Preparation:
    """What one recording's traces go through. `warn` gets one sentence at a time, which says `how` a text is left out."""

    def __init__(
        self,
        what: Collection[Redaction],
        language: Language | None,
        warn: Callable[[str], None],
        how: Callable[[Redaction], str] = "--redact {}".format,
    ) -> None:
        self._what, self._language, self._warn, self._how = frozenset(what), language, warn, how
        self._said: set[Finding] = set()

    def read(self, inputs: Iterable[tuple[str, str]], *, scored: bool) -> None:
        """Look at the (name, text) of what the user gave, before anything is done with it."""
        if self._what:
            return  # what stays of it is looked at when it is known
        for name, text in inputs:
            self._tell(findings(_named(name), text), Redaction.STRINGS if scored else Redaction.PROMPT)

    def __call__(self, trace: Trace) -> Trace:
        """What may be written."""
        facts = anonymous_facts(trace.run)
        trace = trace if facts == trace.run else trace.replaced(facts, {})
        trace = redacted(trace, self._what, self._language)
        for name, text, redaction in _shown_texts(trace) if self._what else _written_texts(trace):
            self._tell(findings(_named(name), text), redaction)
        return trace

    def _tell(self, found: list[Finding], redaction: Redaction) -> None:
        fresh = [finding for finding in found if finding not in self._said]
        self._said |= set(fresh)
        if fresh:
            self._warn(warning(fresh, f"{self._how(redaction)} leaves it out of the trace."))


def _named(source: str) -> str:
    return "standard input" if source == "-" else source


def anonymous_facts(run: dict[str, Any]) -> dict[str, Any]:
    """The facts of a run with no place in their sentences."""
    changed: dict[str, Any] = {"notes": [without_places(note) for note in run["notes"]]}
    if run.get("missing"):
        changed["missing"] = [{**one, "reason": without_places(one["reason"])} for one in run["missing"]]
    attention, lens = run.get("attention"), run.get("lens")
    if attention is not None:
        absent = [{**one, "reason": without_places(one["reason"])} for one in attention["absent"]]
        changed["attention"] = {**attention, "absent": absent}
    if lens is not None and lens.get("reason"):
        changed["lens"] = {**lens, "reason": without_places(lens["reason"])}
    return {**run, **changed}


def _written_texts(trace: Trace) -> list[tuple[str, str, Redaction]]:
    """What the model wrote, with the line that it went on with."""
    if trace.files:
        return []
    before, output = (trace.text(nodes, special=False).decode(errors="replace") for nodes in (trace.prompt, trace.output))
    line = before.rpartition("\n")[2] if trace.facts.prompt.kind == "text" else ""
    return [("the output", line + output, Redaction.STRINGS)]


def _shown_texts(trace: Trace) -> list[tuple[str, str, Redaction]]:
    """All that stays of the texts of a redacted recording."""
    advice = Redaction.STRINGS if trace.files else Redaction.PROMPT
    return [(text.source, trace.text(text.nodes, special=False).decode(errors="replace"), advice) for text in trace.texts]
