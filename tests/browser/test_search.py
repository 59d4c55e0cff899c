"""Search over tokens, alternatives and branches; keys that can be turned off; the recording saved from the page."""

import itertools
import re

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.browser.test_accessibility import violations
from tests.support import synthetic_traces

from tokenscope_trace import Trace
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.traces.schema import MAJOR_VERSION, MINOR_VERSION


def bar(report):
    return report.page.get_by_role("search")


def search(report, query):
    report.page.keyboard.press("/")
    report.page.get_by_label("Search", exact=True).fill(query)
    report.page.wait_for_timeout(250)


def found(report):
    """The nodes that are marked in the code."""
    report.page.wait_for_timeout(300)  # what is out of sight is painted when the browser is idle
    return report.evaluate(
        "[...new Set([...document.querySelectorAll('.code .found')].map(cell => Number(cell.dataset.n)))]"
    )


def count(report):
    return bar(report).locator(".found-count").inner_text()


def test_a_query_is_counted_marked_and_walked_and_escape_gives_the_focus_back(open_report):
    report = open_report("plausible")
    report.page.locator(".code").focus()
    search(report, "gap > 0.5")
    wanted = [node for node in report.trace.main.tolist() if report.trace.nodes.gap[node] > 0.5]
    assert len(wanted) > 3
    assert found(report) == wanted
    assert (count(report), report.selected()) == (f"{len(wanted)} matches", -1)
    report.page.keyboard.press("Enter")
    assert (count(report), report.selected()) == (f"1 of {len(wanted)}", wanted[0])
    report.page.keyboard.press("Shift+Enter")
    assert (count(report), report.selected()) == (f"{len(wanted)} of {len(wanted)}", wanted[-1])
    bar(report).get_by_role("button", name="Next match").click()
    assert report.selected() == wanted[0]
    assert report.address == report.url + f"#n={wanted[0]}&q=gap%20%3E%200.5"
    report.page.keyboard.press("Escape")
    assert bar(report).count() == 0
    assert report.evaluate("document.activeElement.className") == "code"
    assert (found(report), report.address) == ([], report.url + f"#n={wanted[0]}")


def test_text_is_found_across_tokens_and_stays_text_for_the_browser(open_report):
    report = open_report("plausible")
    whole = report.program_text()
    tokens = report.trace.main.tolist()
    pair = next(
        (a, b)
        for a, b in itertools.pairwise(tokens)
        if re.fullmatch(rb" ?\w+", report.trace.token_bytes(a)) and re.fullmatch(rb"[\w(]+", report.trace.token_bytes(b))
    )
    text = b"".join(map(report.trace.token_bytes, pair)).decode().strip()
    search(report, f'"{text}"')
    assert set(pair) <= set(found(report))
    assert report.program_text() == whole


def test_an_error_is_one_sentence_and_no_match_is_said(open_report):
    report = open_report("plausible")
    search(report, "gap >")
    assert bar(report).locator(".search-hint").inner_text() == "After gap > stands a number; quotes make it text."
    assert report.page.get_by_label("Search", exact=True).get_attribute("aria-invalid") == "true"
    report.page.get_by_label("Search", exact=True).fill("/(a+)+b/")
    expect(bar(report).locator(".search-hint")).to_contain_text("take for ever")
    report.page.get_by_label("Search", exact=True).fill("no such text <b>")
    expect(bar(report).locator(".found-count")).to_have_text("no match")
    assert bar(report).get_by_role("button", name="Next match").is_disabled()
    assert "gap > 1" in bar(report).locator(".search-hint").inner_text()


def test_the_address_opens_the_bar_and_back_and_forward_return(open_report):
    report = open_report("plausible", fragment="#q=rank%20%3E%201")
    wanted = [node for node in report.trace.main.tolist() if report.trace.nodes.rank[node] > 1]
    assert (found(report), report.selected(), count(report)) == (wanted, -1, f"{len(wanted)} matches")
    search(report, "rank = 2")
    report.page.keyboard.press("Enter")
    selected = report.selected()
    assert selected >= 0
    report.page.go_back()
    assert (report.selected(), report.address) == (-1, report.url + "#q=rank%20%3D%202")
    report.page.go_forward()
    assert report.selected() == selected
    report.page.keyboard.press("Escape")
    assert bar(report).count() == 0
    report.page.go_back()
    expect(bar(report)).to_be_visible()
    assert report.page.get_by_label("Search", exact=True).input_value() == "rank = 2"


def test_escape_in_the_code_clears_the_selection_first_and_then_the_search(open_report):
    report = open_report("plausible", fragment="#n=40&q=a")
    report.page.keyboard.press("Escape")
    assert (report.selected(), bar(report).count()) == (-1, 1)
    report.page.keyboard.press("Escape")
    assert (bar(report).count(), report.address) == (0, report.url)


