"""What was read of a case, as columns of its tokens: from the JSON that a reading is kept as. Knows no model.

Axis letters: T tokens, L lines of code.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.benchmarks.proof.halves import Half
from tests.support.real_models import CACHE

FOLDER = CACHE / "proof" / "reading"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Replaced:
    """A likely other token in a place: its probability, and by how many bits each token behind it becomes likelier with it."""

    place: int
    probability: float
    gains: tuple[float, ...]


@dataclass(frozen=True)
class Reading:
    """A faulty program as a model read it. Of its tokens (T,): the line on which each begins, its characters, its syntax kind, and in bits
    its surprisal and the entropy, NaN for the first. `code` are its lines of code, `faulty` which of them are.
    """

    name: str
    program: str
    operator: str
    seconds: float
    code: tuple[int, ...]
    faulty: tuple[bool, ...]
    line: NDArray[np.int64]
    characters: NDArray[np.int64]
    kind: tuple[str, ...]
    surprisal: Floats
    entropy: Floats
    replaced: tuple[Replaced, ...]

    @property
    def material(self) -> str:
        """`library` or `task`."""
        return self.program.partition("/")[0]


def reading_of(row: dict[str, Any]) -> Reading:
    """From a row of JSON."""
    tokens = row["reading"]
    likely = {(place, int(token)): p for place, others in enumerate(tokens["likely"]) for token, p in others}
    return Reading(
        name=row["name"],
        program=row["program"],
        operator=row["operator"],
        seconds=row["seconds"],
        code=tuple(row["code"]),
        faulty=tuple(line in row["faulty"] for line in row["code"]),
        line=np.array(tokens["lines"]),
        characters=np.array([len(text) for text in tokens["texts"]]),
        kind=tuple(tokens["kinds"]),
        surprisal=np.array(tokens["surprisal"], dtype=np.float64),
        entropy=np.array(tokens["entropy"], dtype=np.float64),
        replaced=tuple(Replaced(place, likely[place, token], tuple(gains)) for place, token, gains in row["replaced"]),
    )


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file that is written line by line: what an interruption left half written is none."""
    if file.is_file():
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def readings(model: str, half: Half, names: Collection[str]) -> list[Reading]:
    """All that this model read of a half, among the cases of these names: what is no case any more is left."""
    file = rows(FOLDER / f"{model}.jsonl")
    found = {row["name"]: row for row in file if row["half"] == half and row["name"] in names}
    return [reading_of(row) for row in found.values()]
