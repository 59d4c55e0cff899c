"""The comparison with the main path and the tree of all branches."""

import pytest
from playwright.sync_api import expect
from tests.support import synthetic_traces


def lines(report, kind):
    return report.page.locator(f".diff-line.{kind} .diff-text").all_text_contents()


def test_the_comparison_shows_both_texts_and_marks_what_differs(open_report):
    report = open_report("branching", fragment="#b=2", permissions=["clipboard-read", "clipboard-write"])
    report.page.keyboard.press("c")
    assert report.address.endswith("#b=2&diff=1")
    assert not report.page.locator("#code").is_visible()
    assert lines(report, "main") == ["        raise ValueError(text)\n"]
    assert lines(report, "branch") == ['        raise ValueError(f"bad duration: {text!r}")\n']
    assert "".join(report.page.locator(".diff ins").all_text_contents()) == 'f"bad duration: {!r}"'
    report.page.get_by_role("button", name="copy as text").click()
    expect(report.page.locator("#live")).to_have_text("Comparison copied.")
    copied = report.evaluate("navigator.clipboard.readText()")
    assert '-        raise ValueError(text)\n+        raise ValueError(f"bad duration: {text!r}")\n' in copied
    report.page.keyboard.press("c")
    assert report.page.locator("#code").is_visible()
    report.page.go_back()
    assert report.page.locator("#diff").is_visible()


def test_what_lies_beyond_the_end_of_a_branch_is_not_called_deleted(open_report):
    report = open_report("branching", fragment="#b=4&diff=1")
    deleted = "".join(report.page.locator(".diff del").all_text_contents())
    assert "return total" not in deleted
    expect(report.page.locator(".diff .note-row")).to_contain_text(
        "It was not continued beyond; the main path goes on for 5 lines."
    )


def test_the_comparison_follows_the_path_and_ends_on_the_main_path(open_report):
    report = open_report("branching", fragment="#b=8&diff=1")
    before = report.page.locator(".diff-lines").inner_text()
    report.page.locator(".crumb").nth(1).click()
    expect(report.page.locator("#diff")).to_be_visible()
    assert report.page.locator(".diff-lines").inner_text() != before
    report.page.locator(".crumb").first.click()
    expect(report.page.locator("#code")).to_be_visible()
    assert not report.page.locator("#diff").is_visible()
    report.page.keyboard.press("c")
    expect(report.page.locator("#live")).to_contain_text("choose a branch")


def bar(report, text):
    """Where in the tree's view a branch is, found with the keyboard: the tooltip stands below it."""
    tree = report.page.get_by_role("tree")
    tree.focus()
    tree.press("Home")
    for _ in range(len(report.trace.branches) + 1):
        if text in report.page.get_by_role("treeitem").text_content():
            tooltip = report.page.locator(".tooltip").bounding_box()
            return tooltip["x"] + 6, tooltip["y"] - 14
        tree.press("ArrowDown")
    raise AssertionError(text)


