import runpy
from pathlib import Path

from tokenscope_trace.analysis.uncertainty import UNCERTAIN
from tokenscope_trace.traces.columns import COLUMN_DTYPES
from tokenscope_trace.traces.schema import OUTCOME_WORDS, SURPRISAL_EDGES, Outcome

ROOT = Path(__file__).parent.parent
SCRIPT = runpy.run_path(str(ROOT / "recorder" / "viewer_schema.py"))


def test_the_viewer_has_the_names_and_numbers_of_the_format():
    assert SCRIPT["PLACE"].read_text(encoding="utf-8") == SCRIPT["written"](), "make schema"


def test_every_type_of_column_and_every_outcome_is_told():
    assert set(SCRIPT["_ARRAYS"]) == COLUMN_DTYPES
    assert list(OUTCOME_WORDS) == list(Outcome)


def test_what_is_uncertain_begins_where_a_colour_does():
    assert UNCERTAIN in SURPRISAL_EDGES
