"""The decisions: cards beside the code, numbers in its margin, their keys and addresses, what is copied, who can read them."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.test_accessibility import violations
from tests.support import synthetic_traces

from tokenscope_trace import Trace
from tokenscope_trace.reports.pull_request import decision_comment
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.traces.schema import OUTCOME_WORDS

SAMPLE = Path(__file__).parents[2] / "samples" / "merge.tsc"


@pytest.fixture(scope="module")
def trace():
    return synthetic_traces.decided()


@pytest.fixture(scope="module")
def found(trace):
    return make_review(trace)


def plain(text):
    return re.sub(r"\s+", " ", text).strip()


def card(report, number):
    return report.page.locator(f"#d{number}")


def choice(report, number, place):
    """A row of a card: 0 is what was written, 1 the first option."""
    return card(report, number).locator(".choice").nth(place)


def current(report):
    return [element.get_attribute("id") for element in report.page.locator(".card[aria-current]").all()]


def test_the_page_opens_on_the_cards_and_they_say_all_that_was_found(open_report, trace, found):
    report = open_report(trace)
    page = report.page
    assert report.evaluate("document.querySelector('main aside').contains(document.querySelector('main h2'))")
    heading = page.locator(".panel h2").first
    assert plain(heading.inner_text()).lower() == "decisions 10 of 34"
    assert heading.bounding_box()["y"] < page.locator(".code").bounding_box()["y"] + 100
    assert page.locator("h1").inner_text() == found.checks[0]
    assert page.title().startswith("✓ ")
    head = page.locator(".verdict")
    assert "10 of 34 decisions shaped this code most." in head.inner_text()
    assert "The check printed 4 passed" in plain(head.inner_text())
    assert page.locator(".card").count() == len(found.decisions)
    for decision in found.decisions:
        text = plain(card(report, decision.number).inner_text())
        remark = decision.remark.replace("“", "").replace("”", "")
        for words in (f"line {decision.line}", decision.where, decision.written, decision.percent, plain(remark)):
            assert words in text
        for place, option in enumerate(decision.options, 1):
            row = plain(choice(report, decision.number, place).inner_text())
            outcome = option.outcome if option.branch >= 0 else "not explored"
            note = f"{option.note}:" if option.note else ""
            against = f"against {option.against_percent} of {option.against_text}" if decision.is_elsewhere(option) else ""
            parts = (note, plain(option.text), outcome, option.check, plain(against), option.percent)
            assert row == " ".join(filter(None, parts))
        assert ("coin flip" in text) == decision.coin_flip
    overview = plain(page.locator("#overview").inner_text())
    for sentence in (found.unexplored, *found.checks[1:]):
        assert sentence in overview
    assert page.locator(".stack, #overview .shares").count() == 0, "hardly anything was explored"


def test_bars_are_as_long_as_what_they_stand_for(open_report, trace):
    card_report = open_report(trace)
    gauge = card(card_report, 1).locator(".gauge").first
    assert gauge.locator("hr").bounding_box()["width"] / gauge.bounding_box()["width"] == pytest.approx(0.412, abs=0.01)
    sample = Trace.load(SAMPLE)
    found = make_review(sample)
    assert len(found.shares) > 3
    report = open_report(sample)
    words = [plain(text) for text in report.page.locator(".shares li").all_inner_texts()]
    assert words == [plain(f"{share.label} {share.percent}") for share in found.shares]
    overview = plain(report.page.locator("#overview").inner_text())
    for sentence in (f"hold {found.explored} of the probability of all", "says nothing about what is right"):
        assert sentence in overview
    shares = report.evaluate("[...document.querySelectorAll('.stack hr')].map(bar => bar.getBoundingClientRect().width)")
    room = sum(shares)
    for share, width in zip(found.shares, shares, strict=True):
        assert width / room == pytest.approx(share.share, abs=0.02)


def test_those_about_taste_stand_below_a_heading_and_are_quieter(open_report, trace):
    report = open_report(trace)
    tops = [report.page.locator(".thin").bounding_box()["y"], card(report, 8).bounding_box()["y"]]
    assert card(report, 7).bounding_box()["y"] < tops[0] < tops[1]
    ground = "number => getComputedStyle(document.querySelector(`#d${number} .badge`)).backgroundColor"
    assert report.evaluate(ground, 1) != report.evaluate(ground, 8)


def test_numbers_stand_beside_their_lines_and_open_their_cards(open_report, trace, found):
    report = open_report(trace)
    for decision in found.decisions:
        badge = report.page.locator(".code").get_by_role("button", name=f"Decision {decision.number}", exact=True)
        assert badge.evaluate("badge => badge.closest('.line').dataset.line") == str(decision.line)
        badge.click()
        assert (current(report), report.selected()) == ([f"d{decision.number}"], decision.node)
        assert report.address == f"{report.url}#d{decision.number}"
        expect(badge).to_have_attribute("aria-current", "true")
        assert report.page.locator(f'.t[data-n="{decision.node}"].decided').count() == 1
    assert report.page.locator(".code .badge[aria-current]").count() == 1


def test_the_numbers_are_no_part_of_what_is_copied(open_report, trace):
    report = open_report(trace)
    copied = report.evaluate("""() => {
        getSelection().selectAllChildren(document.querySelector('.code'));
        const event = new ClipboardEvent('copy', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
        document.querySelector('.code').dispatchEvent(event);
        return event.clipboardData.getData('text/plain');
    }""")
    assert copied == trace.text(trace.main, special=False).decode()


def test_j_and_k_walk_the_decisions_and_say_them(open_report, trace, found):
    report = open_report(trace)
    for decision in (*found.decisions, found.decisions[0]):
        report.page.keyboard.press("j")
        assert (current(report), report.selected()) == ([f"d{decision.number}"], decision.node)
        spoken = plain(report.page.locator("#live").inner_text())
        assert spoken.startswith(f"Decision {decision.number} of 10: line {decision.line}")
        parts = (
            decision.written,
            "written",
            decision.check,
            decision.remark.replace("“", "").replace("”", ""),
            decision.percent,
        )
        assert spoken.endswith(plain(" ".join(filter(None, parts))))
        token = report.page.locator(".t.selected").first.bounding_box()
        assert 0 < token["y"] < 800
    report.page.keyboard.press("k")
    assert current(report) == ["d10"]
    report.page.keyboard.press("ArrowRight")
    assert report.selected() == found.decisions[9].node + 1, "the arrows still walk the code"
    assert current(report) == ["d10"]


def test_k_begins_with_the_last_one_and_escape_shows_all_again(open_report, trace):
    report = open_report(trace)
    report.page.keyboard.press("k")
    assert current(report) == ["d10"]
    expect(card(report, 1)).to_be_hidden()
    report.page.keyboard.press("Escape")
    assert (current(report), report.selected(), report.address) == ([], -1, report.url)
    expect(card(report, 1)).to_be_visible()
    expect(card(report, 10)).to_be_in_viewport()
    report.page.locator("#d10 a").first.click()
    report.page.get_by_role("button", name="show all").click()
    assert current(report) == []


def test_an_open_card_shows_what_changes_and_the_token_below(open_report, trace, found):
    report = open_report(trace)
    expect(card(report, 1).locator(".change").first).to_be_visible()  # one is open from the beginning
    expect(card(report, 2).locator(".change").first).to_be_hidden()
    report.page.keyboard.press("j")
    lines = card(report, 1).locator(".change").first.inner_text().rstrip("\n").split("\n")
    assert lines == [f"{line.sign} {line.text}" for line in found.decisions[0].options[0].diff]
    token, opened = report.page.locator("#token").bounding_box(), card(report, 1).bounding_box()
    assert token["y"] >= opened["y"] + opened["height"]


def test_the_cards_stay_within_reach_of_any_token(open_report, trace):
    report = open_report(trace, fragment="#n=60")
    pager = report.page.get_by_role("navigation", name="Decisions by number")
    expect(pager).to_be_visible()
    pager.get_by_role("link", name="Decision 3").click()
    assert current(report) == ["d3"]
    expect(pager.locator("[aria-current]")).to_have_text("3")


def test_an_address_opens_a_decision_and_one_of_its_alternatives(open_report, trace, found):
    report = open_report(trace, fragment="#d3")
    assert (current(report), report.selected()) == (["d3"], found.decisions[2].node)
    assert report.page.locator(".panel").evaluate("panel => panel.scrollTop") == 0
    option = found.decisions[1].options[0]
    report = open_report(trace, fragment=f"#d2&b={option.branch}&diff=1")
    assert (current(report), report.selected()) == (["d2"], option.node)
    expect(choice(report, 2, 1)).to_have_attribute("aria-current", "true")
    expect(report.page.locator("#diff")).to_be_visible()
    report = open_report(trace, fragment="#d99")
    assert (current(report), report.selected(), report.incidents) == ([], -1, [])


def test_an_alternative_opens_its_branch_compared_and_what_was_written_leads_back(open_report, trace, found):
    report = open_report(trace, fragment="#m=entropy")
    option = found.decisions[0].options[0]
    choice(report, 1, 1).click()
    assert report.address == f"{report.url}#d1&b={option.branch}&m=entropy&diff=1"
    assert (current(report), report.selected()) == (["d1"], option.node)
    expect(report.page.locator("#diff")).to_be_visible()
    expect(report.page.locator(".diff-head")).to_contain_text("other control flow")
    expect(report.page.locator(".crumb[aria-current]")).to_contain_text("other control flow")
    expect(report.page.locator(".choice[aria-current]")).to_have_count(1)
    report.page.keyboard.press("c")
    badges = report.evaluate("[...document.querySelectorAll('.code .badge')].map(badge => Number(badge.dataset.d))")
    assert set(badges) == {decision.number for decision in found.decisions if decision.node <= found.decisions[0].node}
    choice(report, 1, 0).click()
    assert report.address == f"{report.url}#d1&m=entropy"
    expect(report.page.locator("#code")).to_be_visible()
    expect(choice(report, 1, 0)).to_have_attribute("aria-current", "true")


def test_the_history_leads_back_and_forth(open_report, trace):
    report = open_report(trace)
    page = report.page
    page.keyboard.press("j")
    page.keyboard.press("j")
    choice(report, 2, 2).click()
    addresses = ["", "#d1", "#d2", "#d2&b=1&diff=1"]
    assert report.address == report.url + addresses[3]
    for address in addresses[2::-1]:
        page.go_back()
        assert report.address == report.url + address
        assert current(report) == ([address[1:]] if address else [])
    page.go_forward()
    assert current(report) == ["d1"]


def test_what_was_not_explored_leads_nowhere(open_report, trace):
    report = open_report(trace)
    row = choice(report, 1, 2)
    assert "not explored" in row.inner_text()
    row.click()
    assert (report.address, current(report)) == (report.url, [])


def test_copy_puts_the_review_comment_on_the_clipboard(open_report, trace, found):
    report = open_report(trace, permissions=["clipboard-read", "clipboard-write"])
    for decision in (found.decisions[1], found.decisions[9]):
        report.page.get_by_role("button", name=f"Copy decision {decision.number} as a review comment").click()
        expect(report.page.locator("#live")).to_have_text(f"Decision {decision.number} copied.")
        assert report.evaluate("navigator.clipboard.readText()") == decision_comment(decision)
    assert current(report) == []


def test_the_keyboard_alone_opens_an_alternative_and_copies(open_report, trace, found):
    report = open_report(trace, permissions=["clipboard-read", "clipboard-write"])
    press = report.page.keyboard.press
    press("j")
    for _ in range(3):  # copy, what was written, the first alternative
        press("Tab")
    assert report.evaluate("document.activeElement.getAttribute('href')") == "#d1&b=0&diff=1"
    press("Enter")
    assert report.address == f"{report.url}#d1&b=0&diff=1"
    press("Shift+Tab")
    press("Shift+Tab")
    press("Enter")
    expect(report.page.locator("#live")).to_have_text("Decision 1 copied.")
    assert report.evaluate("navigator.clipboard.readText()") == decision_comment(found.decisions[0])


def test_without_scripts_the_cards_are_complete(open_report, trace, found):
    report = open_report(trace, java_script_enabled=False)
    text = plain(report.page.locator("#decisions").inner_text())
    for decision in found.decisions:
        for words in (decision.written, *(option.outcome for option in decision.options)):
            assert plain(words) in text
        for line in decision.options[0].diff:
            assert plain(line.text) in text
    report.page.locator("#d2 a").first.click()
    assert report.page.get_by_role("button").count() == 0, "nothing that would do nothing"
    assert report.page.locator("#code").is_visible()


def test_on_a_phone_the_cards_come_first_and_an_open_one_is_a_sheet(open_report, trace, found):
    report = open_report(trace, viewport={"width": 390, "height": 844}, has_touch=True)
    places = {part: report.page.locator(part).bounding_box()["y"] for part in ("#decisions", ".work", "#overview")}
    assert list(places) == sorted(places, key=places.get)
    choice(report, 2, 0).click()
    assert report.selected() == found.decisions[1].node
    sheet = report.page.locator(".panel").bounding_box()
    assert sheet["y"] + sheet["height"] == pytest.approx(844, abs=1)
    token = report.page.locator(".t.selected").first.bounding_box()
    assert 0 <= token["y"] < sheet["y"] - token["height"]
    expect(card(report, 2)).to_be_in_viewport()
    report.page.get_by_role("button", name="show all").click()
    expect(card(report, 1)).to_be_visible()


def test_on_paper_there_are_the_cards_and_the_code(open_report, trace):
    for shown, fragment in ((trace, ""), (trace, "#d2"), (Trace.load(SAMPLE), "")):
        report = open_report(shown, fragment=fragment)
        report.page.emulate_media(media="print")
        chart = [".stack"] if shown is not trace else ["#d10"]
        for part in ("#d1", "#d2", ".code", *chart, ".marks .badge"):
            assert report.page.locator(part).first.is_visible(), part
        assert not report.page.locator(".copy").first.is_visible()


def test_hostile_texts_stay_text(open_report):
    trace = synthetic_traces.hostile_decisions()
    for scripts in (True, False):
        report = open_report(trace, java_script_enabled=scripts)
        for number, decision in enumerate(make_review(trace).decisions, 1):
            assert plain(decision.written) in plain(card(report, number).inner_text())
        assert report.page.locator("img, svg, base, iframe, object, link:not([rel=icon]), form").count() == 0
        if scripts:
            for number in (1, 2, 3, 4):
                report.page.keyboard.press("j")
                choice(report, number, 1).click()
                assert current(report) == [f"d{number}"]
                assert card(report, number).locator(".markdown").evaluate("e => e.textContent") == (
                    decision_comment(make_review(trace).decisions[number - 1])
                )


def test_a_recording_that_looked_and_found_none_says_so(open_report):
    plausible = synthetic_traces.plausible()
    report = open_report(plausible.replaced({**plausible.run, "decisions": {"found": 0}}, {}))
    assert "None was found" in report.page.locator("#overview").inner_text()
    assert report.page.locator(".places a").first.is_visible()
    report.page.keyboard.press("j")
    expect(report.page.locator("#live")).to_have_text("No decisions were recorded.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_report, trace, scheme):
    report = open_report(trace, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    assert violations(report) == [], "the cards"
    for view in ("d1", "d2&b=1&diff=1", "d9&b=7", "n=60", "d1&tree=1"):
        report.evaluate("view => { location.hash = view; }", view)
        assert violations(report) == [], view
    report.page.set_viewport_size({"width": 390, "height": 800})
    assert violations(report) == [], "on a phone"
    report.page.keyboard.press("Escape")
    assert violations(report) == [], "the cards, on a phone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_without_the_viewer(open_report, trace, scheme):
    def later_format(html):
        return html.replace('data-format="1"', 'data-format="9"')

    report = open_report(trace, color_scheme=scheme, bypass_csp=True, edit=later_format, boots=False)
    assert violations(report) == []


def test_the_viewer_and_the_review_use_the_same_words(open_report, trace, found):
    report = open_report(trace)
    for decision in found.decisions:
        for place, option in enumerate(decision.options, 1):
            if option.branch < 0:
                continue
            choice(report, decision.number, place).click()
            words = OUTCOME_WORDS[int(trace.outcomes.outcome[option.branch])][1]
            assert report.page.locator(".crumb[aria-current] .led-to").inner_text() == words
            assert option.outcome.startswith(words)
            report.page.keyboard.press("Escape")


def test_many_decisions_on_one_line_do_not_cover_its_number(open_report, trace):
    tables = trace._contents.tables["decisions"]
    nodes = [58, 61, 63, 65]  # all on one line
    moved = {**tables, "node": tables["node"].copy()}
    moved["node"][: len(nodes)] = nodes
    report = open_report(trace.replaced(trace.run, {"decisions": moved}))
    right = max(
        badge.bounding_box()["x"] + badge.bounding_box()["width"] for badge in report.page.locator(".marks .badge").all()
    )
    line = report.page.locator(".line").first.bounding_box()["x"]
    assert right <= line + 16 + 40 - 24, "three digits fit beside them"


@pytest.mark.parametrize("name", ["merge", "stack", "greeting"])
def test_a_number_in_the_margin_stands_on_the_line_that_its_card_names(open_report, name):
    trace = Trace.load(Path(__file__).parents[2] / "samples" / f"{name}.tsc")
    report = open_report(trace)
    lines = report.evaluate(
        "[...document.querySelectorAll('.marks .badge')].map(one => [one.dataset.d, one.closest('.line').dataset.line])"
    )
    found = make_review(trace)
    assert {int(number): int(line) for number, line in lines} == {one.number: one.line for one in found.decisions}
