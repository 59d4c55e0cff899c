"""Redaction: a recording without some of its text; a Trace in, a Trace out in which that text is not, nor what would give it back. Pure.

Redacted tokens all look the same: one id, one sign, and the line breaks that they had, so that lines keep their numbers. How many
tokens and lines there were stays; what each was, how likely it was and what else could have stood there does not. FORMAT.md lists
what goes and what somebody with the same model could still find out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from tokenscope_trace.errors import RedactionError
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.literals import is_literal
from tokenscope_trace.privacy.anonymize import LEFT_OUT
from tokenscope_trace.privacy.hidden_tokens import LITERAL, Hidden, listed
from tokenscope_trace.settings import Redaction
from tokenscope_trace.traces.facts import Facts
from tokenscope_trace.traces.pruning import Flags, remaining
from tokenscope_trace.traces.schema import REDACTED_ID
from tokenscope_trace.traces.trace import Trace

ROUNDS = 8  # after which all text goes
_FREE_TEXT = frozenset({"--system", "--force-text", "--force-token", "--stop", "--check", "--fim-marker"})
# By name, so that a fact that is new goes until somebody has decided that it may stay.
_KEPT_FACTS = {
    "generator", "model", "prompt", "sampling", "top_alternatives", "main_leaf", "finish", "libraries", "machine", "command", "tree", "replay", "program",
    "attention", "lens", "files", "syntax", "decisions", "check", "score", "notes", "missing", "clock",
}  # fmt: skip


def redacted(trace: Trace, what: Collection[Redaction], language: Language | None = None) -> Trace:
    """The recording without this; as it is where nothing of it is there. `language` is what files of unknown suffix hold.

    What a recording says of itself is not believed: what it says is left out already is looked for again. A recording that was redacted
    stays as it is.

    Raises RedactionError where a text is in no language whose strings and comments are known, where text is not there any more and
    what is asked for now would have to be found in the rest, and where a recording has no prompt.
    """
    asked = frozenset(map(Redaction, what))
    if not asked:
        return trace
    done = frozenset(kind for kind in Redaction if kind in trace.facts.redacted)
    if asked & LITERAL - done and bool((trace.nodes.token_id == REDACTED_ID).any()):
        raise RedactionError(
            f"text of this recording is left out already ({listed(done) or 'it does not say which'}), and its {listed(asked & LITERAL - done)} cannot "
            "be found in the rest; redact all of it at once, from the recording as it was."
        )
    if Redaction.PROMPT in asked and trace.files:
        raise RedactionError("a recording of existing code has no prompt; its strings and comments can be redacted.")
    names = sorted(done | asked)
    found = _once(trace, Hidden(trace, asked, language), names)
    for _ in range(ROUNDS):  # a sign in place of text may move a literal of what stays
        again = _once(found, Hidden(found, asked, language), names)
        if again.payload == found.payload:
            return trace if found.payload == trace.payload else found
        found = again
    return _once(found, Hidden(found, asked, language, whole=True), names)


def _once(trace: Trace, hidden: Hidden, names: Sequence[str]) -> Trace:
    tables, facts = remaining(trace, hidden, is_literal)
    tables["checks"]["output"] = np.zeros_like(tables["checks"]["output"])  # there is but one, and it is empty
    run = {**_facts(trace.run, hidden.nodes, names), **facts}
    return Trace(Facts.named(run, hidden.copies.left_out), tables)


def _facts(run: dict[str, Any], hidden: Flags, names: Sequence[str]) -> dict[str, Any]:
    run = {key: value for key, value in run.items() if key in _KEPT_FACTS}
    run["command"] = without_free_text(run["command"])
    if run["sampling"].get("stop"):
        run["sampling"] = {**run["sampling"], "stop": [LEFT_OUT] * len(run["sampling"]["stop"])}
    check = run.get("check")
    if check is not None:
        pivot = check.get("pivot")
        hides = pivot is not None and hidden[pivot["node"]]
        run["check"] = {
            **check,
            "command": LEFT_OUT,
            "not_run": None if check.get("not_run") is None else LEFT_OUT,
            "outputs": [""] if check["outputs"] else [],
            "pivot": None if hides else pivot,
        }
    return {**run, "redacted": list(names)}


def without_free_text(command: Sequence[str]) -> list[str]:
    """A command line without the texts that a user gave in it, as words of their own or behind `=`."""
    words: list[str] = []
    for place, word in enumerate(command):
        option, given, _ = word.partition("=")
        if place and command[place - 1] in _FREE_TEXT:
            words.append(LEFT_OUT)
        else:
            words.append(f"{option}={LEFT_OUT}" if given and option in _FREE_TEXT else word)
    return words
