"""Where the tokens of a tree go: what share of them lies in the function that was asked for, by the judge's own reading of each path.

For recordings of Python, completions and chats. A token lies in the first of these that fits: a stop string, a comment, what follows the
function, an exact loop, the function. Then whose tokens they are, how many options of listed decisions come to an end, and which
alternatives of 5 % or more were not explored. Use: python tests/benchmarks/where_tokens_go.py TRACE..., or none for those
that `make test-real` recorded with the sources as they are.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from math import exp
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.real.judge import unit_of
from tests.real.paths import NotJudged, Paths, fork_of
from tests.real.places import Place, places_of
from tests.real.sweep import settings

from tokenscope_trace import Trace
from tokenscope_trace.errors import TraceError

LIKELY = 0.05
OWNERS = (
    "branches that are options of a listed decision",
    "branches below those (depth 2)",
    "branches of the output that no listed decision shows",
    "branches below those",
)


@dataclass
class Count:
    """Sums over trees: tokens by place, by owner and of those in the function, of chats by where their path forks; ends; alternatives
    as [explored, all].
    """

    places: Counter[Place] = field(default_factory=Counter)
    owners: Counter[str] = field(default_factory=Counter)
    in_unit: Counter[str] = field(default_factory=Counter)
    forks: Counter[Place] = field(default_factory=Counter)
    ends: dict[str, Counter[str]] = field(default_factory=lambda: {owner: Counter() for owner in OWNERS})
    decided: list[int] = field(default_factory=lambda: [0, 0])
    anywhere: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, trace: Trace) -> None:
        """One more tree."""
        paths = Paths(trace)
        listed = set(trace.decision_options.branch.tolist()) - {-1}
        main_places = dict(zip(paths.main.nodes, places_of(paths, paths.main), strict=True))
        for branch, written in enumerate(paths.branches):
            own = int(trace.branches.count[branch])
            first = written.nodes.index(int(trace.branches.first[branch]))
            places = places_of(paths, written)[first : first + own]
            owner = _owner(paths, branch, listed)
            self.places.update(places)
            self.owners[owner] += own
            self.in_unit[owner] += places.count(Place.UNIT)
            unit = unit_of(paths, written, fork_of(paths.main, written))
            self.ends[owner]["no code" if unit is None else unit.state.value] += 1
            if paths.chat:
                at = next(i for i, node in enumerate(written.nodes) if node not in main_places)
                self.forks[main_places[paths.main.nodes[at]] if at < len(paths.main.nodes) else Place.PROSE] += own
        self._alternatives(trace, main_places)

    def _alternatives(self, trace: Trace, places: dict[int, Place]) -> None:
        nodes = trace.nodes
        begun = {(int(nodes.parent[node]), int(nodes.token_id[node])) for node in trace.branches.first.tolist()}
        decided = {
            node + step
            for node, count in zip(trace.decisions.node.tolist(), trace.decisions.count.tolist(), strict=True)
            for step in range(count)
        }
        for node, place in places.items():
            rows = trace.alternatives_of(node)
            for token, logprob in zip(
                trace.alternatives.token_id[rows].tolist(), trace.alternatives.logprob[rows].tolist(), strict=True
            ):
                if token == nodes.token_id[node] or exp(logprob) < LIKELY:
                    continue
                explored = (int(nodes.parent[node]), token) in begun
                for counted, sums in ((node in decided, self.decided), (place is Place.UNIT, self.anywhere)):
                    sums[0] += counted and explored
                    sums[1] += counted

    def __str__(self) -> str:
        """The tables."""
        total = max(1, sum(self.places.values()))
        lines = [f"{'where the token lies on its path':56} | share"]
        lines += [f"{place.value:56} | {self.places[place] / total:5.0%}" for place in Place if self.places[place]]
        lines += ["", f"{'whose':56} | share | in the function | complete | unfinished | broken | no code"]
        for owner in OWNERS:
            ends = self.ends[owner]
            lines.append(
                f"{owner:56} | {self.owners[owner] / total:5.0%} | {self.in_unit[owner] / total:15.0%} | {ends['complete']:8} | "
                f"{ends['unfinished']:10} | {ends['broken']:6} | {ends['no code']:7}"
            )
        if self.forks:
            of_chats = sum(self.forks.values())
            shares = ", ".join(f"{place.value} {count / of_chats:.0%}" for place, count in self.forks.most_common())
            lines += ["", f"tokens of chats by where their path leaves the output: {shares}"]
        lines += ["", f"alternatives of {LIKELY:.0%} or more that were explored: "]
        lines[-1] += f"{_of(self.decided)} at listed decisions, {_of(self.anywhere)} in the function"
        return "\n".join(lines)


def _of(sums: list[int]) -> str:
    return f"{sums[0]} of {sums[1]}"


def _owner(paths: Paths, branch: int, listed: set[int]) -> str:
    top = branch
    while (above := paths.branch_above(top)) >= 0:
        top = above
    if branch in listed:
        return OWNERS[0]
    return OWNERS[1 if top in listed and top != branch else 2 if top == branch else 3]


@click.command()
@click.argument("traces", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(traces: tuple[Path, ...]) -> None:
    """Print the tables for all trees together, after one line for each."""
    all_of_them = Count()
    for path in traces or [setting.file for setting in settings() if setting.file.is_file()]:
        alone = Count()
        try:
            trace = Trace.load(path)
            alone.add(trace)
        except (NotJudged, TraceError) as error:
            raise click.ClickException(f"{path.name}: {error}") from error
        all_of_them.add(trace)
        total = sum(alone.places.values())
        print(f"{path.name}: {total:,} tokens, {alone.places[Place.UNIT] / max(1, total):.0%} in the function", flush=True)
    if not any(all_of_them.places.values()):
        raise click.ClickException("no tree to look at; make test-real records some, or name traces.")
    print(f"\n{sum(all_of_them.places.values()):,} tokens of trees\n\n{all_of_them}")


if __name__ == "__main__":
    main()
