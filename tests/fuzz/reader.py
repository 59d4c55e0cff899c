"""Fuzzing of the reader and of every consumer of a recording, guided by coverage: atheris, over payloads whose checksum holds.

    python tests/fuzz/seeds.py build/fuzz/seeds
    python tests/fuzz/reader.py build/fuzz/seeds -atheris_runs=100000 -seed=1

Arguments are libFuzzer's. Whatever breaks the promise stops the run and is written as crash-*, which is an argument for another run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))

import msgpack

try:
    import atheris
except ImportError:  # it has wheels for Linux on x86-64 only: elsewhere the same changes are made unguided
    from tests.fuzz import promise
else:
    with atheris.instrument_imports(include=["tokenscope_trace"]):
        from tests.fuzz import promise
from tests.fuzz import seeds
from tests.fuzz.amplification import amplified
from tests.fuzz.consumers import CONSUMERS
from tests.fuzz.mutation import mutated
from tests.support.envelopes import packed

from tokenscope_trace import Trace

LONGEST = 1 << 19
MANY = 1000
SOME = 4
OTHERS = [Trace.from_bytes(packed(payload)) for payload in seeds.payloads().values()]


def mutate(data: bytes, longest: int, seed: int) -> bytes:
    """Mostly a change of what the payload says; now and then of its bytes, or of how much there is."""
    random = Random(seed)
    kind = random.random()
    if kind < 0.1:
        return bytes(atheris.Mutate(data, longest))
    try:
        changed = amplified(data, random, MANY) if kind < 0.25 else mutated(data, random)
        return changed if len(changed) <= longest else mutated(data, random)[:longest]
    except (ValueError, TypeError, KeyError, AttributeError, msgpack.UnpackException):
        return bytes(atheris.Mutate(data, longest))


def one(data: bytes) -> None:
    """One payload, and some consumers of it, which follow from its bytes: all of them together are some fifty reports."""
    random = Random(data)
    promise.hold(data, random.choice(OTHERS), random.sample(list(CONSUMERS), SOME))


def unguided(arguments: list[str]) -> None:
    """So many changes of the files in the last folder."""
    options = dict(argument[1:].split("=", 1) for argument in arguments if argument.startswith("-"))
    folder = Path([argument for argument in arguments if not argument.startswith("-")][-1])
    payloads = [path.read_bytes() for path in sorted(folder.iterdir())]
    runs = int(options.get("atheris_runs", 10_000))
    for number in range(runs):
        random = Random(f"{options.get('seed', 1)} {number}")
        change = amplified if random.random() < 0.15 else mutated
        one(change(random.choice(payloads), random))
    print(promise.worst(), file=sys.stderr)
    print(f"Done {runs} in any number of seconds", file=sys.stderr)


if __name__ == "__main__":
    if "atheris" in sys.modules:
        atheris.Setup([sys.argv[0], f"-max_len={LONGEST}", "-len_control=0", *sys.argv[1:]], one, custom_mutator=mutate)
        atheris.Fuzz()
    else:
        unguided(sys.argv[1:])
