"""The verdict on a repetition: what differs, in words for a terminal and as JSON for scripts. An Agreement in, text out.

The text lists the first of each kind and counts the others; the JSON holds every one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from tokenscope_trace.comparison.agreement import Agreement, Counted, Parting
from tokenscope_trace.comparison.code_differences import Change
from tokenscope_trace.comparison.number_differences import Numbers
from tokenscope_trace.text import escaped_json, percent, shortened, visible_line, visible_token
from tokenscope_trace.traces.schema import Origin
from tokenscope_trace.traces.token_table import token_lines
from tokenscope_trace.traces.trace import Trace

DIFFERENCES_FORMAT = "tokenscope-replay"
DIFFERENCES_VERSION = "1.0"
LISTED_DIFFERENCES = 10
_SHOWN = 40
_KINDS = {
    "layer": "layers",
    "branch": "branches",
    "outcome": "outcomes",
    "decision": "decisions",
    "option": "options of decisions",
    "syntax": "syntax",
    "check": "check",
}


def verdict_lines(trace: Trace, found: Agreement) -> list[str]:
    """The lines for a terminal: the verdict first."""
    where = _Places(trace)
    said = [_verdict(found)]
    said += _section("tokens", _tokens(found))
    said += _section("numbers", (_of_numbers(name, part, rows, where) for name, part, rows in _by_column(found)), most=None)
    for kind, title in _KINDS.items():
        said += _section(title, (_changed(change, where) for change in found.changes if change.kind == kind))
    said += _section(
        "changed in the environment", (f"{one.name}: {one.recorded} → {one.again}" for one in found.environment)
    )
    said += _section("not compared", found.left_out)
    return said


def differences_json(found: Agreement) -> str:
    """Every difference, as a JSON document that ends in a line break; null is a number that is not there or is infinite."""
    document = {
        "format": DIFFERENCES_FORMAT,
        "version": DIFFERENCES_VERSION,
        "same": found.same,
        "floor": {"nats": found.floor.nats, "measured": found.floor.measured},
        "compared": found.compared,
        "tokens": [vars(one) for one in found.tokens],
        "partings": [
            {**vars(one), "recorded": visible_line(one.recorded), "again": visible_line(one.again)} for one in found.partings
        ],
        "numbers": [_rows(one) for one in found.numbers if len(one.node)],
        "changes": [vars(one) for one in found.changes],
        "environment": [vars(one) for one in found.environment],
        "left_out": list(found.left_out),
    }
    return escaped_json(_finite(document)) + "\n"


def _rows(one: Numbers) -> dict[str, Any]:
    columns = {"node": one.node, **one.keys, "recorded": one.recorded, "again": one.again, "floor": one.floor}
    return {
        "name": one.name,
        "part": one.part,
        "compared": one.compared,
        "columns": {name: values.tolist() for name, values in columns.items()},
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def nats(value: float) -> str:
    """A small number of nats, as `9.1e-6`."""
    return f"{value:.1e}".replace("e-0", "e-").replace("e+00", "")


def _verdict(found: Agreement) -> str:
    tokens = sum(one.recorded for one in found.tokens)
    floor = f"the noise floor of {nats(found.floor.nats)} nats"
    one_token = f"{tokens:,} token{'' if tokens == 1 else 's'}"
    if found.same:
        return f"The same: {one_token}, and {found.compared:,} numbers, all within {floor}."
    main = [parting for parting in found.partings if parting.path == "output"]
    if main:
        return f"Different: {_parting(main[0])}."
    beyond = sum(len(one.node) for one in found.numbers)
    parts = [f"{beyond:,} of {found.compared:,} numbers beyond {floor}"] if beyond else []
    parts += [f"{len(found.partings):,} branches that go on otherwise"] if found.partings else []
    for kind, title in _KINDS.items():
        count = sum(change.kind == kind for change in found.changes)
        parts += [f"{title} ({count:,})"] if count else []
    unlike = sum(one.differing for one in found.tokens)
    same = f"{unlike:,} of {one_token} are others" if unlike else f"{one_token} the same"
    return f"Different: {same}, but {_listed(parts)}." if not unlike else f"Different: {_listed([same, *parts])}."


def _tokens(found: Agreement) -> Iterator[str]:
    yield from (_counted(one) for one in found.tokens if one.differing)
    for parting in found.partings:
        yield _parting(parting)


def _counted(one: Counted) -> str:
    length = "" if one.recorded == one.again else f" ({one.again:,} now)"
    return f"{one.path}: {one.differing:,} of {one.recorded:,}{length} differ by place"


def _parting(one: Parting) -> str:
    path = "output token" if one.path == "output" else f"branch {one.path}, token"
    place = f"{path} {one.position:,} (line {one.line:,})"
    if not one.recorded or not one.again:
        side = "the recording goes on" if one.recorded else "it goes on now"
        return f"{place}: {side} with {_token(one.recorded or one.again)}, where the other ends"
    chances = [
        percent(math.exp(value)) if value == value else "less than what was kept"
        for value in (one.logprob, one.other_logprob)
    ]
    said = f"{place} was {_token(one.recorded)} and is {_token(one.again)}; the recording gave them {chances[0]} and {chances[1]}"
    if one.coin_flip:
        return f"{said}: a coin flip within noise"
    apart = abs(one.logprob - one.other_logprob)
    return said if apart != apart else f"{said}, {apart:.3g} nats apart"


def _by_column(found: Agreement) -> Iterator[tuple[str, str, list[Numbers]]]:
    """Columns with differences, the layers of one together."""
    unlike = sorted(found.numbers, key=lambda one: (one.name.split(".")[0], one.name, one.part))
    order = list(dict.fromkeys((one.name, one.part) for one in found.numbers))
    groups = {key: list(rows) for key, rows in groupby(unlike, key=lambda one: (one.name, one.part))}
    for name, part in order:
        if any(len(one.node) for one in groups[name, part]):
            yield name, part, groups[name, part]


def _of_numbers(name: str, part: str, rows: Sequence[Numbers], where: _Places) -> str:
    compared, differing = sum(one.compared for one in rows), sum(len(one.node) for one in rows)
    worst = max((one for one in rows if len(one.node)), key=_excess)
    row = worst.largest
    details = [where.of(int(worst.node[row]))]
    for key, values in worst.keys.items():
        value = int(values[row])
        details.append(
            f"alternative {where.word(value)}"
            if key == "token_id"
            else f"{key} {where.of(value) if key == 'source' else value}"
        )
    shown = [_value(float(value)) for value in (worst.recorded[row], worst.again[row])]
    of = f" of the {part}" if part else ""
    return f"{name}{of}: {differing:,} of {compared:,}; most at {', '.join(details)}: {shown[0]} → {shown[1]}"


def _excess(one: Numbers) -> float:
    row = one.largest
    apart = abs(float(one.recorded[row]) - float(one.again[row])) / max(float(one.floor[row]), 1e-300)
    return apart if apart == apart else math.inf


def _value(value: float) -> str:
    return "not there" if math.isnan(value) else f"{value:.7g}"


def _changed(change: Change, where: _Places) -> str:
    line = f"line {where.line(change.node)}, " if change.node >= 0 else ""
    if not change.recorded or not change.again:
        what = f"gone ({change.recorded})" if change.recorded else f"not in the recording ({change.again})"
        what = {"gone (present)": "gone", "not in the recording (present)": "not in the recording"}.get(what, what)
        return f"{line}{change.name}: {what}"
    return f"{line}{change.name}: {change.recorded} → {change.again}"


class _Places:
    """Nodes of a recording in words."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._lines = token_lines(trace)
        self._files = {int(node): file.source for file in trace.files for node in file.nodes[:1]}

    def line(self, node: int) -> int:
        return int(self._lines[node])

    def of(self, node: int) -> str:
        """Such as `output token 5 " x" (line 3)`."""
        trace = self._trace
        origin = Origin(int(trace.nodes.origin[node]))
        shown = f"{self.token(node)} (line {self.line(node):,})"
        if origin is Origin.MAIN:
            return f"output token {node - int(trace.output[0]) + 1:,} {shown}"
        if origin is Origin.PROMPT:
            return f"prompt token {node + 1:,} {shown}"
        if origin is Origin.BRANCH:
            branch = int(np.searchsorted(trace.branches.first, node, side="right"))
            return f"branch {branch}, token {node - int(trace.branches.first[branch - 1]) + 1} {shown}"
        file = next(file for file in trace.files if file.nodes[0] <= node <= file.nodes[-1])
        return f"{visible_line(file.source)}, token {node - int(file.nodes[0]) + 1:,} {shown}"

    def token(self, node: int) -> str:
        return _token(self._trace.token_bytes(node))

    def word(self, token_id: int) -> str:
        """An alternative's text, where the recording knows it."""
        try:
            return _token(self._trace.bytes_of(token_id))
        except KeyError:
            return f"id {token_id}"


def _token(content: bytes) -> str:
    return f"“{shortened(visible_token(content), _SHOWN)}”"


def _section(title: str, entries: Iterable[str], most: int | None = LISTED_DIFFERENCES) -> list[str]:
    found = list(entries)
    if not found:
        return []
    shown = found if most is None else found[:most]
    more = [f"  and {len(found) - len(shown):,} more"] if len(shown) < len(found) else []
    return [f"{title}:", *(f"  {entry}" for entry in shown), *more]


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
