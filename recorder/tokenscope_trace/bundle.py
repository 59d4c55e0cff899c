"""The viewer's ES modules -> one classic script, because that is what the strictest content security policy admits; and its
style sheet -> one style.

In: named sources that import each other as `#viewer/NAME`. Out: one ASCII script in which each module is a function that
returns its exports. Knows only the forms that the viewer uses and refuses the others by name: named imports at the start of
a line, `export function`, `export class` and `export const`. Types (JSDoc tags) are left out; comments for people stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_IMPORT = re.compile(r"^import \{ ([\w$]+(?:, [\w$]+)*) \} from '#viewer/(\w+)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const)\*? (\w+))", re.MULTILINE)
_OTHER_FORM = re.compile(r"^(?:import|export)\b.*|\bimport\s*\(.*|\bimport\.meta\b|^await .*", re.MULTILINE)
_JSDOC = re.compile(r"([ \t]*)/\*\*((?:(?!\*/).)*?)\*/([ \t]*\n*)", re.DOTALL)
_INDENT = re.compile(r"^(?:  )+", re.MULTILINE)
_DECLARATIONS = re.compile(r"{[^{}]*}")
_TAG = re.compile(r"[\s*]*@(?:param|returns|type|typedef|template|property)\b.*", re.DOTALL)


class BundleError(Exception):
    """A module that this bundler cannot take; a bug of ours, never a user's mistake."""


def bundle(sources: Mapping[str, str], entry: str) -> str:
    """One classic script that runs the module `entry`. Raises BundleError, naming the module and the form."""
    done: dict[str, str] = {}
    _add(entry, sources, done, ())
    script = "(() => {\n'use strict';\n" + "".join(done.values()) + "})();\n"
    script = re.sub(r"[^\x00-\x7f]", _escape, _INDENT.sub(lambda spaces: "\t" * (len(spaces[0]) // 2), script))
    for end in ("</script", "<!--"):
        if end in script.lower():
            raise BundleError(f"the script holds {end}, which would end it inside a page.")
    return script


def bundle_style(style: str) -> str:
    """The style sheet, its declarations without the spaces between them. Raises BundleError where it is not safe in a page."""
    if not style.isascii() or "</style" in style.lower():
        raise BundleError("the style sheet is not ASCII, or would end its own element.")
    return _DECLARATIONS.sub(lambda block: re.sub(r"(?<=[;:{]) +| +(?=})", "", block[0]), _INDENT.sub("", style))


def _add(name: str, sources: Mapping[str, str], done: dict[str, str], importers: tuple[str, ...]) -> None:
    """Put the module's text into `done`, after those it imports."""
    if name in importers:
        raise BundleError(f"the modules import each other in a cycle: {' -> '.join((*importers, name))}.")
    if name in done:
        return
    if name not in sources:
        raise BundleError(f"{importers[-1] if importers else 'the entry'} imports {name}, which does not exist.")
    source = _without_types(sources[name])
    for names, imported in _IMPORT.findall(source):
        _add(imported, sources, done, (*importers, name))
        missing = set(names.split(", ")) - set(_EXPORT.findall(sources[imported]))
        if missing:
            raise BundleError(f"{name} imports {min(missing)} from {imported}, which does not export it.")
    exports = _EXPORT.findall(source)
    body = _EXPORT.sub("", _IMPORT.sub(r"const { \1 } = $\2;\n", source))
    other = _OTHER_FORM.search(body)
    if other:
        raise BundleError(f"{name} uses a form that is not supported: {other[0].strip()}")
    done[name] = f"const ${name} = (() => {{\n{body}return Object.freeze({{ {', '.join(exports)} }});\n}})();\n"


def _without_types(source: str) -> str:
    """The source without JSDoc tags, and without the comments that held nothing else."""

    def kept(comment: re.Match[str]) -> str:
        indent, text, end = comment.groups()
        words = _TAG.sub("", text)
        if words == text:
            return comment[0]
        if words.strip(" *\n"):
            return f"{indent}/**{words.rstrip(' *')} */{end}"
        return "" if "\n" in end else indent

    return _JSDOC.sub(kept, source)


def _escape(character: re.Match[str]) -> str:
    """The character as UTF-16 escapes, which mean the same in strings, templates and regular expressions."""
    units = character[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
