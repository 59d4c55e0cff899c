"""Functions of the held-out modules, as prompts to complete and as holes to fill."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass

from corpus import Document


@dataclass(frozen=True)
class Function:
    """One function: the file up to it, its header up to the colon, its body."""

    before: str
    header: str
    body: str
    indentation: int


def functions(document: Document) -> list[Function]:
    """Functions and methods of three body lines or more, in order of appearance."""
    lines = document.text.splitlines(keepends=True)
    found: list[Function] = []
    for node in ast.walk(ast.parse(document.text)):
        if not isinstance(node, ast.FunctionDef):
            continue
        first, body_first, last = node.lineno - 1, node.body[0].lineno - 1, node.end_lineno or 0
        header = "".join(lines[first:body_first])
        # comments between header and body make the colon hard to find: leave these out
        if last - body_first >= 3 and header.rstrip().endswith(":") and "#" not in header:
            body = "".join(lines[body_first:last])
            found.append(Function("".join(lines[:first]), header.rstrip(), body, node.col_offset))
    return sorted(found, key=lambda function: len(function.before))


def chosen(documents: list[Document], count: int, seed: int, longest_body: int = 1_000_000) -> list[Function]:
    """A seeded choice over all documents, of bodies of at most `longest_body` characters."""
    everything = [f for document in documents for f in functions(document) if len(f.body) <= longest_body]
    return random.Random(seed).sample(everything, count)


def parses(function_text: str) -> bool:
    """True when the text is one well-formed function, at whatever indentation."""
    indented = function_text.startswith((" ", "\t"))
    try:
        ast.parse(("if 1:\n" if indented else "") + function_text)
    except (SyntaxError, ValueError):
        return False
    return True


def cut_at_end(header: str, completion: str, indentation: int, text_ended: bool) -> tuple[str, bool]:
    """(the lines that belong to the function, whether its end was reached).

    The function ends with the text, or before the first line that is indented no deeper than its header and is not
    inside a string or a bracket: where it would be, what comes before does not parse, and the next such line is looked at.
    Without an end the last, perhaps unfinished, line is dropped.
    """
    lines = completion.splitlines(keepends=True)
    ends = [
        index for index, line in enumerate(lines) if index and line.strip() and len(line) - len(line.lstrip()) <= indentation
    ]
    for index in ends:
        if parses(header + "".join(lines[:index])):
            return "".join(lines[:index]), True
    if text_ended:
        return completion, True
    return ("".join(lines[: ends[0]]), True) if ends else ("".join(lines[:-1]), False)


def hole(function: Function, rng: random.Random) -> tuple[str, str, str]:
    """(prefix, middle, suffix): one to three lines of the body are cut out.

    The indentation before the hole and the line end after it stay.
    """
    lines = function.body.splitlines(keepends=True)
    filled = [index for index, line in enumerate(lines) if line.strip()]
    index = rng.choice(filled)
    end = min(index + rng.randint(1, 3), len(lines))
    while not lines[end - 1].strip():
        end -= 1
    middle = "".join(lines[index:end])
    lead = len(middle) - len(middle.lstrip())
    tail = len(middle.rstrip())
    prefix = function.header + "\n" + "".join(lines[:index]) + middle[:lead]
    return prefix, middle[lead:tail], middle[tail:] + "".join(lines[end:])
