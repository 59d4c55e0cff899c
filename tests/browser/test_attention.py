"""Where a token looked, who looked at it, and attention between lines."""

import re

import pytest
from playwright.sync_api import expect
from tests.support import synthetic_traces


@pytest.fixture
def looking():
    return synthetic_traces.looking(synthetic_traces.plausible())


def number(text):
    return float(re.sub(r"[<>≥%\s]", "", text)) / 100


def rows(report):
    """Words and numbers of the list."""
    cells = report.page.locator(".sources tbody tr")
    return [(row.locator("th").inner_text(), number(row.locator("td.value").inner_text())) for row in cells.all()]


def mean_row(trace, query, layer=None, head=None):
    """The row of a query, averaged over heads, and what was not kept."""
    share, unkept, count = {}, 0.0, 0
    for one in trace.attention:
        if layer is not None and one.layer != layer:
            continue
        for place in range(one.unkept.shape[1]) if head is None else [head]:
            count += 1
            unkept += float(one.unkept[query, place])
            for source, weight in zip(one.sources[query, place], one.weights[query, place], strict=True):
                share[int(source)] = share.get(int(source), 0.0) + float(weight)
    return {source: weight / count for source, weight in share.items() if weight}, unkept / count


def test_it_is_closed_until_asked_for_and_its_state_is_in_the_address(open_report, looking):
    report = open_report(looking, fragment="#n=60")
    toggle = report.page.get_by_role("button", name="where it looked")
    assert toggle.get_attribute("aria-expanded") == "false"
    assert report.page.locator(".sources").count() == 0
    report.page.keyboard.press("a")
    expect(report.page.locator(".sources")).to_be_visible()
    assert report.address.endswith("#n=60&a=1")
    report.page.get_by_text("who looked at it", exact=True).click()
    report.page.locator(".panel").get_by_role("combobox", name="Layer").select_option("3")
    report.page.locator(".panel").get_by_role("combobox", name="Head").select_option("2")
    report.page.get_by_text("from its own place", exact=True).click()
    assert report.address.endswith("#n=60&a=1&r=1&o=1&l=3&h=2")
    again = open_report(looking, fragment="#n=60&a=1&r=1&o=1&l=3&h=2")
    assert again.page.locator(".attention").inner_text() == report.page.locator(".attention").inner_text()
    report.page.get_by_role("button", name="hide attention").click()
    expect(report.page.locator(".sources")).to_be_hidden()
    assert "a=1" not in report.address


@pytest.mark.parametrize(
    ("fragment", "own", "layer", "head"), [("", 0, None, None), ("&o=1", 1, None, None), ("&o=1&l=3&h=2", 1, 3, 2)]
)
def test_the_list_is_the_mean_of_the_rows_and_adds_up(open_report, looking, fragment, own, layer, head):
    report = open_report(looking, fragment=f"#n=60&a=1{fragment}")
    expected, unkept = mean_row(looking, 60 if own else 59, layer, head)
    found = rows(report)
    assert sum(share for _, share in found) == pytest.approx(1, abs=0.012)
    heaviest = sorted(expected.values(), reverse=True)
    assert [share for _, share in found[:8]] == pytest.approx(heaviest[:8], abs=0.0006)
    assert found[-1] == ("not kept", pytest.approx(unkept, abs=0.0006))


def test_a_source_that_some_heads_did_not_keep_has_a_lower_bound(open_report, looking):
    report = open_report(looking, fragment="#n=60&a=1")
    assert report.page.locator(".sources .value").first.inner_text().startswith("≥")
    assert "≥ is a lower bound" in report.page.locator(".small-print").inner_text()
    report.evaluate("location.hash = 'n=60&a=1&l=3&h=2'")
    assert "≥" not in report.page.locator(".sources").inner_text()


