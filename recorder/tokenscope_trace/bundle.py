"""The viewer's ES modules -> one classic script, because that is what the strictest content security policy admits; and its
style sheet -> one style.

In: named sources that import each other as `#viewer/NAME`. Out: one ASCII script in which each module is a function that
returns its exports. Knows only the forms that the viewer uses and refuses the others by name: named imports at the start of
a line, `export function`, `export class` and `export const`. Comments and spare white space are left out and names are
shortened, because the page is to be small; the sources are what people read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count, product

_IMPORT = re.compile(r"^import \{ ([\w$]+(?:, [\w$]+)*) \} from '#viewer/(\w+)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const)\*? (\w+))", re.MULTILINE)
_OTHER_FORM = re.compile(r"^(?:import|export)\b.*|\bimport\s*\(.*|\bimport\.meta\b|^await .*", re.MULTILINE)
_JSDOC = re.compile(r"([ \t]*)/\*\*(?:(?!\*/).)*?\*/([ \t]*\n*)", re.DOTALL)
_LINE_COMMENT = re.compile(r"^[ \t]*//.*\n", re.MULTILINE)
_STYLE_COMMENT = re.compile(r"/\*.*?\*/\n*", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)|(?P<line>\s*\n\s*)|(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<word>[\w$]+)|(?P<sign>.)""",
    re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*")
_BEFORE_REGEX = frozenset({"return", "typeof", "case", "of", "in", "await", "else", *"(,=:[!&|?{};+-*%<>~^"})
_BEFORE_OBJECT = frozenset({"return", "const", "let", *"(,=[:?&|!."})
# Names that are not the viewer's own: the language's, the browser's, and words that are keywords in some places only.
_STAY = frozenset(
    re.findall(
        r"\w+",
        """arguments as async await break case catch class const continue default delete do else export extends false finally for from
    function get if import in instanceof let new null of return set static super switch this throw true try typeof undefined var
    void while yield Array BigInt64Array Boolean CustomEvent DOMRect DecompressionStream DataView Element Error Float32Array
    Float64Array HTMLElement HTMLInputElement Infinity Int32Array IntersectionObserver JSON Map Math NaN Node Number Object
    Promise RangeError ResizeObserver Response Set String Symbol TextDecoder TextEncoder TypeError URLSearchParams Uint16Array
    Uint32Array Uint8Array atob BigInt Blob Date clearTimeout document getComputedStyle history localStorage location matchMedia
    navigator requestAnimationFrame setTimeout window globalThis console process ArrayBuffer WebAssembly performance queueMicrotask crypto""",
    )
)
_CSS_STRING = re.compile(r'("[^"]*")')


class BundleError(Exception):
    """A module that this bundler cannot take; a bug of ours, never a user's mistake."""


def bundle(sources: Mapping[str, str], entry: str) -> str:
    """One classic script that runs the module `entry`. Raises BundleError, naming the module and the form."""
    done: dict[str, str] = {}
    _add(entry, sources, done, ())
    script = "(() => {\n'use strict';\n" + "".join(done.values()) + "})();\n"
    script = re.sub(r"[^\x00-\x7f]", _escape, shorten(compact(script)))
    for end in ("</script", "<!--"):
        if end in script.lower():
            raise BundleError(f"the script holds {end}, which would end it inside a page.")
    return script


def bundle_style(style: str) -> str:
    """The style sheet without comments and spare white space. Raises BundleError where it is not safe in a page."""
    if not style.isascii() or "</style" in style.lower():
        raise BundleError("the style sheet is not ASCII, or would end its own element.")
    parts = _CSS_STRING.split(_STYLE_COMMENT.sub("", style))
    parts[::2] = [
        re.sub(r"\s*([{>,;])[ \t]*|(?<=[\w-]:) +|[ \t]*(})|^[ \t]+", r"\1\2", part, flags=re.M) for part in parts[::2]
    ]
    return "".join(parts)


def compact(script: str) -> str:
    """The script without comments, indentation, empty lines and the spaces that separate nothing; lines stay lines, so that no
    semicolon is inserted elsewhere. Raises BundleError if the result does not have the very same tokens.
    """
    tokens = list(_tokens(script))
    kept: list[str] = []
    for i, (kind, text) in enumerate(tokens):
        if kind == "space":
            before, after = (tokens[i - 1][1] if i else "\n")[-1], (tokens[i + 1][1] if i + 1 < len(tokens) else "\n")[0]
            parts = (before.isalnum() or before in "_$") and (after.isalnum() or after in "_$")
            kept.append(" " if parts or (before == after and before in "+-/") or (before.isdigit() and after == ".") else "")
        elif kind != "comment":
            kept.append("\n" if kind == "line" else text)
    result = "".join(kept)
    meaning = [[token for token in _tokens(one) if token[0] not in ("space", "line", "comment")] for one in (script, result)]
    if meaning[0] != meaning[1] or script.strip().count("\n") < result.strip().count("\n"):
        raise BundleError("the script does not mean the same without its spaces.")
    return result


