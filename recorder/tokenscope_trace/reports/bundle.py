"""The bundle of the viewer: its ES modules become one classic script, because that is what the strictest content security policy
admits; and its style sheet -> one style.

In: named sources that import each other as `#viewer/NAME` or `#viewer/FOLDER/NAME`. Out: one ASCII script in which each module
is a function that returns its exports. Knows only the forms that the viewer uses and refuses the others by name: named imports
at the start of a line, `export function`, `export class` and `export const`. Comments and spare white space are left out; names
stay as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

import tree_sitter_javascript
from rjsmin import jsmin
from tree_sitter import Language, Node, Parser

_IMPORT = re.compile(r"^import \{ ([\w$]+(?:, [\w$]+)*) \} from '#viewer/(\w+(?:/\w+)*)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const)\*? (\w+))", re.MULTILINE)
_OTHER_STATEMENT = re.compile(r"^(?:import|export|await)\b.*", re.MULTILINE)
_OTHER_EXPRESSION = re.compile(r"\bimport\s*\([^)]*\)?|\bimport\.meta\b")
_PLACE = re.compile(r"\$LITERAL_(\d+)_")
_STYLE_COMMENT = re.compile(r"/\*.*?\*/\n*", re.DOTALL)
_CSS_STRING = re.compile(r'("[^"]*")')


class BundleError(Exception):
    """A module that this bundler cannot take; a bug of ours, never a user's mistake."""


def bundle_modules(sources: Mapping[str, str], entry: str) -> str:
    """One classic script that runs the module `entry`. Raises BundleError, naming the module and the form."""
    done: dict[str, str] = {}
    _add(entry, sources, done, ())
    return _page_safe("(()=>{'use strict';\n" + "".join(done.values()) + "})();\n")


def bundle_classic(name: str, source: str) -> str:
    """A classic script that stands in the page by itself. Raises BundleError where it is not safe there."""
    return _page_safe(_minified(name, source) + "\n")


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
    source = sources[name]
    for names, imported in _IMPORT.findall(source):
        _add(imported, sources, done, (*importers, name))
        missing = set(names.split(", ")) - set(_EXPORT.findall(sources[imported]))
        if missing:
            raise BundleError(f"{name} imports {min(missing)} from {imported}, which does not export it.")
    exports = _EXPORT.findall(source)
    body = _EXPORT.sub("", _IMPORT.sub(lambda match: f"const {{ {match[1]} }} = {_object(match[2])};\n", source))
    short = _minified(name, body)
    other = _OTHER_STATEMENT.search(body) or _OTHER_EXPRESSION.search(short)
    if other:
        raise BundleError(f"{name} uses a form that is not supported: {other[0].strip()}")
    done[name] = f"const {_object(name)}=(()=>{{{short}\nreturn Object.freeze({{{','.join(exports)}}});}})();\n"


def _object(name: str) -> str:
    """What the script calls the exports of a module."""
    return "$" + name.replace("/", "_")


def _minified(name: str, source: str) -> str:
    """The source without comments and spare white space.

    Its statements are found by how lines begin, so no template literal may span lines: it could hold a line that only looks like one.
    """
    for line in source.splitlines():
        if line.count("`") % 2:
            raise BundleError(f"{name} has a template literal that spans lines, or a lone backtick: {line.strip()}")
    rest, literals = _without_literals(source.encode())
    return _PLACE.sub(lambda place: literals[int(place[1])], jsmin(rest.decode()))


def _without_literals(source: bytes) -> tuple[bytes, list[str]]:
    """The source with a name in place of each template and regular expression, and these.

    jsmin knows neither a template inside of another nor every place where a regular expression may stand.
    """
    parts: list[bytes] = []
    literals: list[str] = []
    done = 0
    waiting: list[Node] = [_parser().parse(source).root_node]
    while waiting:
        node = waiting.pop()
        if node.type not in ("template_string", "regex"):
            waiting += node.children[::-1]
            continue
        parts.append(source[done : node.start_byte] + b"$LITERAL_%d_" % len(literals))
        literals.append(source[node.start_byte : node.end_byte].decode())
        done = node.end_byte
    return b"".join([*parts, source[done:]]), literals


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_javascript.language()))


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
