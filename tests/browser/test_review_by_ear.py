"""The whole task of a review, by keyboard and by what assistive technology is told: roles, names and announcements, nothing else."""

from dataclasses import dataclass

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.reports.pull_request import decision_comment
from tokenscope_trace.reports.review import make_review


@dataclass(frozen=True)
class Heard:
    role: str
    name: str
    focused: bool


class Listener:
    """What a screen reader has: Chromium's accessibility tree."""

    def __init__(self, report):
        self.page = report.page
        self.session = report.page.context.new_cdp_session(report.page)

    def tree(self):
        nodes = self.session.send("Accessibility.getFullAXTree")["nodes"]
        return [
            Heard(
                node["role"]["value"],
                node.get("name", {}).get("value", ""),
                any(one["name"] == "focused" and one["value"].get("value") for one in node.get("properties", [])),
            )
            for node in nodes
            if not node.get("ignored")
        ]

    def names(self, role):
        return [heard.name for heard in self.tree() if heard.role == role]

    def focus(self):
        focused = [heard for heard in self.tree() if heard.focused and heard.role not in ("RootWebArea", "WebArea")]
        return focused[-1] if focused else Heard("", "", True)

    def announced(self):
        """The text of the one live region."""
        nodes = self.session.send("Accessibility.getFullAXTree")["nodes"]
        regions = [node for node in nodes if node.get("role", {}).get("value") == "status"]
        assert len(regions) == 1
        inside = {child for node in regions for child in node["childIds"]}
        return " ".join(node["name"]["value"] for node in nodes if node["nodeId"] in inside and "name" in node)

    def press(self, key):
        self.page.keyboard.press(key)
        self.page.wait_for_timeout(60)

    def walk_to(self, key, wanted, limit=40):
        """Press a key until what has the focus is what is looked for."""
        for _ in range(limit):
            self.press(key)
            if wanted(self.focus()):
                return self.focus()
        raise AssertionError(f"{key} did not lead there in {limit} steps")


@pytest.fixture
def heard(open_report):
    return Listener(open_report(synthetic_traces.decided(), permissions=["clipboard-read", "clipboard-write"]))


def test_a_review_from_opening_to_the_copied_comment(heard):
    found = make_review(synthetic_traces.decided())
    decision = found.decisions[0]
    option = next(one for one in decision.options if one.branch >= 0)

    # The page opens: what it is, and the decisions as headings.
    headings = heard.names("heading")
    assert "The output passes the check" in headings[0]
    cards = [name for name in headings if name.startswith("Decision ")]
    assert len(cards) == len(found.decisions)
    assert f"line {decision.line}" in cards[0]

    # The first decision is said, with what was written.
    heard.press("j")
    said = heard.announced()
    assert said.startswith(f"Decision 1 of {len(found.decisions)}: line {decision.line}")
    assert decision.written.strip() in said

    # Its first explored alternative, with its outcome and its probability in the name.
    link = heard.walk_to("Tab", lambda focus: focus.role == "link" and option.outcome in focus.name)
    assert option.percent in link.name
    assert option.text.strip() in link.name
    assert "Comparison" not in heard.names("region")
    heard.press("Enter")
    assert "Comparison" in heard.names("region")
    assert heard.focus().role == "link", "the focus stays where the reader is"

    # And the comment.
    heard.walk_to("Shift+Tab", lambda focus: focus.role == "button" and focus.name == "Copy decision 1 as a review comment")
    heard.press("Enter")
    assert heard.announced() == "Decision 1 copied."
    assert heard.page.evaluate("navigator.clipboard.readText()") == decision_comment(decision)


def test_every_control_that_the_tab_key_reaches_has_a_name(heard):
    seen = []
    for _ in range(120):
        heard.press("Tab")
        focus = heard.focus()
        if not focus.role:
            break
        seen.append(focus)
    assert len(seen) > 20
    assert [focus for focus in seen if not focus.name.strip()] == []
