import re


def parse_duration(text):
    """Return the number of seconds in a string such as 90s, 15m or 1h30m.

    Raise ValueError if the string is not valid.
    """
