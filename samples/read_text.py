import os


def read_text(path, encoding="utf-8"):
    """Return the text of a file.

    Raise ValueError if the path is not a file.
    """