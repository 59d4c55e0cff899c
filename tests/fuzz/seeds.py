"""The payloads that fuzzing begins with: small recordings that together have rows in every table. Run as a script it writes them.

python tests/fuzz/seeds.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support import synthetic_traces
from tests.support.tables import UNREAD, small_run, small_tables, without_replay

from tokenscope_trace import Trace
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.traces.schema import BranchEnd


def _scored() -> Trace:
    files = {"a.py": "x = 1\ny = 2\n", "b/c.py": "def f():\n    return 1\n"}
    trace = synthetic_traces.scored(files, changed={"b/c.py": [[1, 1], [2, 2]]}, top=2)
    return add_structure(synthetic_traces.looking(trace, layers=3, heads=2, top=2, lens=(0, 2)))


def _hole() -> Trace:
    marks = [b"<p>", b"<s>", b"<m>"]
    parts = [marks[0], b"a = ", marks[1], b"\nprint(a)\n", marks[2]]
    segments = [("control", 1), ("prefix", 1), ("control", 1), ("suffix", 1), ("control", 1)]
    return synthetic_traces.make(parts, [b"1", b" + ", b"2"], kind="fim", special=marks, segments=segments, top=3)


def _branching() -> Trace:
    """Branches on branches, two of which rejoined what they left."""
    trace = synthetic_traces.make([b"def f(x):\n"], [b"    return", b" x", b" + ", b"1", b"\n"], top=3)
    twigs = [
        synthetic_traces.Twig(1, [b" 2", b" * ", b"x", b"\n"], BranchEnd.STOP_STRING),
        synthetic_traces.Twig(2, [b" - "], BranchEnd.REJOINED, rejoined=3),
        synthetic_traces.Twig(7, [b"y", b"\n"], asked=True, forced=2),
        synthetic_traces.Twig(6, [b" // "], BranchEnd.REJOINED, rejoined=7),
    ]
    return add_structure(synthetic_traces.grow(trace, twigs))


def _early() -> Trace:
    """As version 1.0 has it: nothing but tokens and their alternatives."""
    return Trace(small_run(**UNREAD), without_replay(small_tables()))


def payloads() -> dict[str, bytes]:
    """By name."""
    traces = {
        "small": Trace(small_run(), small_tables()),
        "early": _early(),
        "scored": _scored(),
        "hole": _hole(),
        "branching": _branching(),
        "characters": synthetic_traces.split_characters(),
    }
    return {name: trace.payload for name, trace in traces.items()}


def main(folder: Path) -> None:
    """Write one file for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, payload in payloads().items():
        (folder / f"{name}.msgpack").write_bytes(payload)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
