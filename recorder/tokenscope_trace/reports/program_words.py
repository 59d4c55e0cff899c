"""The program of an output in sentences: how it ended, what is no part of it, whether it parses, and from where on it repeats itself.

A Trace in, sentences out; knows no markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.reports.code import kept_output
from tokenscope_trace.traces.facts import ProgramFacts
from tokenscope_trace.traces.schema import SyntaxFlag
from tokenscope_trace.traces.trace import Trace

ENDED_EARLY = "The recording ended early: this is what was there by then."
_FINISHES = {
    "end-of-text": "The model ended the text itself.",
    "stop-string": "It stopped at a stop string.",
    "context": "It stopped where the model's context was full.",
    "scored": "Nothing was generated.",
    "interrupted": ENDED_EARLY,
}
_STOPS = {
    "stop-string": "It stopped at a stop string, which is not part of the program.",
    "stop-string-kept": "It stopped at a stop string, which is part of the program: it closes something.",
}
_UNITS = {
    "function": "the function that the prompt began",
    "statement": "the statement that the prompt began",
    "file": "the file",
}


def warning_sentences(trace: Trace) -> Iterator[str]:
    """What is the matter with an output: that it does not parse, repeats itself, was cut off inside of a function."""
    yield from state_sentences(trace)
    if trace.facts.finish == "length" and not _repeats(trace) and is_cut_in_function(trace):
        yield _cut_off(trace)


def state_sentences(trace: Trace) -> Iterator[str]:
    """The same but for how it ended, which `finish_sentences` says."""
    facts = trace.facts.program
    if facts is None:
        return
    if facts.broken:
        yield "The output itself does not parse."
    if facts.repeats is not None:
        yield f"From line {_line(trace, facts.repeats):,} on the output repeats itself."


def finish_sentences(trace: Trace) -> Iterator[str]:
    """How the output ended, what of it is no part of its program, and what to raise where it was cut off."""
    facts, finish = trace.facts.program or ProgramFacts(), trace.facts.finish
    main = trace.programs.main
    unit = f"{_UNITS.get(facts.until or '', 'what the prompt began')} (line {_line(trace, _last_sign(trace)):,})"
    if finish == "unit":
        yield f"It ends with {unit}."
    elif finish == "length":
        yield _cut_off(trace)
    else:
        yield _STOPS.get(facts.why or "", _FINISHES[finish]) if finish == "stop-string" else _FINISHES[finish]
        if facts.why == "unit" and main.written < main.reach:
            yield f"What was written behind {unit} is not part of the program."
    if left := len(trace.output) - len(kept_output(trace)):
        yield f"{_tokens(left)} behind the end of the program {'is' if left == 1 else 'are'} in no figure."


def _cut_off(trace: Trace) -> str:
    limit = trace.facts.sampling.max_new_tokens
    if not _repeats(trace) and is_cut_in_function(trace):
        return f"It was cut off inside of a function after {_tokens(len(trace.output))}; raise --max-new-tokens."
    return f"It stopped at the limit of {_tokens(limit)}." if limit is not None else "It stopped at its limit of tokens."


def _repeats(trace: Trace) -> bool:
    return trace.facts.program is not None and trace.facts.program.repeats is not None


def is_cut_in_function(trace: Trace) -> bool:
    """Whether the last sign of the program stands in a function that nothing shows to be complete."""
    syntax, last = trace.syntax, _last_sign(trace)
    if syntax is None or last < trace.programs.main.begin:
        return False
    node = syntax.innermost(0, last, last + 1)
    passage = next((one for one in syntax.passages if one.first <= node < one.end), None)
    language = by_name(passage.language) if passage is not None else None
    if passage is None or language is None:
        return False
    rows = slice(passage.first, passage.end)
    lacks = (syntax.flags[rows] & SyntaxFlag.MISSING).astype(bool) & (syntax.start[rows] > last)
    closed = trace.programs.main.text[last : last + 1] == b"}" and not lacks.any()
    while node >= 0:
        is_function = any(fnmatchcase(syntax.kind[node], kind) for kind in language.rules.units.functions.split())
        if is_function and not (closed and int(syntax.end[node]) == last + 1):
            return True
        node = int(syntax.parent[node])
    return False


def _last_sign(trace: Trace) -> int:
    """The byte of the last sign of the program that was written and is no white space, -1 for none."""
    main = trace.programs.main
    return len(main.text[: main.written].rstrip()) - 1


def _line(trace: Trace, byte: int) -> int:
    return 1 + trace.programs.main.text.count(b"\n", 0, max(byte, 0))


def _tokens(count: int) -> str:
    return f"{count:,} token{'' if count == 1 else 's'}"
