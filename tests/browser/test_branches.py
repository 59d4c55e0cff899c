"""What the model would have written otherwise: switching paths, the way back, what was not recorded."""

import re
import shlex

import pytest
from playwright.sync_api import expect
from tests.support import synthetic_traces

from tokenscope_trace.traces.schema import BranchEnd


def leaf(trace, branch):
    return int(trace.branches.first[branch]) + int(trace.branches.count[branch]) - 1


def path_text(trace, branch):
    last = int(trace.run["main_leaf"]) if branch < 0 else leaf(trace, branch)
    return trace.text(trace.path(last), special=False).decode("utf-8", "replace")


def first(trace, branch):
    return int(trace.branches.first[branch])


def replaced(trace, branch):
    """The token of the main path in whose place the branch begins."""
    return next(int(node) for node in trace.main if trace.nodes.parent[node] == trace.nodes.parent[first(trace, branch)])


def crumbs(report):
    return [text.replace("\u00a0", " ") for text in report.page.locator(".crumb").all_inner_texts()]


def continued(report, text):
    return report.page.locator(".alternatives tr.continued button", has_text=text)


def test_every_branch_has_an_address_and_shows_its_exact_text(open_report):
    report = open_report("branching")
    for branch in [*range(len(report.trace.branches)), -1]:
        report.evaluate("branch => { location.hash = branch < 0 ? '' : `b=${branch}`; }", branch)
        expect(report.page.locator(".crumb[aria-current]")).to_have_count(1)
        expect(report.page.locator(".code .of-branch").first).to_be_visible(visible=branch >= 0)
        assert report.program_text() == path_text(report.trace, branch)


def test_a_click_on_a_continued_alternative_shows_its_branch_and_the_fork_stays(open_report):
    report = open_report("branching")
    trace, page = report.trace, report.page
    fork = replaced(trace, 0)
    page.locator(f'.t[data-n="{fork}"]').first.click()
    before = page.locator(".t.selected").bounding_box()
    kept = page.locator('.t[data-n="4"]').element_handle()
    button = continued(report, "found")
    assert re.fullmatch(
        r"Show the branch with ‘found’, \d+\.\d.%, ends: after 33 tokens, the length that was asked for",
        button.get_attribute("aria-label"),
    )
    button.click()
    assert report.selected() == first(trace, 0)
    assert report.program_text() == path_text(trace, 0)
    assert report.address == f"{report.url}#b=0&n={first(trace, 0)}"
    after = page.locator(".t.selected").bounding_box()
    assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=0.5)
    assert crumbs(report) == ["Main path", "line 6 found (15.0 %)"]
    assert kept is not None
    continued(report, "match").click()
    assert report.selected() == fork
    assert report.program_text() == path_text(trace, -1)


def test_the_fork_stays_where_it_is_in_a_long_text_too(open_report):
    trace = synthetic_traces.large(4000)
    fork = int(trace.output[2000])
    short = synthetic_traces.grow(trace, [synthetic_traces.Twig(fork - 1, [b"other", b"\n"])])
    report = open_report(short, fragment=f"#n={fork}")
    kept = report.page.locator('.block[data-block="0"]').element_handle()
    before = report.page.locator(".t.selected").first.bounding_box()["y"]
    continued(report, "other").click()
    after = report.page.locator(".t.selected").first.bounding_box()["y"]
    assert after == pytest.approx(before, abs=1)
    assert kept.evaluate("block => block.isConnected"), "what both paths share is not drawn again"
    assert report.evaluate("document.querySelector('.t.selected').className").count("b") >= 1


def test_a_link_to_a_branch_shows_where_it_departs(open_report):
    trace = synthetic_traces.large(4000)
    fork = int(trace.output[2000])
    report = open_report(synthetic_traces.grow(trace, [synthetic_traces.Twig(fork - 1, [b"other", b"\n"])]), fragment="#b=0")
    report.page.get_by_text("departs here").wait_for()
    box = report.page.get_by_text("departs here").bounding_box()
    assert 0 < box["y"] < report.page.viewport_size["height"]


def test_where_a_branch_departs_and_ends_is_written_in_the_code(open_report):
    report = open_report("branching")
    reasons = {
        BranchEnd.LENGTH: "the length that was asked for",
        BranchEnd.END_OF_TEXT: "the model ended the text",
        BranchEnd.STOP_STRING: "a stop string",
        BranchEnd.REJOINED: "says the same",
        BranchEnd.CONTEXT: "context was full",
        BranchEnd.NODES: "budget",
        BranchEnd.CUT: "cut short",
        BranchEnd.UNIT: "the unit that the prompt began is complete",
        BranchEnd.REPEATS: "repeats itself",
    }
    seen = set()
    for branch, end in enumerate(report.trace.branches.end.tolist()):
        report.evaluate("branch => { location.hash = `b=${branch}`; }", branch)
        expect(report.page.locator(".code .note-row").last).to_contain_text(reasons[BranchEnd(end)])
        expect(report.page.locator(".code .note-row").first).to_contain_text("departs here")
        seen.add(end)
    assert seen == set(map(int, BranchEnd))
    report.evaluate("location.hash = 'b=8'")
    expect(report.page.locator(".code .note-row", has_text="departs here")).to_have_count(3)


