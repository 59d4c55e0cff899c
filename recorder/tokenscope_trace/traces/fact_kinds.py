"""Kinds of facts: what a value of `run` may be, how an error says that it is not, and how a map of such values is read. Pure.

Every fact may be nil, which is: not known; but for those that are `needed`. What FORMAT.md does not name may be anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self, TypeAlias, dataclass_transform

from tokenscope_trace.errors import CorruptTrace

Readable: TypeAlias = "Kind | ListOf | MapOf | type[FactMap]"  # what a fact can be of
_EXACT = 1 << 53  # integers up to here are the same number in every program that reads them
MAX_NAME = 1 << 14  # characters of what stands again wherever something is said of it


def require(holds: bool, otherwise: str) -> None:
    """Raise CorruptTrace with a sentence where a rule does not hold."""
    if not holds:
        raise CorruptTrace(f"{otherwise}.")


@dataclass(frozen=True)
class Kind:
    """Values that are no maps; `words` end the sentence that something is not one."""

    words: str
    holds: Callable[[Any], bool]

    def taken(self, name: str, value: Any, says: str = "") -> Any:
        """The value; a list becomes a tuple."""
        require(self.holds(value), says or f"{name} is not {self.words}")
        return tuple(value) if isinstance(value, list) else value


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


TEXT = Kind("text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
COUNT = Kind("a number of things", lambda value: type(value) is int and 0 <= value <= _EXACT)
WHOLE = Kind("a whole number", lambda value: type(value) is int)
NUMBER = Kind("a finite number", lambda value: type(value) in (int, float) and abs(value) <= _EXACT and math.isfinite(value))
PART = Kind("a number from 0 to 1", lambda value: type(value) in (int, float) and 0 <= value <= 1)
TEXTS = Kind("a list of strings", _are_texts)
NAME = Kind(f"text of at most {MAX_NAME:,} characters", lambda value: isinstance(value, str) and len(value) <= MAX_NAME)
NAMES = Kind("a list of names", lambda value: _are_texts(value) and all(len(name) <= MAX_NAME for name in value))


def one_of(*values: str) -> Kind:
    """One of these words."""
    return Kind(f"one of {', '.join(values)}", lambda value: value in values)


@dataclass(frozen=True)
class ListOf:
    """A list; `entry` names one of it in errors, and `entry_says` is said of one that is not what it should be."""

    of: Readable
    entry: str = ""
    entry_says: str = ""
    least: int = 0

    def taken(self, name: str, value: Any, says: str = "") -> tuple[Any, ...]:
        """The entries."""
        require(isinstance(value, list) and len(value) >= self.least, says or f"{name} is not a list")
        return tuple(self.of.taken(self.entry or name, one, self.entry_says) for one in value)


@dataclass(frozen=True)
class MapOf:
    """A map from any names, of which FORMAT.md knows `names`; `entry_says` is said of a value that is not what it should be."""

    of: Readable
    entry_says: str
    names: frozenset[str]

    def taken(self, name: str, value: Any, says: str = "") -> dict[str, Any]:
        """The map."""
        require(isinstance(value, dict), says or f"{name} is not a map")
        return {key: self.of.taken(name, one, self.entry_says) for key, one in value.items()}


@dataclass(frozen=True)
class _Given:
    """How one fact is read; `lacks` is said where it is nil and may not be."""

    of: Readable
    needed: bool
    says: str
    lacks: str


def known(of: Readable, *, says: str = "", default: Any = None) -> Any:
    """A field for a fact that may be nil, which is `default` then; `says` is the error where it is not what it should be."""
    return field(default=default, metadata={"given": _Given(of, False, says, "")})


def needed(of: Readable, *, says: str = "", lacks: str = "") -> Any:
    """A field for a fact that has to be there; `lacks` is the error where it is not, else that of one of another kind."""
    return field(metadata={"given": _Given(of, True, says, lacks)})


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True)
class FactMap:
    """A map of facts, a frozen dataclass: a field each, with its kind. What FORMAT.md does not name is in `other`, as it stands in the file."""

    _given: ClassVar[dict[str, _Given]] = {}
    other: Mapping[str, Any] = field(default_factory=dict)

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        cls._given = {one.name: one.metadata["given"] for one in fields(cls) if "given" in one.metadata}

    @classmethod
    def taken(cls, name: str, value: Any, says: str = "") -> Self:
        """A map of a file. Raises CorruptTrace where one of its facts is of another kind, or one that is needed is not there."""
        require(isinstance(value, dict), says or f"{name} is not a map")
        found = {
            key: given.of.taken(f"{name}.{key}", value[key], given.says)
            for key, given in cls._given.items()
            if value.get(key) is not None
        }
        for key, given in cls._given.items():
            if given.needed and key not in found:
                given.of.taken(f"{name}.{key}", None, given.lacks or given.says)
        return cls(**found, other={key: one for key, one in value.items() if key not in cls._given})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """What FORMAT.md calls the facts of this map, in this order."""
        return tuple(cls._given)

    @classmethod
    def named(cls, value: Mapping[str, Any], text: Callable[[str], str] = str) -> dict[str, Any]:
        """Of a map of a file, checked already, what FORMAT.md names, at every depth; each free `text` as this makes it."""
        return {key: _named(given.of, value[key], text) for key, given in cls._given.items() if key in value}

    def plain(self) -> dict[str, Any]:
        """The facts that FORMAT.md names, by name; None for those that are not known."""
        return {key: getattr(self, key) for key in self.names()}


def _named(of: Readable, value: Any, text: Callable[[str], str]) -> Any:
    if value is None:
        return None
    if isinstance(of, Kind):
        return text(value) if of is TEXT else [text(one) for one in value] if of is TEXTS else value
    if isinstance(of, ListOf):
        return [_named(of.of, one, text) for one in value]
    if isinstance(of, MapOf):
        return {key: _named(of.of, one, text) for key, one in value.items() if key in of.names}
    return of.named(value, text)
