from hypothesis import given
from hypothesis import strategies as st
from tests.support.base85_text import base85_decoded

from tokenscope_trace.reports import base85


@given(st.binary(max_size=40))
def test_all_bytes_come_back(data):
    assert base85_decoded(base85.encoded(data)) == data


@given(st.binary(max_size=200))
def test_html_reads_it_as_text(data):
    assert not set(base85.encoded(data)) & set("<>&\"'\n\r ")
