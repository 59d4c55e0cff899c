"""A style sheet in two parts: what a page needs before its script runs, and the rest. Text in, text out.

A rule belongs to the first part if every class and id of one of its selectors stands in the page's markup. The rest follows once
the script runs, so no rule of the rest may count on standing before one of the first part; tests/browser/test_style.py looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAMES = re.compile(r"[.#]([A-Za-z][\w-]*)")
_IS = re.compile(r":(?:is|where)\(([^()]*)\)")
_NOT = re.compile(r":not\([^()]*\)")
_ATTRIBUTES = re.compile(r'\b(?:class|id)="((?:\{\{.*?\}\}|\{%.*?%\}|[^"])*)"')  # a template's expressions may hold quotes
_WORD = re.compile(r"[A-Za-z][\w-]*")
_STRING = re.compile(r'"[^"]*"')


def names_in(markup: str) -> frozenset[str]:
    """The classes and ids of a page, or all that its template may make of them: the words of its expressions count, too."""
    return frozenset(name for value in _ATTRIBUTES.findall(markup) for name in _WORD.findall(value))


def static_style(style: str, names: frozenset[str]) -> str:
    """The rules of a style sheet without comments that may apply where only these classes and ids exist."""
    return _part(style, names, first=True)


def later_style(style: str, names: frozenset[str]) -> str:
    """All other rules."""
    return _part(style, names, first=False)


def _part(style: str, names: frozenset[str], *, first: bool) -> str:
    kept = []
    for head, body in _blocks(style):
        if head.startswith(("@media", "@supports")):
            inner = _part(body, names, first=first)
            kept.append(f"{head}{{{inner}}}" if inner else "")
        elif head.startswith("@"):
            kept.append(f"{head}{{{body}}}" if first else "")
        else:
            selectors = [selector for selector in _selectors(head) if _may_apply(selector, names) == first]
            kept.append(f"{','.join(selectors)}{{{body}}}" if selectors else "")
    return "".join(kept)


def _may_apply(selector: str, names: frozenset[str]) -> bool:
    """Whether every name in it exists: of `:is()` in one of its alternatives, of `:not()` in none."""
    selector = _NOT.sub("", selector)
    for choice in _IS.findall(selector):
        if not any(set(_NAMES.findall(alternative)) <= names for alternative in choice.split(",")):
            return False
    return set(_NAMES.findall(_IS.sub("", selector))) <= names


def _blocks(style: str) -> Iterator[tuple[str, str]]:
    """(what stands before the brace, what stands between it and the one that closes it, without a last semicolon) of each rule."""
    hidden = _STRING.sub(lambda match: "_" * len(match[0]), style)  # braces in strings are no braces
    at = 0
    while (opening := hidden.find("{", at)) >= 0:
        depth, end = 1, opening + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(hidden[end], 0)
            end += 1
        yield style[at:opening].strip(), style[opening + 1 : end - 1].replace(";\n", ";").strip().rstrip(";")
        at = end


def _selectors(head: str) -> list[str]:
    """A list of selectors, split at the commas that stand in no brackets."""
    parts, depth, begin = [], 0, 0
    for place, sign in enumerate(head):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(head[begin:place].strip())
            begin = place + 1
    return [*parts, head[begin:].strip()]
