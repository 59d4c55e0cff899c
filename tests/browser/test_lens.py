"""The logit lens: a part of the panel, and a metric like the others."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.support import synthetic_traces

from tokenscope_trace import Trace


@pytest.fixture
def looking():
    return synthetic_traces.looking(synthetic_traces.plausible())


def lens_of(trace, **changes):
    """The same trace with other facts of its lens, and no rows."""
    tables = {**trace._contents.tables}
    tables["lens"] = {name: values[:0] for name, values in tables["lens"].items()}
    return Trace({**trace.run, "lens": {**trace.run["lens"], "layers": [], **changes}}, tables)


def rows(report):
    return report.page.locator("table.lens tbody tr:not(.lens-note)")


def test_layers_are_closed_open_by_key_and_by_button_and_have_an_address(open_report, looking):
    report = open_report(looking, fragment="#n=60")
    assert rows(report).count() == 0
    report.page.keyboard.press("l")
    assert rows(report).count() == 3
    assert report.evaluate("location.hash") == "#n=60&lens=1"
    button = report.page.get_by_role("button", name="hide layers")
    assert button.get_attribute("aria-expanded") == "true"
    button.focus()
    report.page.keyboard.press("Enter")
    assert rows(report).count() == 0
    assert report.evaluate("document.activeElement.textContent") == "what each would say"
    report.page.go_back()
    expect(rows(report)).to_have_count(3)


def test_each_layer_says_its_token_its_probability_and_the_rank(open_report, looking):
    node = int(looking.output[12])
    report = open_report(looking, fragment=f"#n={node}&lens=1")
    shown = rows(report)
    assert shown.locator("th").all_text_contents() == ["0", "3", "5"], "as in the trace, the first on top"
    for layer, row in zip(looking.lens, shown.all(), strict=True):
        place = node - layer.first
        values = [text.replace("\u00a0", " ") for text in row.locator("td.value").all_text_contents()]
        assert values == [f"{100 * layer.probability[place]:.1f} %", f"{layer.rank[place]:,}"]
        said = looking.bytes_of(int(layer.token_id[place])).decode().strip()
        assert said in row.locator(".said").text_content().replace("·", " ")


def test_a_row_says_from_where_on_the_token_stood_or_that_it_never_did(open_report, looking):
    report = open_report(looking, fragment="#lens=1")
    ranks = np.array([layer.rank for layer in looking.lens])
    first = looking.lens[0].first
    for column in [
        int(np.flatnonzero((ranks[2] == 1) & (ranks[1] != 1))[0]),
        int(np.flatnonzero((ranks == 1).all(axis=0))[0]),
    ]:
        report.evaluate("node => { location.hash = `n=${node}&lens=1`; }", first + column)
        expect(report.page.locator("#token")).to_contain_text(re.compile(rf"node {first + column}\b"))
        settled = 2 if ranks[1, column] != 1 else 0
        expect(report.page.locator(".lens-note")).to_contain_text("from here on the first choice is")
        assert report.page.locator("table.lens .settled").count() == 3 - settled
        following = "document.querySelector('.lens-note').nextElementSibling.className"
        assert report.evaluate(following) == "settled"
    scored = synthetic_traces.changed()
    node = int(np.flatnonzero(scored.nodes.rank > 1)[0])
    other = open_report(scored, fragment=f"#n={node}&lens=1")
    expect(other.page.locator(".lens-note")).to_contain_text("never became and stayed the first choice")
    assert "settled\nnever" in other.page.locator("#token .numbers").inner_text()


def test_what_was_not_looked_at_says_so(open_report, looking):
    report = open_report(looking, fragment="#n=3&lens=1")
    expect(report.page.locator(".layers")).to_contain_text("Layers were recorded for the tokens 26 to 125 alone.")
    assert "settled\nnot measured" in report.page.locator("#token .numbers").inner_text()
    scored = open_report(synthetic_traces.changed(), fragment="#n=0&lens=1")
    expect(scored.page.locator(".layers")).to_contain_text("Nothing predicted this token")


def test_a_recording_without_a_lens_has_no_layers_and_the_key_says_how_to_get_some(open_report):
    report = open_report("plausible", fragment="#n=60")
    assert not report.page.locator(".layers").is_visible()
    report.page.keyboard.press("l")
    expect(report.page.locator("#live")).to_contain_text("--lens")
    assert "settled" not in report.page.locator("#legend").inner_text()


def test_a_reason_why_there_are_no_layers_is_shown(open_report, looking):
    report = open_report(lens_of(looking, reason="its head cannot be reached"), fragment="#n=60")
    expect(report.page.locator(".layers")).to_contain_text("There are none: its head cannot be reached.")
    assert report.page.locator(".layers button").is_hidden()


def test_the_depth_colours_the_code_with_never_apart_from_not_measured(open_report):
    trace = synthetic_traces.changed()
    report = open_report(trace, fragment="#f=0&m=settled")
    assert report.page.locator(".scale .mark").all_text_contents() == ["0", "50", "70", "85", "95", "never", "not measured"]
    report.page.wait_for_timeout(100)
    shown = dict(
        report.evaluate(
            "[...document.querySelectorAll('.t')].map(t => [Number(t.dataset.n), t.className.match(/ (b\\d|missing)/)[1]])"
        )
    )
    ranks = np.array([layer.rank for layer in trace.lens])
    for node, step in shown.items():
        column = ranks[:, node]
        settled = 3 - int(np.argmax(np.append(column[::-1] != 1, True)))
        assert step == ("missing" if column[0] == 0 else ["b0", "b1", "b4", "b5"][settled]), node
    assert {"missing", "b5", "b0"} <= set(shown.values())
    report.page.keyboard.press("d")
    report.page.keyboard.press("n")
    assert "in all recorded layers after it" in report.page.locator("#token").inner_text()


def test_noise_stands_quietly_below_the_numbers_where_it_was_measured(open_report, looking):
    nodes = {name: values.copy() for name, values in looking._contents.tables["nodes"].items()}
    nodes["noise"][60:62] = [2.4e-6, 0]
    report = open_report(Trace(looking.run, {**looking._contents.tables, "nodes": nodes}), fragment="#n=60")
    numbers = report.page.locator("#token .numbers")
    assert "noise\n2.4e-6 nats" in numbers.inner_text()
    report.page.keyboard.press("ArrowRight")
    assert "noise\n0 nats" in numbers.inner_text()
    report.page.keyboard.press("ArrowRight")
    assert "noise" not in numbers.inner_text()
    report.page.get_by_text("About this recording").click()
    assert "at most 2.4e-6 nats difference" in report.page.locator(".provenance").first.inner_text()
