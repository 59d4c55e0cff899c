"""The normal form of a piece of code: what it says once notation is set aside, and which of its names are local. Syntax nodes in, a
Form out.

Two forms are the same program if their events and names are the same, and a renaming of each other if the events are and the local
names stand one to one: alpha equivalence, with one frame per scope. Knows nothing of where a piece begins or ends.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from hashlib import blake2b

import tree_sitter

from tokenscope_trace.languages.language import GrammarPlace, Language, kinds, places

_STRING = re.compile(rb"([A-Za-z]*)(\"\"\"|'''|\"|')(.*)\2", re.DOTALL)
_QUOTE = re.compile(rb"([A-Za-z]*)(?:\"\"\"|'''|\"|')")
_WORD = re.compile(rb"[\w$\x80-\xff]+")
_LINE_CONTINUED = re.compile(rb"\\\r?\n")
_ENTRIES = frozenset((b"main", b"init"))  # names by which a program is called
_NAME: tuple[str, bytes] = ("", b"name")
_CLOSE: tuple[str, bytes] = ("", b"close")
_CLOSING = frozenset(")]}>")
_DOTS = frozenset((".", "::"))
_NOWHERE = -1
_FILE = -2  # a frame of its own: of names that only the file binds
_Places = dict[str, tuple[GrammarPlace, ...]]


@dataclass(frozen=True)
class _Rules:
    """A language's rules as sets and tables."""

    comments: frozenset[str]
    hulls: _Places
    kept: _Places
    silent: frozenset[tuple[str, str]]
    commas: frozenset[str]
    tuples: frozenset[str]
    synonyms: dict[str, str]
    strings: frozenset[str]
    exact: frozenset[str]
    leaves: frozenset[str]
    types: frozenset[str]
    properties: _Places
    shorthands: _Places
    binds: _Places
    binds_function: _Places
    patterns: _Places
    outside: _Places
    first_outside: _Places
    late: _Places
    fixed: _Places
    mentions: _Places
    declares: _Places
    filewide: _Places
    raw: frozenset[str]
    functions: frozenset[str]
    classes: frozenset[str]
    scopes: frozenset[str]
    expressions: frozenset[str]
    mention: re.Pattern[bytes]
    never: re.Pattern[str]
    calls: _Places
    imports: frozenset[str]
    control: frozenset[str]
    literals: frozenset[str]


@cache
def _rules(language: Language) -> _Rules:
    rules = language.rules
    parts: dict[str, object] = {"mention": re.compile(rules.names.mention.encode())}
    for group in (rules.notation, rules.names, rules.effects, rules.units, language):
        for name, kind in _Rules.__annotations__.items():
            patterns = getattr(group, name, None)
            if name not in parts and isinstance(patterns, str):
                parts[name] = places(language, patterns) if kind == "_Places" else kinds(language, patterns)
    pairs = [entry.split("=") for entry in rules.notation.synonyms.split()]
    parts["synonyms"] = dict(pairs)
    parts["silent"] = _silent(language)
    parts["never"] = re.compile("|".join(translate(pattern) for pattern in rules.names.never.split()) or r"(?!)")
    return _Rules(**parts)  # type: ignore[arg-type]


def _silent(language: Language) -> frozenset[tuple[str, str]]:
    entries = [entry.partition(".") for entry in language.rules.notation.silent.split()]
    return frozenset((kind, token) for pattern, _, token in entries for kind in kinds(language, pattern))


def _stands(table: _Places, parent: tree_sitter.Node, as_field: str) -> bool:
    return any(place.holds(parent, as_field) for place in table.get(parent.type, ()))


