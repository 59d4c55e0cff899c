"""Signals as a terminal leaves them: what starts the tests may ignore some (`nohup`, a job in the background), and children inherit that."""

import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def signals_of_a_terminal():
    ignored = [one for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM) if signal.getsignal(one) is signal.SIG_IGN]
    for one in ignored:
        signal.signal(one, signal.default_int_handler if one is signal.SIGINT else signal.SIG_DFL)
    yield
    for one in ignored:
        signal.signal(one, signal.SIG_IGN)