def test_the_strip_shows_the_matches(open_report):
    report = open_report("plausible", color_scheme="light")
    violet = """() => { const c = document.querySelector('#strip canvas'), { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
      let n = 0; for (let i = 0; i < data.length; i += 4) n += data[i] === 0x8a && data[i + 1] === 0x2b && data[i + 2] === 0xb8; return n; }"""
    search(report, "origin:output")
    report.page.wait_for_timeout(150)
    assert report.evaluate(violet) > 5 * len(report.trace.output)


def test_branches_syntax_and_outcomes_are_searched_where_they_stand(open_report):
    report = open_report(synthetic_traces.decided())
    search(report, "outcome:calls")
    assert found(report)
    forks = report.evaluate(
        "[...new Set([...document.querySelectorAll('.code .fork')].map(cell => Number(cell.dataset.n)))]"
    )
    assert set(found(report)) <= set(forks)
    report.page.get_by_label("Search", exact=True).fill("kind:identifier")
    report.page.wait_for_timeout(250)
    report.page.keyboard.press("Enter")
    expect(report.page.locator("#token")).to_contain_text("identifier")
    branch = report.trace.branches
    first, size = int(branch.first[0]), int(branch.count[0])
    text = (
        b"".join(map(report.trace.token_bytes, range(first, first + size))).decode(errors="replace").split("\n")[0].strip()
    )
    report.page.get_by_label("Search", exact=True).fill(f'branch:"{text}"')
    report.page.wait_for_timeout(250)
    assert set(found(report)) <= set(forks)
    assert found(report)


def test_another_path_is_searched_anew(open_report):
    report = open_report("branching", fragment="#q=origin:output")
    everything = found(report)
    assert everything == report.trace.output.tolist()
    report.evaluate("location.hash = 'b=0&q=origin:output'")
    expect(bar(report).locator(".found-count")).not_to_have_text(f"{len(everything)} matches")
    assert int(report.trace.branches.first[0]) in found(report)


def test_twenty_thousand_tokens_are_searched_while_one_types(open_report):
    report = open_report(synthetic_traces.large(20_000))
    report.page.keyboard.press("/")
    took = report.evaluate("""() => { const input = document.querySelector('.query'), before = performance.now();
      input.value = 'e';
      input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
      return performance.now() - before; }""")
    assert took < 2500
    assert re.fullmatch(r"1 of [\d,]{5,}", count(report))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_search(open_report, scheme):
    report = open_report(add_structure(synthetic_traces.branching()), color_scheme=scheme, bypass_csp=True)
    for query in ("gap > 0.1", "gap >", ""):
        search(report, query)
        assert violations(report) == [], query
    search(report, "e")
    report.page.keyboard.press("Enter")
    report.page.set_viewport_size({"width": 390, "height": 800})
    assert violations(report) == [], "on a phone"
    box = report.page.locator(".t.selected").first.bounding_box()
    assert box["y"] >= bar(report).bounding_box()["y"] + bar(report).bounding_box()["height"]


def test_single_keys_can_be_turned_off_and_stay_off(open_report):
    report = open_report("plausible")
    report.page.keyboard.press("?")
    report.page.get_by_label("Single keys act").uncheck()
    report.page.keyboard.press("Escape")
    for key in ("n", "/", "t", "2", "ArrowRight"):
        report.page.keyboard.press(key)
    assert (report.selected(), report.address, bar(report).count()) == (-1, report.url, 0)
    report.page.locator(".code").focus()
    report.page.keyboard.press("ArrowRight")
    assert report.selected() >= 0
    report.page.keyboard.press("n")
    assert report.selected() == report.trace.output[0]
    report.page.keyboard.press("Escape")
    assert report.selected() == -1
    report.page.wait_for_timeout(500)  # the browser stores it in its own time
    report.page.reload()
    report.page.wait_for_selector("body.interactive")
    report.page.keyboard.press("n")
    assert report.selected() == -1
    report.page.keyboard.press("?")
    report.page.get_by_label("Single keys act").check()
    report.page.keyboard.press("Escape")
    expect(report.page.get_by_role("dialog")).to_have_count(0)
    report.page.keyboard.press("n")
    assert report.selected() >= 0


@pytest.mark.parametrize("case", ["plausible", "hostile_branches", "empty"])
def test_the_recording_can_be_saved_as_it_was(open_report, tmp_path, case):
    report = open_report(case)
    report.page.get_by_text("About this recording").click()
    with report.page.expect_download() as waiting:
        report.page.get_by_role("button", name="save the recording").click()
    assert waiting.value.suggested_filename.endswith(".tsc")
    path = tmp_path / "saved.tsc"
    waiting.value.save_as(path)
    assert Trace.load(path).payload == report.trace.payload
    assert np.frombuffer(path.read_bytes(), "<u2", 2, 8).tolist() == [MAJOR_VERSION, MINOR_VERSION]
    report.incidents[:] = [one for one in report.incidents if not one.startswith("request blob:")]