def test_what_is_copied_of_a_branch_is_its_text_without_notes(open_report):
    report = open_report("branching", fragment="#b=8")
    assert report.page.locator(".code .note-row").count() == 4
    copied = report.evaluate("""() => {
        getSelection().selectAllChildren(document.querySelector('.code'));
        const event = new ClipboardEvent('copy', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
        document.querySelector('.code').dispatchEvent(event);
        return event.clipboardData.getData('text/plain');
    }""")
    assert copied == path_text(report.trace, 8)


def test_the_command_never_prints_what_a_terminal_would_act_upon(open_report):
    report = open_report("hostile_branches")
    node = int(report.trace.output[4])
    report.evaluate("node => { location.hash = `n=${node}`; }", node)
    report.page.locator("#instead-text").fill("\x1b[31m\u202e'\n")
    printed = report.page.locator(".command").inner_text()
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert "\n" not in printed
    assert "$'" in printed


def test_from_where_it_rejoins_one_goes_on_on_the_path_it_left(open_report):
    report = open_report("branching", fragment="#b=1")
    report.page.get_by_role("button", name="go there").click()
    assert report.selected() == int(report.trace.branches.rejoined[1])
    assert report.program_text() == path_text(report.trace, -1)


def test_keys_walk_forks_branches_and_the_way_back(open_report):
    report = open_report("branching")
    trace, press = report.trace, report.page.keyboard.press
    forks = sorted({replaced(trace, branch) for branch in (0, 1, 2, 3, 5, 6)})
    walked = []
    for _ in forks:
        press("]")
        walked.append(report.selected())
    assert walked == forks
    press("]")
    assert report.selected() == forks[0]
    press("[")
    assert report.selected() == forks[-1]
    press("]")
    for expected in (first(trace, 0), first(trace, 4), forks[0], first(trace, 0)):
        press("b")
        assert report.selected() == expected
    press("]")
    press("b")
    assert report.selected() == first(trace, 7)
    assert report.program_text() == path_text(trace, 7)
    press("u")
    assert report.program_text() == path_text(trace, 0)
    press("u")
    assert report.selected() == forks[0]
    assert report.program_text() == path_text(trace, -1)
    press("u")
    expect(report.page.locator("#live")).to_have_text("This is the main path.")


def test_the_trail_leads_back_and_the_history_forth(open_report):
    report = open_report("branching", fragment="#b=8")
    trace, page = report.trace, report.page
    assert [text.split(" (")[0] for text in crumbs(report)] == [
        "Main path",
        "line 6 found",
        "line 7 ·is",
        "line 8 ·TypeError",
    ]
    page.locator(".crumb").nth(1).click()
    assert report.program_text() == path_text(trace, 0)
    assert trace.token_bytes(report.selected()) == b":", "what the next branch replaced"
    page.locator(".crumb").first.click()
    assert report.program_text() == path_text(trace, -1)
    page.go_back()
    assert report.program_text() == path_text(trace, 0)
    page.go_back()
    assert report.program_text() == path_text(trace, 8)
    page.go_forward()
    assert report.program_text() == path_text(trace, 0)


def test_an_unknown_branch_is_the_main_path(open_report):
    for fragment in ("#b=99", "#b=-1", "#b=x&n=40"):
        report = open_report("branching", fragment=fragment)
        assert report.program_text() == path_text(report.trace, -1)
        assert crumbs(report) == ["Main path"]


def test_metrics_and_panel_on_a_branch_are_those_of_its_tokens(open_report):
    report = open_report("branching", fragment="#b=0")
    trace = report.trace
    node = first(trace, 0) + 4
    report.page.locator(f'.t[data-n="{node}"]').first.click()
    panel = report.page.locator("#token").inner_text().replace("\u00a0", " ")
    assert f"{trace.nodes.entropy[node]:.2f} bits" in panel
    assert f"branch output 37 of {len(trace.path(leaf(trace, 0))) - len(trace.prompt)}" in panel
    report.page.keyboard.press("ArrowRight")
    assert report.selected() == node + 1


def test_forks_are_marked_in_the_code(open_report):
    report = open_report("branching")
    forks = report.evaluate("[...document.querySelectorAll('.t.fork')].map(cell => Number(cell.dataset.n))")
    assert set(forks) == {replaced(report.trace, branch) for branch in (0, 1, 2, 3, 5, 6)}
    assert "gradient" in report.evaluate("getComputedStyle(document.querySelector('.t.fork')).backgroundImage")