@dataclass(slots=True)
class Frame:
    """A scope: names bound in it, and the byte from which on each counts."""

    parent: int
    function: bool
    of_class: bool = False
    bound: dict[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable's name where it occurs, or where it is bound in a frame. A shorthand is a property's name too."""

    text: bytes
    frame: int
    start: int
    event: int
    shorthand: bool
    binds: bool


@dataclass
class Form:
    """A piece of code: its events, its names, the frames these lie in, the skeleton of its control flow, its calls and imports."""

    events: list[tuple[str, bytes] | None] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    fixed: set[bytes] = field(default_factory=set)
    introduced: set[bytes] = field(default_factory=set)  # by the file
    control: list[str] = field(default_factory=list)
    calls: list[tuple[int, int, int]] = field(default_factory=list)  # events [start, end) of what is called, end of the call
    imports: list[tuple[int, int]] = field(default_factory=list)
    literals: frozenset[str] = frozenset()

    def frame_of(self, name: Name) -> int:
        """The frame that binds a name; -1 for none."""
        frame = name.frame
        while frame != _NOWHERE:
            start = self.frames[frame].bound.get(name.text)
            if start is not None and (name.binds or start <= name.start):
                return frame
            frame = self.frames[frame].parent
        return _NOWHERE

    def same_shape(self, other: Form) -> bool:
        """Whether nothing but names may differ."""
        mine, others = ([event for event in form.events if event is not None] for form in (self, other))
        return len(self.names) == len(other.names) and mine == others

    def same_names(self, other: Form) -> bool:
        """Whether the names are the same."""
        return [name.text for name in self.names] == [name.text for name in other.names]

    def _home_of(self, name: Name) -> int:
        """The frame that binds a name, the file's own among them."""
        frame = self.frame_of(name)
        return _FILE if frame == _NOWHERE and name.text in self.introduced else frame

    def renames(self, other: Form, known: Callable[[bytes, bool], bool]) -> bool:
        """Whether the names of two forms of one shape differ by a renaming; none to or from a `known` name is one: (name, whether it is
        the file's).
        """
        fixed = self.fixed | other.fixed
        there: dict[tuple[int, bytes], bytes] = {}
        back: dict[tuple[int, bytes], bytes] = {}
        for mine, others in zip(self.names, other.names, strict=True):
            frame = self._home_of(mine)
            same = mine.text == others.text
            if frame != other._home_of(others) or (frame == _NOWHERE and not same):
                return False
            if not same and (mine.shorthand or mine.text in fixed or others.text in fixed):
                return False
            if there.setdefault((frame, mine.text), others.text) != others.text:
                return False
            if back.setdefault((frame, others.text), mine.text) != mine.text:
                return False
        changed = {(text, frame == _FILE) for (frame, a), b in there.items() if a != b for text in (a, b)}
        return all(_WORD.fullmatch(text) and not known(text, of_file) for text, of_file in changed)

    def effects(self) -> Counter[tuple[bytes, ...]]:
        """What is called, local names left open, and what is imported, each as often as it is. A call within what is called counts as a
        digest of its own words, so that a long chain of calls takes no more work than its length.
        """
        named = {name.event: name for name in self.names}
        found: Counter[tuple[bytes, ...]] = Counter()
        inner: dict[
            int, tuple[int, bytes]
        ] = {}  # by the event where calls begin: the event behind the outermost yet, and its digest
        for start, end, last in self.calls:  # what is within a call comes before it
            words = tuple(self._callee(start, end, named, inner))
            found[b"call", *words] += 1
            if start < end:
                inner[start] = max(last, end), blake2b(b"".join(b"%d:%b" % (len(word), word) for word in words)).digest()
        found.update((b"import", *self._words(start, end, named)) for start, end in self.imports)
        return found

    def _callee(
        self, start: int, end: int, named: Mapping[int, Name], inner: Mapping[int, tuple[int, bytes]]
    ) -> Iterable[bytes]:
        """The words of what is called, without the arguments of calls in it."""
        at = start
        while at < end:
            event = self.events[at]
            if at in inner and inner[at][0] <= end:
                at, digest = inner[at]
                yield digest
                yield b"()"
                continue
            if at in named:
                yield b"\0" if self.frame_of(named[at]) != _NOWHERE else named[at].text
            elif event is not None and event[1] and event is not _CLOSE:
                yield event[1]
            elif event is not None and event[0] in self.literals:
                yield event[0].encode()
                at = self._end(at)
            at += 1

    def _end(self, start: int) -> int:
        """The event that closes what one opens."""
        depth, at = 1, start
        while depth:
            at += 1
            event = self.events[at]
            if event is not None and not event[1]:
                depth += 1
            depth -= event is _CLOSE
        return at

    def _words(self, start: int, end: int, named: dict[int, Name]) -> Iterable[bytes]:
        for at in range(start, end):
            event = self.events[at]
            if at in named:
                yield named[at].text
            elif event is not None and event is not _CLOSE:
                yield event[1] or event[0].encode()


@dataclass(slots=True)
class _Context:
    """A node that is being walked, and what holds for its children."""

    node: tree_sitter.Node
    kind: str
    frame: int
    target: int = _NOWHERE  # the frame in which names are bound here
    effect: int | None = None
    shorthand: bool = False
    fixed: bool = False
    hull: bool = False
    exact: bool = False
    clean: bool = False  # a string whose quotes may be others
    opened: bool = False
    at: int = 0  # end of the last child
    before: str = ""  # kind of the last child
    items: int = 0
    comma: int = _NOWHERE  # event of a comma that nothing has followed yet
    markers: int = 0  # closing marks that the skeleton needs
    called: bool = False
    callee: int = _NOWHERE
    callee_end: int = _NOWHERE
    imported: int = _NOWHERE


class _Walk:
    """Fills a form from nodes; by hand, for trees may be deep."""

    def __init__(self, text: bytes, language: Language, *, local: bool, in_classes: int) -> None:
        self.text = text
        self.rules = _rules(language)
        self.names = language.rules.names
        self.jumps = frozenset(word.encode() for word in language.rules.effects.jumps.split())
        self.local = local or self.names.whole_file
        self.in_classes = in_classes
        self.form = Form(frames=[Frame(_NOWHERE, True)], literals=self.rules.literals)

    def walk(self, root: tree_sitter.Node) -> None:
        """Adds a node and all under it."""
        cursor = root.walk()
        parents: list[_Context] = []
        while True:
            node = cursor.node
            assert node is not None
            context = self._enter(node, cursor.field_name or "", parents[-1] if parents else None)
            if context is not None and cursor.goto_first_child():
                parents.append(context)
                continue
            if context is not None:
                self._leave(context, parents[-1] if parents else None)
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return
                self._leave(parents.pop(), parents[-1] if parents else None)

    def mark(self) -> None:
        """The end of what holds the nodes that were added."""
        self.form.events.append(_CLOSE)
        self.in_classes -= 1

    def _enter(self, node: tree_sitter.Node, as_field: str, parent: _Context | None) -> _Context | None:
        """The context of a node whose children are to be walked; None for one that is done."""
        kind = node.type
        if kind in self.rules.comments and node.is_named:
            if parent is not None:
                parent.at = node.end_byte
            return None
        if parent is not None:
            self._gap(parent, node.start_byte)
            parent.at = node.end_byte
        context = self._context(node, kind, as_field, parent)
        before = len(self.form.events)
        walked = self._add(context, node, kind, as_field, parent)
        if parent is not None:
            self._count(parent, node, kind, before)
            parent.before = kind
            if context.called and not walked:
                parent.callee_end = len(self.form.events)
        return context if walked else None

    def _gap(self, context: _Context, end: int) -> None:
        """What stands between children and is none of them, as in some grammars the text of a string."""
        between = self.text[context.at : end]
        if not between or (not context.exact and between.isspace()):
            return
        if not context.exact:
            between = _LINE_CONTINUED.sub(b"", between).strip()
        if between:
            self.form.events.append(("gap", between))

    def _context(self, node: tree_sitter.Node, kind: str, as_field: str, parent: _Context | None) -> _Context:
        context = _Context(node, kind, 0, at=node.start_byte)
        if parent is None:
            return context
        above, rules = parent.node, self.rules
        context.frame = parent.frame
        outside = _stands(rules.outside, above, as_field)
        if outside or (_stands(rules.first_outside, above, as_field) and not _has_elder(above)):
            context.frame = max(self.form.frames[parent.frame].parent, 0)
        context.fixed = parent.fixed or _stands(rules.fixed, above, as_field)
        context.shorthand = (parent.shorthand and above.named_child_count == 1) or _stands(rules.shorthands, above, as_field)
        if _stands(rules.binds, above, as_field):
            context.target, context.effect = context.frame, self._effect(above)
        elif _stands(rules.binds_function, above, as_field):
            context.target = self._function(context.frame)
        elif parent.target != _NOWHERE and _stands(rules.patterns, above, as_field):
            context.target, context.effect = parent.target, parent.effect
        return context

    def _effect(self, above: tree_sitter.Node) -> int | None:
        """The byte from which on a name that is bound here counts; None for where it stands."""
        if not self.names.in_order:
            return 0
        late = [place.field for place in self.rules.late.get(above.type, ())]
        return max((node.end_byte for name in late if name for node in above.children_by_field_name(name)), default=None)

    def _function(self, frame: int) -> int:
        while not self.form.frames[frame].function:
            frame = self.form.frames[frame].parent
        return frame

    def _add(self, context: _Context, node: tree_sitter.Node, kind: str, as_field: str, parent: _Context | None) -> bool:
        """Adds a node's own events. Whether its children are to be walked."""
        rules, events = self.rules, self.form.events
        if parent is not None and rules.calls and _stands(rules.calls, parent.node, as_field):
            self._called(context, node, parent)
        if not node.is_named:
            self._add_token(node, kind, parent)
            return False
        if parent is not None and as_field == "alternative" and parent.kind in rules.control:
            self._open_control(context, "alternative")
        if kind in rules.control:
            self._open_control(context, kind)
        filewide = kind in rules.types or (parent is not None and _stands(rules.filewide, parent.node, as_field))
        if kind in rules.mentions and _stands(rules.mentions, node, "") and not filewide:
            text = self.text[node.start_byte : node.end_byte]
            self.form.fixed.update(word for word in rules.mention.findall(text))
            events.append((kind, text))
            return self._close_control(context)
        if node.child_count == 0:
            self._add_leaf(context, node, kind, as_field, parent, filewide=filewide)
            return self._close_control(context)
        self._open(context, node, kind, as_field, parent)
        return True

    def _open_control(self, context: _Context, kind: str) -> None:
        self.form.control.append(kind)
        context.markers += 1

    def _close_control(self, context: _Context) -> bool:
        self.form.control.extend([""] * context.markers)
        context.markers = 0
        return False

    def _open(self, context: _Context, node: tree_sitter.Node, kind: str, as_field: str, parent: _Context | None) -> None:
        rules = self.rules
        context.frame = self._framed(context, kind, parent)
        context.hull = kind in rules.hulls and self._is_hull(node, as_field, parent)
        if kind in rules.imports:
            context.imported = len(self.form.events)
        if context.hull:
            return
        context.exact = kind in rules.exact
        context.clean = kind in rules.strings and _is_clean(self.text[node.start_byte : node.end_byte])
        context.opened = True
        self.form.events.append((rules.synonyms.get(kind, kind), b""))

    def _framed(self, context: _Context, kind: str, parent: _Context | None) -> int:
        """The frame of a node's children: a new one if the node is a scope. A function's body is none of its own."""
        rules, frames = self.rules, self.form.frames
        if self.names.whole_file:
            return 0
        if kind in rules.functions or kind in rules.classes:
            frames.append(Frame(context.frame, kind in rules.functions, kind in rules.classes))
            return len(frames) - 1
        body = parent is not None and parent.kind in rules.functions and kind not in rules.expressions
        within = self.local or self._in_function(context.frame) or kind in rules.expressions
        if kind in rules.scopes and not body and within:
            frames.append(Frame(context.frame, False))
            return len(frames) - 1
        return context.frame

    def _in_function(self, frame: int) -> bool:
        while frame > 0:
            if self.form.frames[frame].function:
                return True
            frame = self.form.frames[frame].parent
        return self.local

    def _is_hull(self, node: tree_sitter.Node, as_field: str, parent: _Context | None) -> bool:
        held = [child.type for child in node.named_children if child.type not in self.rules.comments]
        kept = parent is not None and _stands(self.rules.kept, parent.node, as_field)
        return len(held) == 1 and not kept and not node.has_error and _stands(self.rules.hulls, node, "")

    def _called(self, context: _Context, node: tree_sitter.Node, parent: _Context) -> None:
        if self.jumps and (text := self.text[node.start_byte : node.end_byte]) in self.jumps:
            self.form.control.append(text.decode())
            return
        context.called = True
        if parent.callee == _NOWHERE:
            parent.callee = len(self.form.events)

    def _add_token(self, node: tree_sitter.Node, kind: str, parent: _Context | None) -> None:
        above = parent.kind if parent is not None else node.parent.type if node.parent is not None else ""
        if (parent is not None and parent.hull) or (above, kind) in self.rules.silent:
            return
        text = self.text[node.start_byte : node.end_byte]
        self.form.events.append(self._quote(kind, text) if parent is not None and parent.clean else (kind, text))

    def _quote(self, kind: str, text: bytes) -> tuple[str, bytes]:
        mark = _QUOTE.fullmatch(text)
        return ("quote", re.sub(rb"[rR]", b"", mark[1]).lower() + b'"') if mark else (kind, text)

    def _add_leaf(
        self,
        context: _Context,
        node: tree_sitter.Node,
        kind: str,
        as_field: str,
        parent: _Context | None,
        *,
        filewide: bool,
    ) -> None:
        text = self.text[node.start_byte : node.end_byte]
        if not (filewide or kind in self.rules.leaves) or self._is_property(as_field, parent):
            self.form.events.append(self._quote(kind, text) if parent is not None and parent.clean else (kind, text))
            return
        shorthand = context.shorthand or kind.startswith("shorthand") or (parent is not None and self._is_key(node, parent))
        if parent is not None and parent.kind in self.rules.raw and _is_raw_call(node):
            self.form.calls.append((len(self.form.events), len(self.form.events) + 1, len(self.form.events) + 1))
        never = self.rules.never.match(text.decode(errors="replace")) is not None
        binds = context.target != _NOWHERE and not never and not filewide
        frame = _NOWHERE if never or filewide else context.target if binds else context.frame
        if parent is not None and _stands(self.rules.declares, parent.node, as_field) and text not in _ENTRIES:
            self.form.introduced.add(text)
        self.form.names.append(Name(text, frame, node.start_byte, len(self.form.events), shorthand, binds))
        self.form.events.append(_NAME)
        if context.fixed:
            self.form.fixed.add(text)
        if binds:
            self._bind(context.target, text, node.start_byte if context.effect is None else context.effect)

    def _is_property(self, as_field: str, parent: _Context | None) -> bool:
        return parent is not None and (parent.before in _DOTS or _stands(self.rules.properties, parent.node, as_field))

    def _is_key(self, node: tree_sitter.Node, parent: _Context) -> bool:
        after = node.next_sibling if parent.kind in self.rules.raw else None
        return after is not None and after.type in (":", "=")

    def _bind(self, target: int, text: bytes, effect: int) -> None:
        frame = self.form.frames[target]
        if frame.of_class:
            if self._in_function(target):
                self.form.fixed.add(text)
        elif target > 0 or self.local:
            frame.bound[text] = min(frame.bound.get(text, effect), effect)
        elif self.in_classes <= 0 and text not in _ENTRIES:
            self.form.introduced.add(text)

    def _count(self, context: _Context, node: tree_sitter.Node, kind: str, before: int) -> None:
        """Notes a comma that may turn out to be the last one."""
        if kind == "," and context.items and context.before != "," and len(self.form.events) > before:
            context.comma = before
        elif kind not in _CLOSING:
            context.comma = _NOWHERE
        context.items += node.is_named

    def _leave(self, context: _Context, parent: _Context | None) -> None:
        self._gap(context, context.node.end_byte)
        form, rules = self.form, self.rules
        needed = 1 if context.kind in rules.commas else 2 if context.kind in rules.tuples else 0
        if context.comma != _NOWHERE and 0 < needed <= context.items:
            form.events[context.comma] = None
        if context.opened:
            form.events.append(_CLOSE)
        if context.imported != _NOWHERE:
            form.imports.append((context.imported, len(form.events)))
        if context.callee != _NOWHERE:
            form.calls.append((context.callee, context.callee_end, len(form.events)))
        self._close_control(context)
        if context.called and parent is not None:
            parent.callee_end = len(form.events)


def _has_elder(node: tree_sitter.Node) -> bool:
    """Whether a sibling of the same kind stands before a node."""
    elder = node.prev_named_sibling
    while elder is not None and elder.type != node.type:
        elder = elder.prev_named_sibling
    return elder is not None


def _is_clean(text: bytes) -> bool:
    """Whether a string reads the same in any quotes."""
    parts = _STRING.fullmatch(text)
    return parts is not None and re.search(rb"[\\\"']", parts[3]) is None


def _is_raw_call(node: tree_sitter.Node) -> bool:
    after = node.next_sibling
    return after is not None and after.child_count > 0 and after.children[0].type == "("


def normalise(
    text: bytes, nodes: Sequence[tree_sitter.Node | None], language: Language, *, local: bool, in_classes: int = 0
) -> Form:
    """The form of some nodes of a text; None stands where a class that holds those before it ends, in which the first of them stand in
    `in_classes`. `local` says whether a name that is bound outside of any function among them is local.
    """
    walk = _Walk(text, language, local=local, in_classes=in_classes)
    for node in nodes:
        if node is None:
            walk.mark()
        else:
            walk.walk(node)
    return walk.form