def shorten(script: str) -> str:
    """The script with short names for its own variables, functions and classes; properties keep theirs.

    The same name becomes the same short name everywhere, different names become different ones, and no short name is one that
    stays: whatever a name refers to, its short form refers to the same.
    """
    pieces = list(_pieces(script))
    uses = Counter(text for text, role in pieces if role and text not in _STAY)
    fresh = (name for name in _short_names() if name not in _STAY)
    names = {name: next(fresh) for name, _ in sorted(uses.items(), key=lambda use: (-use[1], use[0]))}
    return "".join(
        f"{text}:{names[text]}" if role == "shorthand" and text in names else names.get(text, text) if role else text
        for text, role in pieces
    )


def _short_names() -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for length in count(1):
        for name in product(letters, repeat=length):
            yield "".join(name)


def _pieces(script: str, before: tuple[str, str] = ("", "")) -> Iterator[tuple[str, str]]:
    """The script in pieces, each with its role: "name" for what a scope binds, "shorthand" for `a` in `{ a }`, else ""."""
    tokens = list(_tokens(script))
    meant = [i for i, (kind, _) in enumerate(tokens) if kind not in ("space", "line", "comment")]
    following = dict(zip(meant, [*(tokens[i][1] for i in meant[1:]), ""], strict=True))
    braces: list[str] = []
    opens = "block"  # what the next brace opens, where a word before it decides that
    for i, (kind, text) in enumerate(tokens):
        if i not in following:
            yield text, ""
            continue
        if kind == "template":
            yield from _template_pieces(text)
        elif kind == "word" and not text[0].isdigit():
            yield text, _role(before, following[i], braces[-1] if braces else "")
        else:
            yield text, ""
        if before[1] != "." and (text in ("case", "default") or (text == "class" and following[i] != ":")):
            opens = text
        if kind == "sign" and text in "([{":
            is_object = text == "{" and opens != "class" and before[1] in _BEFORE_OBJECT
            braces.append("object" if is_object else "class" if text == "{" and opens == "class" else text)
            opens = "block" if text == "{" else opens
        elif kind == "sign" and text in ")]}":
            braces.pop()
        if text == ":" and opens in ("case", "default"):
            opens, text = "block", "case:"
        before = (before[1], text)


def _role(before: tuple[str, str], following: str, inside: str) -> str:
    is_first = before[1] in ("{", ",")
    if before[1] == "." and before[0] != ".":
        return ""
    if inside == "class" and following == "(":
        return ""
    if inside == "object":
        if following == "(" and (is_first or before[1] in ("get", "async")):
            return ""
        if is_first and following == ":":
            return ""
        if is_first and following in (",", "}", "="):
            return "shorthand"
    if inside == "{" and is_first and following in (":", ",", "}"):
        raise BundleError(f"it cannot be told whether braces hold statements or properties, before {following}")
    return "name"


def _template_pieces(template: str) -> Iterator[tuple[str, str]]:
    """A template literal's text, and the pieces of what stands in its braces."""
    at = start = 1
    while template[at] != "`":
        if template.startswith("${", at):
            end = _expression_end(template, at + 2)
            yield template[start - 1 if start == 1 else start : at + 2], ""
            yield from _pieces(template[at + 2 : end - 1], ("", "("))
            at = end
            start = end - 1
        else:
            at += 2 if template[at] == "\\" else 1
    yield template[start - 1 if start == 1 else start :], ""


def _tokens(script: str) -> Iterator[tuple[str, str]]:
    """(kind, text) of each token; template literals and regular expressions are one token each."""
    at, last = 0, "("
    while at < len(script):
        regex = _REGEX.match(script, at) if last in _BEFORE_REGEX and script[at] == "/" else None
        if script[at] == "`":
            kind, text = "template", script[at : _template_end(script, at + 1)]
        elif regex and script[at + 1] not in "/*":
            kind, text = "regex", regex[0]
        else:
            match = _TOKEN.match(script, at)
            assert match
            kind, text = str(match.lastgroup), match[0]
        if kind not in ("space", "line", "comment"):
            last = text
        yield kind, text
        at += len(text)


def _template_end(script: str, at: int) -> int:
    """The index after the template literal whose first backtick stands before `at`."""
    while script[at] != "`":
        at = _expression_end(script, at + 2) if script.startswith("${", at) else at + (2 if script[at] == "\\" else 1)
    return at + 1


def _expression_end(script: str, at: int) -> int:
    """The index after the brace that closes an expression in a template literal, whose text begins at `at`."""
    depth = 1
    for _, text in _tokens(script[at:]):
        at += len(text)
        depth += (text == "{") - (text == "}")
        if depth == 0:
            break
    return at


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


def _escape(character: re.Match[str]) -> str:
    """The character as UTF-16 escapes, which mean the same in strings, templates and regular expressions."""
    units = character[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