def test_the_code_shows_attention_while_it_is_open_and_the_metric_after(open_report, looking):
    report = open_report(looking, fragment="#n=60&o=1&l=2&h=0")
    classes = (
        "() => [...document.querySelectorAll('.t')].map(t => [Number(t.dataset.n), t.className.match(/b\\d|missing/)[0]])"
    )
    before = report.evaluate(classes)
    expect(report.page.locator(".legend .scale")).to_contain_text("not measured")
    report.page.keyboard.press("a")
    row, _ = mean_row(looking, 60, 2, 0)
    edges = [0.005, 0.02, 0.05, 0.15, 0.5]
    for node, name in report.evaluate(classes):
        expected = f"b{sum(row[node] >= edge for edge in edges)}" if node in row else "missing" if node <= 60 else "b0"
        assert name == expected, node
    expect(report.page.locator(".legend .scale")).to_contain_text("not kept")
    assert report.page.locator(".legend .mark").all_inner_texts()[:6] == ["0", "0.5", "2", "5", "15", "50"]
    report.page.locator('.t[data-n="0"]').first.hover()
    expect(report.page.locator(".tooltip")).to_contain_text("attention")
    report.page.keyboard.press("a")
    assert report.evaluate(classes) == before
    report.page.keyboard.press("a")
    report.page.keyboard.press("2")
    assert report.address.endswith("m=entropy&o=1&l=2&h=0"), "another metric is a colour of its own"


def test_who_looked_at_it_is_the_other_side_of_where_it_looked(open_report, looking):
    report = open_report(looking, fragment="#n=40&a=1&r=1")
    report.page.get_by_role("button", name=re.compile("^all")).click()
    expected = {}
    for query in range(40, len(looking.main) - 1):
        row, _ = mean_row(looking, query)
        if 40 in row:
            expected[query + 1] = row[40]
    shown = [share for _, share in rows(report)]
    assert shown == pytest.approx(sorted(expected.values(), reverse=True), abs=0.001)
    assert "the list is a lower bound" in report.page.locator(".attention").inner_text()
    report.page.locator(".sources .go").first.click()
    assert report.selected() == max(expected, key=lambda node: expected[node])


def test_the_first_token_can_be_set_aside(open_report, looking):
    report = open_report(looking, fragment="#n=60&a=1&l=0&h=0")
    before = rows(report)
    report.page.locator(".panel").get_by_label("set the first token aside").check()
    assert report.address.endswith("&s=1&l=0&h=0")
    after = dict(rows(report))
    assert after["set aside"] == before[0][1], "the first head looks at the first token most"
    assert rows(report)[0] == before[1]
    assert report.page.locator('.t[data-n="0"]').first.get_attribute("class").split()[-1] == "b0"


def test_what_has_no_row_says_so(open_report):
    trace = synthetic_traces.looking(synthetic_traces.branching())
    report = open_report(trace, fragment="#n=0&a=1")
    section = report.page.locator(".attention")
    expect(section).to_contain_text("no position before it predicted it")
    inner = int(trace.branches.first[0]) + 3
    report.evaluate("node => { location.hash = `n=${node}&a=1`; }", inner)
    expect(section).to_contain_text("on the main path only")
    assert report.page.locator(".heads").is_hidden()
    expect(section).to_contain_text("Layer 1: no attention, it computes no attention (conv).")
    report.evaluate("node => { location.hash = `n=${node}&a=1`; }", int(trace.branches.first[0]))
    expect(report.page.locator(".sources")).to_be_visible()


def test_a_recording_without_attention_has_no_section(open_report):
    report = open_report("plausible", fragment="#n=60&a=1&x=1&l=3")
    assert report.page.locator(".attention").is_hidden()
    assert not report.page.locator("#matrix").is_visible()
    report.page.keyboard.press("a")
    expect(report.page.locator("#live")).to_contain_text("--no-attention")
    assert report.page.locator(".code.attends").count() == 0


