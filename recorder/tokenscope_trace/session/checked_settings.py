"""Checked settings: what a caller from Python asks for, held against what can be asked for, as a command line is by its options.

Settings in, the same settings out, their numbers as the command has them (a temperature of 0 is 0.0), so that both record the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Literal, TypeVar, get_args

from tokenscope_trace.analysis.check_command import names_file
from tokenscope_trace.analysis.check_folder import place_in, require_copyable
from tokenscope_trace.errors import SettingsError
from tokenscope_trace.languages.definitions import LANGUAGES, by_name
from tokenscope_trace.languages.language import Language
from tokenscope_trace.settings import (
    CHECK_RANGES,
    FORCED_PLACES,
    GENERATION_RANGES,
    MODEL_DTYPES,
    REPLAY_RANGES,
    TREE_RANGES,
    UNTIL,
    Bounds,
    CheckSettings,
    FimOrder,
    ForcedPath,
    GenerationSettings,
    ModelSettings,
    ReplaySettings,
    TreeSettings,
    forced_fault,
    parse_layers,
    stop_fault,
)
from tokenscope_trace.text import shortened

_Settings = TypeVar("_Settings", GenerationSettings, TreeSettings, ReplaySettings, CheckSettings)


def checked_number(what: str, value: Any, allowed: Bounds) -> int | float:
    """The number, a float where it need not be whole. Raises SettingsError where it is none of those."""
    try:
        return allowed.number(None if isinstance(value, str) else value)
    except ValueError as error:
        raise SettingsError(f"{what} is {shortened(repr(value), 60)}; give a {error}.") from None


def checked_language(name: str | None) -> Language | None:
    """The language of a name. Raises SettingsError where none is known by it."""
    if name is None:
        return None
    found = by_name(name) if isinstance(name, str) else None
    if found is None:
        known = ", ".join(language.name for language in LANGUAGES)
        raise SettingsError(f"no language {shortened(repr(name), 60)} is known; the languages are {known}.")
    return found


def checked_model(settings: ModelSettings) -> ModelSettings:
    """Raises SettingsError where a number format is none that there is, or two places are named."""
    if settings.dtype not in ("auto", *MODEL_DTYPES):
        raise SettingsError(f"dtype is {settings.dtype!r}; give one of auto, {', '.join(MODEL_DTYPES)}.")
    if settings.device_map is not None and settings.device != "auto":
        raise SettingsError("device and device_map exclude each other; give one of them.")
    return settings


def checked_fim(tokens: object, order: object, *, fim: bool) -> None:
    """Raises SettingsError where these are no names of three tokens, no order of theirs, or nothing is to be filled in."""
    if (tokens is not None or order is not None) and not fim:
        raise SettingsError("fim_tokens and fim_order need fim=True.")
    are_names = (
        isinstance(tokens, list | tuple) and len(tokens) == 3 and all(isinstance(name, str) and name for name in tokens)
    )
    if tokens is not None and not are_names:
        raise SettingsError(f"fim_tokens is {shortened(repr(tokens), 60)}; give the names of prefix, suffix and middle.")
    if order is not None and order not in get_args(FimOrder):
        raise SettingsError(f"fim_order is {shortened(repr(order), 60)}; give one of {', '.join(get_args(FimOrder))}.")


def checked_generation(settings: GenerationSettings) -> GenerationSettings:
    """Raises SettingsError where a number is out of its range, or a stop string is empty or alone."""
    settings = _checked(settings, GenerationSettings, "generation", GENERATION_RANGES)
    stop = settings.stop
    if not isinstance(stop, list | tuple) or any(not isinstance(text, str) or not text for text in stop):
        raise SettingsError(f"generation.stop is {shortened(repr(stop), 60)}; give a tuple of texts that are not empty.")
    if fault := stop_fault(stop):
        raise SettingsError(f"generation.stop: {fault}")
    if settings.until is not None and settings.until not in UNTIL:
        raise SettingsError(f"generation.until is {shortened(repr(settings.until), 60)}; give one of {', '.join(UNTIL)}.")
    return replace(settings, stop=tuple(stop))


def checked_tree(settings: TreeSettings | None, generation: GenerationSettings) -> TreeSettings | None:
    """None where nothing grows. Raises SettingsError where a number is out of its range, something is forced behind the last token, or
    `generation` has a number that changes neither the output nor a branch.
    """
    settings = None if settings is None else _checked(settings, TreeSettings, "tree", TREE_RANGES)
    for name in generation.idle if settings is None or settings.temperature == 0 else ():
        raise SettingsError(f"generation.temperature 0 is greedy, and {name} would change nothing; leave out one of them.")
    if settings is None:
        return None
    if fault := forced_fault(len(settings.forced)):
        raise SettingsError(f"tree.forced: {fault}")
    for path in settings.forced:
        if not isinstance(path, ForcedPath):
            raise SettingsError(f"tree.forced holds {shortened(repr(path), 60)}; give a tuple of ForcedPath.")
        if len(path.places) > FORCED_PLACES.most:
            raise SettingsError(
                f"a path of tree.forced has {len(path.places):,} places; give one of at most {FORCED_PLACES.most:,}."
            )
        if (position := path.places[0].position) > generation.max_new_tokens:
            raise SettingsError(
                f"there is no output token {position:,} to replace: max_new_tokens is {generation.max_new_tokens:,}; raise it, or force "
                "an earlier one."
            )
    return settings if settings.grows else None


def checked_replay(settings: ReplaySettings | None, *, generates: bool) -> ReplaySettings | None:
    """None where nothing is asked for of code that exists. Raises SettingsError where a layer is none."""
    if settings is None:
        return None
    settings = _checked(settings, ReplaySettings, "replay", REPLAY_RANGES)
    lens_layers = settings.lens_layers if settings.lens_layers == "all" else _layers("lens_layers", settings.lens_layers)
    settings = replace(
        settings,
        attention_layers=_layers("attention_layers", settings.attention_layers),
        lens=settings.lens or lens_layers is not None,
        lens_layers=lens_layers,
    )
    return settings if generates or settings.attention_top or settings.lens else None


def checked_check(check: CheckSettings | str | None, source: str = "-") -> CheckSettings | None:
    """Raises SettingsError where the command names no {file} and has no folder, a limit is out of its range, or the folder is none that
    can be copied. A place that is not given is that of a prompt's file `source` in the folder.
    """
    if check is None:
        return None
    settings = CheckSettings(check) if isinstance(check, str) else check
    settings = _checked(settings, CheckSettings, "check", CHECK_RANGES)
    if settings.folder is None:
        if not names_file(settings.command):
            raise SettingsError("the check names no {file}; write it where the program's path belongs.")
        return settings
    folder, place = os.fspath(settings.folder), settings.place
    require_copyable(folder)
    if not isinstance(place, str) or PurePath(place).is_absolute() or ".." in PurePath(place).parts:
        raise SettingsError(f"check.place is {shortened(repr(place), 60)}; give a folder below check.folder, such as 'src'.")
    return replace(settings, folder=folder, place=place or ("" if source == "-" else place_in(folder, source)))


def _checked(settings: _Settings, kind: type[_Settings], what: str, ranges: Mapping[str, Bounds]) -> _Settings:
    if not isinstance(settings, kind):
        raise SettingsError(f"{what} is {shortened(repr(settings), 60)}; give {kind.__name__}(...).")
    numbers: dict[str, Any] = {
        name: checked_number(f"{what}.{name}", value, allowed)
        for name, allowed in ranges.items()
        if (value := getattr(settings, name)) is not None
        or getattr(kind, name) is not None  # None only where it is the default
    }
    return replace(settings, **numbers)


def _layers(what: str, layers: tuple[int, ...] | Literal["all"] | None) -> tuple[int, ...] | None:
    if layers is None:
        return None
    try:
        return parse_layers(layers if isinstance(layers, str) else ",".join(str(int(layer)) for layer in layers))
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"replay.{what} is {shortened(repr(layers), 60)}; give numbers of layers from 0, such as (0, 4, 8)."
        ) from error
