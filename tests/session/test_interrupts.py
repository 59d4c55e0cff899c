"""Signals, sent for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tokenscope_trace.session.interrupts import Insisted, Stop, abortable

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_the_second_breaks_off_and_the_third_insists(number):
    said = []
    stop = Stop(lambda: said.append("stopping"))
    with stop.listening():
        assert not stop()
        send(number)
        assert stop()
        assert said == ["stopping"]
        with pytest.raises(KeyboardInterrupt):
            send(number)
        for _ in range(2):
            with pytest.raises(Insisted):
                send(number)
    assert said == ["stopping"]


def test_what_is_sheltered_is_broken_off_at_its_end():
    stop, reached = Stop(lambda: None), []
    with stop.listening():
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), stop.shelter():
            with stop.shelter():
                send(signal.SIGTERM)
                reached.append("inside")
            reached.append("still inside")
        assert reached == ["inside", "still inside"]
        with stop.shelter():
            reached.append("once")
        with pytest.raises(Insisted), stop.shelter():
            send(signal.SIGINT)


def test_insisting_is_no_error_that_a_stage_could_catch():
    assert not issubclass(Insisted, Exception | KeyboardInterrupt)


def test_a_signal_aborts_while_there_is_nothing_to_keep():
    with pytest.raises(KeyboardInterrupt), abortable():
        send(signal.SIGTERM)
        raise AssertionError("the signal came too late")


def test_a_signal_that_a_library_swallows_aborts_at_the_end():
    reached = []
    with pytest.raises(KeyboardInterrupt), abortable():
        try:
            send(signal.SIGINT)
        except KeyboardInterrupt:
            reached.append("swallowed")
        reached.append("went on")
    assert reached == ["swallowed", "went on"]


def test_the_handlers_of_before_come_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Stop(lambda: None).listening(), abortable():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_under_nohup_a_recording_outlives_its_terminal():
    code = (
        "import os, signal\n"
        "from tokenscope_trace.session.interrupts import Stop\n"
        "stop = Stop(lambda: None)\n"
        "with stop.listening():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    print(stop())\n"
    )
    done = subprocess.run(["nohup", sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