def test_the_heads_are_drawn_and_chosen_by_pointer_and_keys(open_report, looking):
    report = open_report(looking, fragment="#n=60&a=1&o=1")
    grid, cell = report.page.get_by_role("grid", name="Heads"), report.page.locator("#heads-cell")
    colours = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
        const c = document.querySelector('.heads canvas');
        done(new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size);
    })))"""
    assert report.evaluate(colours) > 6
    grid.focus()
    expect(cell).to_contain_text("layer 0, all heads")
    grid.press("ArrowRight")
    grid.press("ArrowDown")
    expect(cell).to_contain_text("layer 2, head 0,")
    expect(report.page.locator(".tooltip")).to_contain_text("layer 2, head 0")
    row, unkept = mean_row(looking, 60, 2, 0)
    assert f"not kept {100 * unkept:.1f}" in cell.inner_text()
    grid.press("Enter")
    assert report.address.endswith("&l=2&h=0")
    assert report.evaluate("document.activeElement.className") == "cells heads"
    assert rows(report)[0][1] == pytest.approx(max(row.values()), abs=0.0006)
    grid.press("Enter")
    assert "l=2" not in report.address
    grid.hover(position={"x": 110, "y": 30})
    expect(report.page.locator(".tooltip")).to_contain_text("layer 0, head 1")
    grid.click(position={"x": 110, "y": 30})
    assert report.address.endswith("&l=0&h=1")


def test_attention_between_lines_adds_up_and_leads_to_the_line(open_report, looking):
    report = open_report(looking)
    report.page.keyboard.press("x")
    assert report.address.endswith("#x=1")
    grid, cell = report.page.get_by_role("grid", name="Attention between lines"), report.page.locator("#lines-cell")
    grid.focus()
    for _ in range(4):
        grid.press("ArrowDown")
    expect(cell).to_contain_text("Line 5: pattern = re.compile")
    total = number(re.search(r"not kept ([\d.]+)", cell.inner_text())[1])
    for line in range(1, 12):
        grid.press("ArrowRight")
        expect(cell).to_contain_text(f"Line 5 at line {line},")
        found = re.search(r"≥?\s*([\d.]+)\s*%$", cell.inner_text())
        assert bool(found) == (line <= 5)
        total += number(found[1]) if found else 0
    assert cell.inner_text().endswith("comes later")
    assert total == pytest.approx(1, abs=0.01)
    expect(report.page.locator(".tooltip")).to_contain_text("comes later")
    grid.press("Enter")
    first = report.evaluate("Number(document.querySelector('.line[data-line=\"5\"] .t').dataset.n)")
    assert report.selected() == first
    grid.press("Escape")
    expect(report.page.locator("#matrix")).to_be_hidden()
    assert report.selected() == first


def test_a_long_program_draws_only_the_lines_in_sight(open_report):
    body = [token for i in range(2000) for token in (f"x{i % 7}".encode(), b"\n")]
    trace = synthetic_traces.looking(synthetic_traces.make([b"#", b"\n"], body, top=2), layers=1, heads=1, top=2)
    report = open_report(trace, fragment="#x=1")
    grid = report.page.get_by_role("grid", name="Attention between lines")
    expect(grid).to_have_attribute("aria-rowcount", "2001")
    canvas = grid.locator("canvas").bounding_box()
    assert canvas["width"] <= 1280
    assert canvas["height"] <= 800
    before = grid.evaluate("view => view.scrollHeight")
    report.page.get_by_role("button", name="Zoom in (+)").click()
    assert grid.evaluate("view => view.scrollHeight") > 1.2 * before
    grid.focus()
    grid.press("PageDown")
    assert grid.evaluate("view => view.scrollTop") > 0


@pytest.mark.parametrize("width", [360, 390, 900, 1280])
def test_no_width_makes_attention_scroll_sideways(open_report, looking, width):
    report = open_report(looking, viewport={"width": width, "height": 800}, fragment="#n=60&a=1&x=1")
    expect(report.page.locator(".sources")).to_be_visible()
    assert report.evaluate("document.documentElement.scrollWidth") <= width
    assert report.page.locator(".attention").evaluate("part => part.scrollWidth <= part.clientWidth")


def test_a_token_by_key_keeps_attention_open_and_the_page_where_it_is(open_report, looking):
    report = open_report(looking, fragment="#n=60&a=1")
    assert report.evaluate("scrollY") == 0, "what lies in the panel does not lengthen the page"
    top = report.page.locator(".panel").evaluate("panel => panel.scrollTop")
    assert top > 0
    report.page.keyboard.press("ArrowRight")
    assert report.selected() == 61
    expect(report.page.locator(".sources")).to_be_visible()
    report.page.locator(".panel").get_by_role("combobox", name="Layer").focus()
    report.page.locator(".panel").get_by_role("combobox", name="Layer").select_option("2")
    assert report.evaluate("document.activeElement.tagName") == "SELECT"
