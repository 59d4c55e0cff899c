import math
import re

import pytest
from playwright.sync_api import expect
from tests.support import synthetic_traces


def panel(report, node):
    report.evaluate("node => { location.hash = `n=${node}`; }", node)
    expect(report.page.locator("#token")).to_contain_text(re.compile(rf"node {node}\b"))
    return report.page.locator("#token")


def percent(text):
    return float(re.sub(r"[<>%\s]", "", text)) / 100


def test_the_panel_has_every_number_with_its_unit(open_report):
    report = open_report("plausible")
    node = int(report.trace.output[10])
    nodes = report.trace.nodes
    text = panel(report, node).inner_text().replace("\u00a0", " ")
    assert f"{nodes.entropy[node]:.2f} bits" in text
    assert f"{nodes.margin[node]:.3f}" in text
    assert f"{nodes.rank[node]} of {report.trace.run['model']['vocab_size']:,}" in text
    assert f"id {nodes.token_id[node]}" in text
    assert report.trace.token_bytes(node).hex(" ") in text


def test_definitions_are_those_of_the_trace(open_report):
    report = open_report("plausible", fragment="#n=40")
    report.page.keyboard.press("d")
    text = report.page.locator("#token").inner_text()
    for name in ("surprisal", "entropy", "probability", "margin", "rank", "gap"):
        assert report.trace.metrics[name]["definition"] in text


@pytest.mark.parametrize("case", ["plausible", "sampled"])
def test_what_was_written_is_always_among_the_alternatives_and_shares_add_up(open_report, case):
    report = open_report(case)
    trace = report.trace
    outside = [int(n) for n in trace.main[1:] if trace.nodes.rank[n] > 10]
    for node in [int(trace.output[3]), int(trace.output[20]), *outside[:3]]:
        table = panel(report, node).locator("table.alternatives")
        written = table.locator("tr.written")
        assert written.count() == 1
        shares = [percent(cell) for cell in table.locator("td.value:not(.second)").all_inner_texts()]
        assert math.isclose(sum(shares), 1, abs_tol=0.012), shares
        if node in outside:
            assert f"rank {trace.nodes.rank[node]:,}" in written.inner_text()
        assert "all others" in table.inner_text()
    assert outside


def test_the_sampled_distribution_stands_beside_where_it_differs(open_report):
    report = open_report("sampled")
    node = int(report.trace.output[5])
    table = panel(report, node).locator("table.alternatives")
    assert table.locator("td.value.second").count() == table.locator("tbody tr").count()
    assert "temperature 0.8, top-p 0.95" in report.page.locator("#token .key").inner_text()
    assert panel(report, 5).locator("td.value.second").count() == 0, "the prompt was not sampled"


def test_bars_are_as_long_as_their_numbers(open_report):
    report = open_report("plausible")
    node = int(report.trace.output[5])
    panel(report, node)
    for width, share in report.evaluate(
        "[...document.querySelectorAll('.alternatives tbody tr')].map(r => [parseFloat(r.querySelector('.bar span').style.width), r.querySelector('.value').textContent])"
    ):
        assert "<" in share or ">" in share or math.isclose(width / 100, percent(share), abs_tol=0.001)


def test_the_tooltip_tells_the_token_under_the_pointer(open_report):
    report = open_report("plausible")
    node = int(report.trace.output[12])
    report.page.locator(f'.t[data-n="{node}"]').first.hover()
    tooltip = report.page.locator(".tooltip")
    assert tooltip.is_visible()
    assert "surprisal" in tooltip.inner_text()
    report.page.mouse.move(5, 5)
    assert not tooltip.is_visible()


def test_odd_tokens_say_what_is_odd(open_report):
    report = open_report("split_characters")
    first = int(report.trace.output[1])
    assert "a later token completes" in panel(report, first).inner_text()
    assert "The rest of a character" in panel(report, first + 1).inner_text()
    hidden = open_report("hostile")
    node = next(int(n) for n in hidden.trace.output if hidden.trace.token_bytes(n) == "\u202e".encode())
    assert "cannot be seen" in panel(hidden, node).inner_text()
    ended = open_report("sampled")
    assert "not part of the program" in panel(ended, int(ended.trace.output[-1])).inner_text()


def test_alternatives_are_optional(open_report):
    report = open_report(synthetic_traces.make([b"a"], [b"b", b"c"], top=2))
    assert panel(report, 1).locator("tr.written").count() == 1
