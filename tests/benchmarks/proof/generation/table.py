"""The table of benchmark A as Markdown: how many cases, Repair@k and Change@k of each order, and the report's against the others'."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.benchmarks.proof.generation.figures import (
    Shares,
    at_random,
    change_at,
    empty,
    interval,
    ratio,
    repair_at,
    repairable,
)
from tests.benchmarks.proof.generation.measured import Measured
from tests.benchmarks.proof.generation.orders import BASELINES, Order, checked, oracle, report

KS = (1, 3, 5)
_Measure = Callable[[Sequence[Measured], Order, int], Shares]


def table(cases: Sequence[Measured], model: str, tasks: str) -> str:
    """All of it."""
    if not cases:
        return "Nothing was measured."
    able = [case for case in cases if repairable(case)]
    unfinished = sum(case.passes is None for case in cases)
    passing = sum(case.passes is True for case in cases)
    seconds = sum(case.seconds for case in cases)
    lines = [
        f"{model}, {tasks}: {len(cases)} recordings of {len({case.task for case in cases})} tasks, {seconds / 3600:.1f} hours",
        f"{len(able)} failing outputs that an explored branch repairs, of {len({case.task for case in able})} tasks; "
        f"{passing} pass, {len(cases) - passing} fail, of which {unfinished} came to no end",
        f"lists without a decision: {_share(empty(cases, passes=True))} of those that pass, {_share(empty(cases, passes=False))} of those that fail",
        f"decisions of a case: {sum(len(case.decisions) for case in able) / max(1, len(able)):.1f} where repairable",
        "",
        "| order | " + " | ".join([f"Repair@{k}" for k in KS] + [f"Change@{k}" for k in KS]) + " |",
        "|---|" + "---|" * 2 * len(KS),
    ]
    orders = {"the report's": report, "the report's, with the check's verdicts": checked, **BASELINES}
    for name, order in orders.items():
        lines.append(_row(name, [_share(one) for one in _figures(cases, order)]))
    chance = [at_random(repair_at, cases, k) for k in KS] + [at_random(change_at, cases, k) for k in KS]
    lines.append(_row("by chance", [_share(one) for one in chance]))
    lines.append(_row("oracle", [_share(one) for one in _figures(cases, oracle)[: len(KS)]] + [""] * len(KS)))
    lines += ["", "| Repair@3 of the report's order, times | ratio | 95 % interval |", "|---|---|---|"]
    for name, order in BASELINES.items():
        value, low, high = ratio(repair_at(cases, report, 3), repair_at(cases, order, 3))
        lines.append(f"| {name} | {value:.2f} | {low:.2f} to {high:.2f} |")
    return "\n".join(lines)


def _figures(cases: Sequence[Measured], order: Order) -> list[Shares]:
    return [repair_at(cases, order, k) for k in KS] + [change_at(cases, order, k) for k in KS]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def _share(share: Shares) -> str:
    if not share.of.sum():
        return "-"
    low, high = interval(share.resampled())
    return f"{share.value:.0%} ({low:.0%} to {high:.0%})"
