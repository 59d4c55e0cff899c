"""Pages that keep to a size: what is left out, in which order, and that the rest is as it was."""

import numpy as np
import pytest
from click.testing import CliRunner
from tests.support import synthetic_traces

from tokenscope_trace import Trace
from tokenscope_trace.cli.html_command import main
from tokenscope_trace.reports.page import html_page, html_page_within
from tokenscope_trace.reports.size_limit import fitted, left_out_sentence, with_notes
from tokenscope_trace.traces.pruning import without_layers


def size(trace):
    return len(trace.to_bytes())


@pytest.fixture(scope="module")
def whole():
    """With attention, a lens, branches, decisions and alternatives."""
    return synthetic_traces.decided()


@pytest.fixture(scope="module")
def looked():
    return synthetic_traces.looking(synthetic_traces.branching())


@pytest.fixture(scope="module")
def forest():
    return synthetic_traces.forest(4000, main=400)


def same_path(one, other):
    assert other.text(other.main) == one.text(one.main)
    for name in ("logprob", "entropy", "rank"):
        np.testing.assert_array_equal(getattr(one.nodes, name)[one.main], getattr(other.nodes, name)[other.main])


def test_what_fits_stays_as_it_is(forest):
    found = fitted(forest, size(forest), size)
    assert found.trace is forest
    assert found.left_out == ()
    assert with_notes(found, 1) is forest


def test_attention_goes_first_and_the_lens_next(looked):
    without = [looked, (silent := without_layers(looked, "attention")), without_layers(silent, "lens")]
    sizes = [size(trace) for trace in without]
    assert sizes[0] > sizes[1] > sizes[2]
    first, second = fitted(looked, sizes[0] - 1, size), fitted(looked, sizes[1] - 1, size)
    assert first.left_out == ("attention",)
    assert first.trace.lens
    assert second.left_out == ("attention", "the logit lens")
    assert second.fits
    same_path(looked, second.trace)


def test_branches_go_the_least_likely_first_and_as_few_as_need_to(forest):
    limit = round(0.6 * size(forest))
    found = fitted(forest, limit, size)
    trace = Trace.from_bytes(found.trace.to_bytes())
    assert found.fits
    assert 0 < len(trace.branches) < len(forest.branches)
    assert size(trace) > 0.9 * limit, "not more than needed"
    assert found.left_out[0].endswith(f" of {len(forest.branches)} branches")
    same_path(forest, trace)

    def reach(of):
        return [float(of.nodes.logprob[of.path(node)][len(of.prompt) :].sum(dtype=np.float64)) for node in of.branches.first]

    kept = {of_branch(trace, branch) for branch in range(len(trace.branches))}
    all_of_them = {of_branch(forest, branch): value for branch, value in enumerate(reach(forest))}
    assert kept <= set(all_of_them), "each branch that stays spells what it did"
    least = min(all_of_them[one] for one in kept)
    lost = [value for one, value in all_of_them.items() if one not in kept]
    assert np.mean([value > least for value in lost]) < 0.02, "but for those that lean on one that is lost"


def of_branch(trace, branch):
    first, count = int(trace.branches.first[branch]), int(trace.branches.count[branch])
    return bytes(trace.text(trace.path(first + count - 1))), count


def test_branches_of_decisions_go_last(whole):
    chosen = sorted({branch for branch in whole.tables["decision_options"]["branch"].tolist() if branch >= 0})
    texts = {of_branch(whole, branch) for branch in chosen}
    bare = size(fitted(whole, 0, size).trace)
    for limit in np.linspace(bare, size(whole), 12)[1:-1]:
        found = fitted(whole, int(limit), size)
        kept = {of_branch(found.trace, branch) for branch in range(len(found.trace.branches))}
        assert len(kept - texts) == 0 or texts <= kept, "one of a decision went before another"


def test_alternatives_go_at_the_end_and_their_mass_joins_the_tail(forest):
    smallest = fitted(forest, 0, size)
    assert smallest.left_out == (f"{len(forest.branches)} of {len(forest.branches)} branches", "all alternatives")
    assert not smallest.fits
    held = int(forest.nodes.alternative_count.max())
    without = fitted(forest, size(smallest.trace) + 200, size)
    assert without.fits
    trace = Trace.from_bytes(without.trace.to_bytes())
    count = trace.nodes.alternative_count
    assert count.max() < held
    for node in trace.output[:40].tolist():
        rows, before = trace.alternatives_of(node), forest.alternatives_of(node)
        mass = np.exp(trace.alternatives.logprob[rows].astype(np.float64)).sum() + trace.nodes.tail[node]
        whole = np.exp(forest.alternatives.logprob[before].astype(np.float64)).sum() + forest.nodes.tail[node]
        assert mass == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("share", [0.95, 0.75, 0.6])
def test_the_page_keeps_to_its_size_and_says_what_it_lacks(forest, share):
    limit = round(share * len(html_page(forest).encode()))
    page, lacks = html_page_within(forest, limit)
    assert len(page.encode()) <= limit
    assert "branches" in lacks
    assert lacks in page


def test_the_command_says_so_on_stderr(tmp_path, forest):
    (tmp_path / "a.tsc").write_bytes(forest.to_bytes())
    runner = CliRunner()
    whole = runner.invoke(main, [str(tmp_path / "a.tsc"), "-o", str(tmp_path / "a.html")])
    assert whole.exit_code == 0
    assert "lacks" not in whole.stderr
    smaller = runner.invoke(main, [str(tmp_path / "a.tsc"), "-o", str(tmp_path / "b.html"), "--max-size", "0.17"])
    assert smaller.exit_code == 0, smaller.output
    assert "Note: To keep this file within 170 kB, it lacks " in smaller.stderr
    assert (tmp_path / "b.html").stat().st_size <= 170_000
    tiny = runner.invoke(main, [str(tmp_path / "a.tsc"), "-o", str(tmp_path / "c.html"), "--max-size", "0.01"])
    assert "the page has more than 10 kB; nothing more can be left out of it." in tiny.stderr.replace(
        "10,000 bytes", "10 kB"
    )
    none = runner.invoke(main, [str(tmp_path / "a.tsc"), "-o", str(tmp_path / "d.html"), "--max-size", "0"])
    assert (tmp_path / "d.html").read_bytes() == (tmp_path / "a.html").read_bytes()
    assert none.exit_code == 0
    wrong = runner.invoke(main, [str(tmp_path / "a.tsc"), "--format", "json", "--max-size", "5"])
    assert wrong.exit_code == 2


def test_the_sentence_names_all_of_it(looked):
    found = fitted(looked, 0, size)
    assert left_out_sentence(found, 10_000_000).startswith(
        "To keep this file within 10.0 MB, it lacks attention, the logit lens"
    )
