"""The table of benchmark B as Markdown: how many cases, what each order of lines is worth, and the best of ours against each baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from tests.benchmarks.proof.reading.measures import READ, auc, bootstrap, lines_until_faulty, recall


@dataclass(frozen=True)
class Scored:
    """A case with the scores of its lines of code by the name of each order: what is kept in `results/`."""

    name: str
    operator: str
    seconds: float
    faulty: tuple[bool, ...]
    scores: dict[str, tuple[float, ...]]

    @property
    def material(self) -> str:
        """`library` or `task`."""
        return self.name.partition("/")[0]


Measure = Callable[[Sequence[float], Sequence[bool]], float]


def measured(cases: Sequence[Scored], order: str, measure: Measure) -> list[float]:
    """A measure of an order, one value a case."""
    return [measure(case.scores[order], case.faulty) for case in cases]


def table(cases: Sequence[Scored], model: str, half: str, ours: str, baselines: Sequence[str]) -> str:
    """All of it; `ours` is the order that is held against each baseline."""
    if not cases:
        return "Nothing was read."
    hours = sum(case.seconds for case in cases) / 3600
    lines = sum(len(case.faulty) for case in cases) / len(cases)
    heads = f"| order of the lines | AUC, 95 % interval | lines until a faulty one | faulty lines in the first {READ:.0%} |"
    found = [
        f"{model}, {half} half: {len(cases)} faulty programs of {lines:.1f} lines of code each, {hours:.2f} hours of processor",
        "",
        heads,
        "|---|---|---|---|",
    ]
    by_auc = {order: float(np.mean(measured(cases, order, auc))) for order in cases[0].scores}
    for order in sorted(by_auc, key=lambda order: -by_auc[order]):
        mark = "" if order in baselines else "**"
        until = float(np.mean(measured(cases, order, lines_until_faulty)))
        within = bootstrap(measured(cases, order, recall)).mean
        one = bootstrap(measured(cases, order, auc))
        found.append(
            f"| {mark}{order}{mark} | {one.mean:.3f}, {one.low:.3f} to {one.high:.3f} | {until:.1f} | {within:.0%} |"
        )
    found += ["", f"| {ours}, AUC beyond | difference, 95 % interval (paired) |", "|---|---|"]
    own = np.array(measured(cases, ours, auc))
    for order in sorted(baselines, key=lambda order: -by_auc[order]):
        found.append(f"| {order} | {bootstrap(own - np.array(measured(cases, order, auc)))} |")
    best = max(baselines, key=lambda order: by_auc[order])
    found += ["", f"| cases | number | {ours} | {best} | tokens |", "|---|---|---|---|---|"]
    groups = {case.material: [one for one in cases if one.material == case.material] for case in cases}
    groups |= {case.operator: [one for one in cases if one.operator == case.operator] for case in cases}
    for group, members in sorted(groups.items(), key=lambda item: -len(item[1])):
        cells = [f"{np.mean(measured(members, order, auc)):.2f}" for order in (ours, best, "tokens")]
        found.append(f"| {group} | {len(members)} | {' | '.join(cells)} |")
    return "\n".join(found)
