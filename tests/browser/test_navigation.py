import pytest
from playwright.sync_api import expect
from tests.support import synthetic_traces


def output(report):
    return report.trace.output.tolist()


def test_the_address_opens_a_token_and_a_metric(open_report):
    report = open_report("plausible", fragment="#n=40&m=entropy")
    assert report.selected() == 40
    assert "node 40 " in report.page.locator("#token").inner_text()
    assert report.evaluate("document.querySelector('input[name=metric]:checked').value") == "entropy"


def test_an_address_that_names_nothing_selects_nothing(open_report):
    assert open_report("plausible", fragment="#n=99999&m=beauty").selected() == -1


def test_the_address_follows_and_back_and_forward_return(open_report):
    report = open_report("plausible")
    page = report.page
    page.locator('.t[data-n="30"]').first.click()
    page.locator('.t[data-n="50"]').first.click()
    page.keyboard.press("2")
    assert report.address == report.url + "#n=50&m=entropy"
    page.go_back()
    assert (report.selected(), report.address) == (50, report.url + "#n=50")
    page.go_back()
    assert report.selected() == 30
    page.go_back()
    assert report.selected() == -1
    page.go_forward()
    assert report.selected() == 30


def test_walking_with_the_arrows_leaves_one_entry_in_the_history(open_report):
    report = open_report("plausible")
    before = report.evaluate("history.length")
    report.page.locator('.t[data-n="30"]').first.click()
    for _ in range(5):
        report.page.keyboard.press("ArrowRight")
    assert report.selected() == 35
    assert report.address.endswith("#n=35")
    assert report.evaluate("history.length") == before + 1


def test_the_arrows_walk_tokens_and_lines(open_report):
    report = open_report("plausible")
    press = report.page.keyboard.press
    press("ArrowRight")
    first = output(report)[0]
    assert report.selected() == first
    press("ArrowRight")
    assert report.selected() == first + 1
    press("ArrowLeft")
    press("ArrowLeft")
    assert report.selected() == first - 1
    line = "Number(document.querySelector('.t.selected').closest('.line').dataset.line)"
    before = report.evaluate(line)
    press("ArrowDown")
    press("ArrowDown")
    assert report.evaluate(line) == before + 2
    press("ArrowUp")
    assert report.evaluate(line) == before + 1
    press("Home")
    press("End")
    assert report.evaluate(line) == before + 1


def test_n_and_p_jump_between_the_uncertain_tokens_of_the_output(open_report):
    report = open_report("plausible")
    surprisal = report.trace.nodes.surprisal
    uncertain = [node for node in output(report) if surprisal[node] >= 1]
    assert len(uncertain) > 2
    found = []
    for _ in uncertain:
        report.page.keyboard.press("n")
        found.append(report.selected())
    assert found == uncertain
    report.page.keyboard.press("n")
    assert report.selected() == uncertain[0]
    report.page.keyboard.press("p")
    assert report.selected() == uncertain[-1]
    assert f"{len(uncertain)} of {len(uncertain)} uncertain" in report.page.locator("#legend").inner_text()


def test_keys_with_modifiers_are_left_to_the_browser(open_report):
    report = open_report("plausible")
    for key in ("Control+ArrowRight", "Alt+n", "Meta+n"):
        report.evaluate(
            f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key.split('+')[1]}', bubbles: true, "
            f"ctrlKey: {str('Control' in key).lower()}, altKey: {str('Alt' in key).lower()}, metaKey: {str('Meta' in key).lower()} }}))"
        )
    assert report.selected() == -1


def test_escape_clears_the_selection_and_the_summary_returns(open_report):
    report = open_report("plausible", fragment="#n=40")
    assert not report.page.locator("#overview").is_visible()
    report.page.keyboard.press("Escape")
    assert report.selected() == -1
    assert report.page.locator("#overview").is_visible()
    assert report.address == report.url


def test_the_strip_goes_to_a_token_by_click_and_by_dragging(open_report):
    report = open_report("plausible")
    box = report.page.locator("#strip canvas").bounding_box()
    middle = box["y"] + box["height"] / 2
    report.page.mouse.click(box["x"] + 1, middle)
    assert report.selected() == report.trace.main[0]
    report.page.mouse.move(box["x"] + 20, middle)
    report.page.mouse.down()
    report.page.mouse.move(box["x"] + box["width"] - 1, middle, steps=5)
    report.page.mouse.up()
    assert report.selected() == report.trace.main[-1]


