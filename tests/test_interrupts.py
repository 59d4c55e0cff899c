"""Signals, sent for real."""

from __future__ import annotations

import os
import signal

import pytest

from tokenscope_trace.interrupts import abortable, stoppable


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_insists(number):
    said = []
    with stoppable(lambda: said.append("stopping")) as should_stop:
        assert not should_stop()
        os.kill(os.getpid(), number)
        assert should_stop()
        assert said == ["stopping"]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_a_signal_aborts_while_there_is_nothing_to_keep():
    with pytest.raises(KeyboardInterrupt), abortable():
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal came too late")


def test_a_signal_that_a_library_swallows_aborts_at_the_end():
    reached = []
    with pytest.raises(KeyboardInterrupt), abortable():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            reached.append("swallowed")
        reached.append("went on")
    assert reached == ["swallowed", "went on"]


def test_the_handlers_of_before_come_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stoppable(lambda: None), abortable():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