def test_the_tree_opens_by_key_and_by_button_and_has_an_address(open_report):
    report = open_report("branching")
    assert report.page.get_by_role("tree").count() == 0
    report.page.keyboard.press("v")
    expect(report.page.get_by_role("tree")).to_be_visible()
    assert report.address.endswith("#tree=1")
    expect(report.page.locator(".tree-count")).to_have_text("9 of 9 shown")
    report.page.get_by_role("button", name="Close the tree").click()
    expect(report.page.get_by_role("tree")).to_have_count(0)
    report.page.go_back()
    expect(report.page.get_by_role("tree")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tree_is_drawn(open_report, scheme):
    report = open_report("branching", fragment="#b=0&tree=1", color_scheme=scheme)
    colours = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
        const c = document.querySelector('.tree-view canvas');
        done(new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size);
    })))"""
    assert report.evaluate(colours) > 20


def test_the_pointer_shows_a_branch_and_a_click_goes_there(open_report):
    report = open_report("branching", fragment="#tree=1")
    x, y = bar(report, "parts")
    report.page.mouse.move(600, 700)
    report.page.evaluate("document.activeElement.blur()")
    assert not report.page.locator(".tooltip").is_visible()
    report.page.mouse.move(x, y)
    expect(report.page.locator(".tooltip")).to_contain_text("parts = pattern.findall(text)")
    expect(report.page.locator(".tooltip")).to_contain_text("context was full")
    report.page.mouse.click(x, y)
    trace = report.trace
    assert trace.branches.first[4] <= report.selected() < trace.branches.first[4] + 3
    expect(report.page.locator(".crumb[aria-current]")).to_contain_text("parts")
    assert report.page.locator("#code").is_visible()


def test_the_keyboard_does_all_that_the_pointer_does(open_report):
    report = open_report("branching", fragment="#tree=1")
    tree, item = report.page.get_by_role("tree"), report.page.get_by_role("treeitem")
    tree.focus()
    expect(item).to_have_text("Main path")
    assert (item.get_attribute("aria-level"), item.get_attribute("aria-expanded")) == ("1", "true")
    tree.press("ArrowRight")
    expect(item).to_contain_text("found = pattern.match(text)")
    assert [item.get_attribute(f"aria-{name}") for name in ("level", "posinset", "setsize")] == ["2", "1", "7"]
    expect(report.page.locator(".tooltip")).to_contain_text("found = pattern")
    tree.press("ArrowLeft")
    assert item.get_attribute("aria-expanded") == "false"
    expect(report.page.locator(".tree-count")).to_have_text("7 of 9 shown")
    tree.press("ArrowDown")
    expect(item).to_contain_text("parts = pattern")
    tree.press("ArrowUp")
    tree.press("ArrowRight")
    assert item.get_attribute("aria-expanded") == "true"
    tree.press("ArrowRight")
    expect(item).to_contain_text("is None")
    tree.press("Enter")
    assert report.selected() == report.trace.branches.first[7]
    assert item.get_attribute("aria-selected") == "true"
    assert report.evaluate("document.activeElement.getAttribute('role')") == "tree"
    tree.press("ArrowLeft")
    tree.press("ArrowLeft")
    expect(item).to_contain_text("found")
    tree.press("End")
    tree.press("Home")
    expect(item).to_have_text("Main path")
    tree.press("Escape")
    expect(report.page.locator("#tree")).to_be_hidden()


def test_branches_below_a_probability_are_hidden(open_report):
    report = open_report("branching", fragment="#tree=1")
    trace = report.trace
    least = 0.1
    hidden = {b for b in range(9) if trace.nodes.probability[trace.branches.first[b]] < least} | {7, 8}
    report.page.get_by_label("Branches of").select_option("0.1")
    expect(report.page.locator(".tree-count")).to_have_text(f"{9 - len(hidden)} of 9 shown")
    assert 0 < len(hidden) < 9


def test_zoom_keeps_the_middle_and_fit_returns(open_report):
    report = open_report("branching", fragment="#tree=1")
    view = report.page.locator(".tree-view")
    size = "view => [view.scrollWidth, view.clientWidth, view.scrollLeft + view.clientWidth / 2]"
    assert view.evaluate(size)[0] == view.evaluate(size)[1]
    report.page.get_by_role("button", name="Zoom in (+)").click()
    view.press("+")
    wide, seen, middle = view.evaluate(size)
    assert wide > 2 * seen
    assert middle / wide == pytest.approx(0.5, abs=0.02)
    view.press("0")
    assert view.evaluate(size)[0] == seen


def test_dragging_pans_and_is_no_click(open_report):
    report = open_report("branching", fragment="#tree=1")
    view = report.page.locator(".tree-view")
    for _ in range(4):
        view.press("+")
    before = view.evaluate("view => view.scrollLeft")
    box = view.bounding_box()
    report.page.mouse.move(box["x"] + 400, box["y"] + 34)
    report.page.mouse.down()
    report.page.mouse.move(box["x"] + 300, box["y"] + 34, steps=4)
    report.page.mouse.up()
    assert view.evaluate("view => view.scrollLeft") == pytest.approx(before + 100, abs=6)
    assert report.selected() == -1


def test_ten_thousand_nodes_draw_only_what_is_in_sight(open_report):
    trace = synthetic_traces.forest(10_000)
    report = open_report(trace, fragment="#tree=1")
    expect(report.page.locator(".tree-count")).to_have_text(f"{len(trace.branches):,} of {len(trace.branches):,} shown")
    view = report.page.locator(".tree-view")
    for _ in range(8):
        view.press("+")
    canvas = view.locator("canvas").bounding_box()
    assert canvas["width"] <= 1280
    assert canvas["height"] <= 400
    assert view.evaluate("view => view.scrollWidth") > 10_000
    view.press("End")
    expect(report.page.locator(".tooltip")).to_be_visible()
    view.press("Enter")
    assert report.selected() in trace.branches.first


@pytest.mark.parametrize("width", [320, 390, 900, 1280])
def test_no_width_makes_a_branch_scroll_sideways(open_report, width):
    report = open_report("branching", viewport={"width": width, "height": 800})
    for fragment in ("b=8&n=200&tree=1", "b=8&diff=1", "n=58&tree=1"):
        report.evaluate("fragment => { location.hash = fragment; }", fragment)
        expect(report.page.locator("#trail")).to_be_visible()
        assert report.evaluate("document.documentElement.scrollWidth") <= width, fragment