def test_the_explored_share_is_what_the_recorded_continuations_cover(open_report):
    report = open_report("branching")
    trace = report.trace
    node = replaced(trace, 0)
    siblings = [n for n in range(len(trace.nodes)) if trace.nodes.parent[n] == trace.nodes.parent[node]]
    share = sum(float(trace.nodes.probability[n]) for n in siblings)
    for one in siblings:
        report.evaluate("node => { location.hash = `n=${node}`; }", one)
        expect(report.page.locator("#token")).to_contain_text(re.compile(rf"node {one}\b"))
        text = report.page.locator(".explored").inner_text().replace("\u00a0", " ")
        assert f"cover {100 * share:.1f} % of the probability at this token" in text
        assert "not a probability of being right" in text
    report.evaluate("location.hash = 'n=40'")
    expect(report.page.locator(".explored")).to_have_count(0)


def command(report):
    return shlex.split(report.page.locator(".command").inner_text())


def test_an_alternative_that_was_not_recorded_comes_with_its_command(open_report):
    report = open_report("branching", permissions=["clipboard-read", "clipboard-write"])
    trace = report.trace
    node = replaced(trace, 0)
    report.evaluate("node => { location.hash = `n=${node}`; }", node)
    button = report.page.get_by_role("button", name="How to record the branch with").first
    label = button.get_attribute("title")
    button.click()
    position = trace.output.tolist().index(node) + 1
    assert command(report) == [
        "tokenscope-record",
        "parse_duration.py",
        "--force-token",
        f"{position}:{label.split()[1].strip(',')}",
    ]
    expect(report.page.locator(".answer")).to_contain_text("was not recorded here")
    report.page.get_by_role("button", name="copy command").click()
    expect(report.page.locator("#live")).to_have_text("Command copied.")
    assert report.evaluate("navigator.clipboard.readText()") == report.page.locator(".command").inner_text()


def test_text_that_was_not_recorded_comes_with_its_command_also_on_a_branch(open_report):
    report = open_report("branching", fragment="#b=0")
    trace = report.trace
    node = first(trace, 0) + 4
    report.page.locator(f'.t[data-n="{node}"]').first.click()
    report.page.locator("#instead-text").fill("it's\n\t\\d $HOME")
    fork = trace.output.tolist().index(replaced(trace, 0)) + 1
    forced = f"{fork}:{trace.nodes.token_id[first(trace, 0)]},{fork + 4}:it's\\n\\t\\\\d $HOME"
    assert command(report) == ["tokenscope-record", "parse_duration.py", "--force-text", forced]
    report.page.keyboard.press("n")
    assert report.selected() == node, "keys typed into the field are text"


def test_text_that_a_recorded_branch_begins_with_leads_there(open_report):
    report = open_report("branching")
    node = replaced(report.trace, 0)
    report.evaluate("node => { location.hash = `n=${node}`; }", node)
    report.page.locator("#instead-text").fill("foun")
    expect(report.page.locator(".there")).to_have_count(0)
    report.page.locator("#instead-text").fill("found it")
    report.page.locator(".there").click()
    assert report.selected() == first(report.trace, 0)
    assert report.page.locator("#instead-text").input_value() == ""


def test_a_token_of_the_prompt_cannot_be_replaced(open_report):
    report = open_report("branching", fragment="#n=5")
    expect(report.page.locator("#token")).to_contain_text("A token of the prompt cannot be replaced")
    assert report.page.locator("#instead-text").count() == 0
    assert report.page.locator(".alternatives button").count() == 0


def test_without_branches_there_is_no_trail_and_still_the_command(open_report):
    report = open_report("plausible", fragment="#n=40")
    assert not report.page.locator("#trail").is_visible()
    for key in "bucv][":
        report.page.keyboard.press(key)
    assert report.selected() == 40
    report.page.get_by_role("button", name="How to record the branch with").first.click()
    assert command(report)[2] == "--force-token"


def test_hostile_branches_are_shown_and_not_run(open_report):
    report = open_report("hostile_branches")
    trace = report.trace
    report.page.keyboard.press("v")
    for branch in range(len(trace.branches)):
        for node in (first(trace, branch), leaf(trace, branch)):
            report.evaluate("([branch, node]) => { location.hash = `b=${branch}&n=${node}&tree=1&diff=1`; }", [branch, node])
            expect(report.page.locator("#token")).to_contain_text(re.compile(rf"node {node}\b"))
        assert report.program_text() == path_text(trace, branch)
    report.page.locator("#instead-text").fill("<img src=x onerror=alert(1)>")
    assert (
        report.evaluate("document.querySelectorAll('img, svg, base, iframe, object, link:not([rel=icon]), form').length")
        == 0
    )
    assert report.evaluate("document.scripts.length") == 4
