"""Two recordings: side by side, and whether one repeats the other.

In: two Traces. Out: what differs, in numbers, in words, as a page or as JSON. Runs no model.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.comparison.agreement import Agreement, find_agreement
    from tokenscope_trace.comparison.page import comparison_page
    from tokenscope_trace.comparison.side_by_side import SideBySide, compare
    from tokenscope_trace.comparison.verdict import differences_json, verdict_lines
else:
    __getattr__ = exports(__name__, __file__)

__all__ = ["Agreement", "SideBySide", "compare", "comparison_page", "differences_json", "find_agreement", "verdict_lines"]