def test_the_strip_draws_in_the_colours_of_the_theme(open_report):
    colours = "() => { const c = document.querySelector('#strip canvas'); return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size; }"
    for scheme in ("light", "dark"):
        report = open_report("plausible", color_scheme=scheme)
        report.page.wait_for_timeout(100)
        assert report.evaluate(colours) > 5


def test_links_of_the_summary_open_tokens(open_report):
    report = open_report("plausible")
    link = report.page.locator(".places a").first
    node = int(link.get_attribute("href").removeprefix("#n="))
    link.click()
    assert report.selected() == node
    assert report.evaluate("document.querySelector('.t.selected').getBoundingClientRect().top") > 0


def test_the_theme_is_chosen_and_remembered(open_report):
    report = open_report("plausible", color_scheme="light")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = report.evaluate(paper)
    report.page.keyboard.press("t")
    assert report.evaluate(paper) == light
    report.page.keyboard.press("t")
    dark = report.evaluate(paper)
    assert dark != light
    report.page.wait_for_timeout(500)  # the browser stores it in its own time
    report.page.reload()
    report.page.wait_for_selector("body.interactive")
    assert report.evaluate(paper) == dark
    report.page.keyboard.press("t")
    assert report.evaluate(paper) == light


def test_the_help_lists_every_key(open_report):
    report = open_report("plausible")
    report.page.keyboard.press("?")
    text = report.page.locator("dialog[open]").inner_text()
    for word in ("next token", "uncertain token", "theme", "copy a link", "Esc"):
        assert word in text
    report.page.keyboard.press("n")
    assert report.selected() == -1, "keys rest while the help is open"
    report.page.keyboard.press("Escape")
    assert report.page.locator("dialog[open]").count() == 0


def test_a_link_to_the_view_is_copied(open_report):
    report = open_report("plausible", fragment="#n=40", permissions=["clipboard-read", "clipboard-write"])
    report.page.get_by_role("button", name="copy link").click()
    name = report.url.rpartition("/")[2]
    expect(report.page.locator("#live")).to_have_text(f"Link copied: {name}#n=40")
    assert report.evaluate("navigator.clipboard.readText()") == f"{name}#n=40", "a file's name, not where it lies"
    assert report.page.locator(".toast").is_visible()
    expect(report.page.locator(".toast")).to_have_count(0, timeout=5000)


def test_a_selection_far_down_comes_into_sight(open_report):
    trace = synthetic_traces.large(4000)
    report = open_report(trace, fragment=f"#n={trace.main[3500]}")
    box = report.page.locator(".t.selected").first.bounding_box()
    assert 0 < box["y"] < 800
    report.page.keyboard.press("PageUp")
    report.page.wait_for_timeout(100)
    assert report.page.locator(".t.selected").first.bounding_box()["y"] > box["y"]


def test_escape_closes_what_was_opened_last_wherever_the_focus_is(open_report):
    report = open_report(synthetic_traces.decided(), fragment="#n=47")
    for key, name in (("v", "All branches"), ("s", "Structure")):
        report.page.keyboard.press(key)
        view = report.page.get_by_role("region", name=name)
        expect(view).to_be_visible()
        report.page.keyboard.press("Escape")
        expect(view).to_have_count(0)
        assert report.selected() == 47, "the selection stays until nothing else is open"
    report.page.keyboard.press("Escape")
    assert report.selected() == -1


def test_walking_the_uncertain_tokens_moves_nothing(open_report):
    report = open_report(synthetic_traces.plausible(), viewport={"width": 1440, "height": 900})
    line = report.page.locator(".code .line").first
    before = line.bounding_box()
    for _ in range(3):
        report.page.keyboard.press("n")
        assert line.bounding_box() == before


@pytest.mark.parametrize("view", ["tree=1", "syntax=1", "d1&b=0&diff=1"])
def test_an_address_of_a_view_brings_it_into_sight_on_a_phone(open_report, view):
    report = open_report(synthetic_traces.decided(), fragment=f"#{view}", viewport={"width": 360, "height": 740})
    names = {"tree=1": "All branches", "syntax=1": "Structure"}
    box = report.page.get_by_role("region", name=names.get(view, "Comparison")).bounding_box()
    assert -1 <= box["y"] < 400
