"""The viewer's ES modules -> one classic script, because that is what the strictest content security policy admits; and its
style sheet -> one style.

In: named sources that import each other as `#viewer/NAME`. Out: one ASCII script in which each module is a function that
returns its exports. Knows only the forms that the viewer uses and refuses the others by name: named imports at the start of
a line, `export function`, `export class` and `export const`. Comments are left out, indentation, and the spare white space of the
style; names and lines stay as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_IMPORT = re.compile(r"^import \{ ([\w$]+(?:, [\w$]+)*) \} from '#viewer/(\w+)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const)\*? (\w+))", re.MULTILINE)
_OTHER_FORM = re.compile(r"^(?:import|export)\b.*|\bimport\s*\(.*|\bimport\.meta\b|^await .*", re.MULTILINE)
_JSDOC = re.compile(r"([ \t]*)/\*\*(?:(?!\*/).)*?\*/([ \t]*\n*)", re.DOTALL)
_LINE_COMMENT = re.compile(r"^[ \t]*//.*\n", re.MULTILINE)
_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)
_STYLE_COMMENT = re.compile(r"/\*.*?\*/\n*", re.DOTALL)
_CSS_STRING = re.compile(r'("[^"]*")')


class BundleError(Exception):
    """A module that this bundler cannot take; a bug of ours, never a user's mistake."""


def bundle(sources: Mapping[str, str], entry: str) -> str:
    """One classic script that runs the module `entry`. Raises BundleError, naming the module and the form."""
    done: dict[str, str] = {}
    _add(entry, sources, done, ())
    return _page_safe("(() => {\n'use strict';\n" + "".join(done.values()) + "})();\n")


def bundle_classic(name: str, source: str) -> str:
    """A classic script that stands in the page by itself. Raises BundleError where it is not safe there."""
    return _page_safe(_without_comments(name, source))


def bundle_style(style: str) -> str:
    """The style sheet without comments and spare white space. Raises BundleError where it is not safe in a page."""
    if not style.isascii() or "</style" in style.lower():
        raise BundleError("the style sheet is not ASCII, or would end its own element.")
    parts = _CSS_STRING.split(_STYLE_COMMENT.sub("", style))
    parts[::2] = [
        re.sub(r"\s*([{>,;])[ \t]*|(?<=[\w-]:) +|[ \t]*(})|^[ \t]+", r"\1\2", part, flags=re.M) for part in parts[::2]
    ]
    return "".join(parts)


def _add(name: str, sources: Mapping[str, str], done: dict[str, str], importers: tuple[str, ...]) -> None:
    """Put the module's text into `done`, after those it imports."""
    if name in importers:
        raise BundleError(f"the modules import each other in a cycle: {' -> '.join((*importers, name))}.")
    if name in done:
        return
    if name not in sources:
        raise BundleError(f"{importers[-1] if importers else 'the entry'} imports {name}, which does not exist.")
    source = _without_comments(name, sources[name])
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
    body = _INDENTATION.sub("", body)  # safe where no template literal spans lines
    done[name] = f"const ${name} = (() => {{\n{body}return Object.freeze({{ {', '.join(exports)} }});\n}})();\n"


def _without_comments(name: str, source: str) -> str:
    """The source without JSDoc and without lines that are a comment.

    Both are found by how they begin, so no template literal may span lines: it could hold a line that only looks like one.
    """
    for line in source.splitlines():
        if line.count("`") % 2:
            raise BundleError(f"{name} has a template literal that spans lines, or a lone backtick: {line.strip()}")

    def kept(comment: re.Match[str]) -> str:
        return "" if "\n" in comment[2] else comment[1]

    return _JSDOC.sub(kept, _LINE_COMMENT.sub("", source))


def _page_safe(script: str) -> str:
    """The script in ASCII. Raises BundleError where it would end its own element."""
    for end in ("</script", "<!--"):
        if end in script.lower():
            raise BundleError(f"the script holds {end}, which would end it inside a page.")
    return re.sub(r"[^\x00-\x7f]", _escape, script)


def _escape(character: re.Match[str]) -> str:
    """The character as UTF-16 escapes, which mean the same in strings, templates and regular expressions."""
    units = character[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
