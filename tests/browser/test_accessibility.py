"""What axe-core finds, and what a screen reader hears."""

import re
from pathlib import Path

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.analysis.structure import add_structure

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


RULES = """axe.run(document, { resultTypes: ['violations'] }).then(result => result.violations.map(found =>
    `${found.impact} ${found.id}: ${found.nodes.slice(0, 3).map(n => n.target + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`))"""


def violations(report):
    report.page.wait_for_timeout(150)
    if not report.evaluate("'axe' in window"):
        report.page.evaluate(AXE.read_text(encoding="utf-8"))
    return report.evaluate(RULES)


@pytest.mark.parametrize(
    ("case", "scheme"),
    [
        *(("plausible", "light"), ("plausible", "dark"), ("sampled", "light"), ("sampled", "dark")),
        *(("hostile", "light"), ("empty", "dark"), ("fill_in_the_middle", "dark")),
    ],
)
def test_axe_finds_nothing(open_report, case, scheme):
    report = open_report(case, color_scheme=scheme, bypass_csp=True)
    assert violations(report) == []
    report.page.keyboard.press("?")
    assert violations(report) == [], "the help"
    report.page.keyboard.press("Escape")
    report.page.keyboard.press("d")
    for node in (0, 8):
        report.evaluate("node => { location.hash = `n=${node}`; }", node)
        assert violations(report) == [], f"token {node}"
    report.page.set_viewport_size({"width": 400, "height": 800})
    assert violations(report) == [], "on a phone"


@pytest.mark.parametrize(("case", "scheme"), [("branching", "light"), ("branching", "dark"), ("hostile_branches", "light")])
def test_axe_finds_nothing_on_branches(open_report, case, scheme):
    report = open_report(case, color_scheme=scheme, bypass_csp=True)
    first = int(report.trace.branches.first[0])
    for view in (f"b=0&n={first}", "b=0&tree=1", "b=0&diff=1", f"b=0&n={first}&diff=1&tree=1"):
        report.evaluate("view => { location.hash = view; }", view)
        assert violations(report) == [], view
    report.page.locator("#instead-text").fill("x")
    report.page.get_by_role("tree").press("ArrowDown")
    assert violations(report) == [], "the command, and the tree in use"
    report.page.set_viewport_size({"width": 390, "height": 800})
    assert violations(report) == [], "on a phone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_scored_code_and_layers(open_report, scheme):
    report = open_report(synthetic_traces.changed(), color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    assert violations(report) == [], "the list of files"
    for view in ("f=1&changed=1", "n=60&lens=1&m=settled", "n=0&lens=1&changed=1"):
        report.evaluate("view => { location.hash = view; }", view)
        assert violations(report) == [], view
    report.page.set_viewport_size({"width": 390, "height": 800})
    assert violations(report) == [], "on a phone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_summary_of_scored_code(open_report, scheme):
    def later_format(html):
        return html.replace('data-format="1"', 'data-format="9"')

    report = open_report(synthetic_traces.changed(), color_scheme=scheme, bypass_csp=True, edit=later_format, boots=False)
    assert violations(report) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_attention(open_report, scheme):
    report = open_report(synthetic_traces.looking(synthetic_traces.branching()), color_scheme=scheme, bypass_csp=True)
    for view in ("n=60&a=1", "n=60&a=1&r=1&s=1&l=2&h=1", "n=0&a=1", "n=60&a=1&s=1&x=1"):
        report.evaluate("view => { location.hash = view; }", view)
        assert violations(report) == [], view
    report.page.get_by_role("grid").first.press("ArrowDown")
    assert violations(report) == [], "the lines in use"
    report.page.set_viewport_size({"width": 390, "height": 800})
    assert violations(report) == [], "on a phone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_structure(open_report, scheme):
    report = open_report(add_structure(synthetic_traces.branching()), color_scheme=scheme, bypass_csp=True)
    for view in ("syntax=1&n=60", "syntax=1&span=statement&by=max&ranked=1&m=probability", "syntax=1&b=0"):
        report.evaluate("view => { location.hash = view; }", view)
        assert violations(report) == [], view
    report.evaluate("location.hash = 'syntax=1'")
    report.page.get_by_role("treegrid").press("Enter")
    report.page.set_viewport_size({"width": 390, "height": 800})
    assert violations(report) == [], "in use, on a phone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_summary(open_report, scheme):
    def later_format(html):
        return html.replace('data-format="1"', 'data-format="9"')

    report = open_report("plausible", color_scheme=scheme, bypass_csp=True, edit=later_format, boots=False)
    assert violations(report) == []


def test_a_selection_is_spoken_once_and_politely(open_report):
    report = open_report("plausible")
    report.page.keyboard.press("n")
    live = report.page.locator("#live")
    assert live.get_attribute("aria-live") == "polite"
    assert re.fullmatch(r".+, surprisal \d+\.\d\d bits, line \d+, output", live.inner_text().replace("\u00a0", " "))
    assert report.page.locator("[aria-live]").count() == 1


def test_the_code_is_one_stop_for_the_tab_key(open_report):
    report = open_report("plausible")
    report.page.locator('.t[data-n="40"]').first.click()
    assert report.evaluate("document.activeElement.className") == "code"
    assert (
        report.evaluate("document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).dataset.n")
        == "40"
    )
    assert report.page.locator(".code [tabindex]").count() == 0


def test_the_tab_key_reaches_everything_in_the_order_of_the_page(open_report):
    report = open_report("plausible", fragment="#n=40")
    report.evaluate("document.activeElement.blur()")
    visited = []
    for _ in range(12):
        report.page.keyboard.press("Tab")
        visited.append(report.evaluate("document.activeElement.textContent.slice(0, 24) || document.activeElement.value"))
    text = " / ".join(visited)
    assert text.index("Skip to the code") < text.index("theme") < text.index("surprisal") < text.index("copy link")


def test_the_arrows_choose_a_metric_while_the_choice_has_the_focus(open_report):
    report = open_report("plausible")
    report.page.locator("input[name=metric]:checked").focus()
    report.page.keyboard.press("ArrowRight")
    assert report.evaluate("document.querySelector('input[name=metric]:checked').value") == "entropy"
    assert report.selected() == -1


def test_those_who_want_less_motion_get_none(open_report):
    report = open_report("plausible", reduced_motion="reduce")
    assert report.evaluate("getComputedStyle(document.querySelector('.jump')).transitionDuration") == "0s"


def test_the_skip_link_leads_to_the_code_and_keeps_the_view(open_report):
    report = open_report("plausible", fragment="#n=40&m=entropy")
    report.page.locator(".skip").focus()
    report.page.keyboard.press("Enter")
    assert report.evaluate("document.activeElement.id") == "code"
    assert report.selected() == 40
    report.page.keyboard.press("ArrowRight")
    assert report.selected() == 41
    assert report.address == report.url + "#n=41&m=entropy"
