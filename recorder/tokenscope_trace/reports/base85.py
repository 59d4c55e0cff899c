"""Our own script and style as a page carries them: base85 around gzip, six percent shorter than base64. viewer/boot.js reads it.

A recording stays in base64, which browsers decode by themselves.
"""

from __future__ import annotations

import base64

from zopfli import gzip

_ITERATIONS = 5  # more gain nothing
# Python's digits in their order, and ours: the characters from ( to ~ without < and >, all of which HTML takes as text.
_DIGITS = bytes.maketrans(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    bytes(code for code in range(40, 127) if code not in b"<>"),
)


def packed(text: str) -> str:
    """ASCII text, compressed, as ASCII text that stands in a template element as it is."""
    return encoded(gzip.compress(text.encode("ascii"), numiterations=_ITERATIONS))


def encoded(data: bytes) -> str:
    """Any bytes. Five digits are four bytes, the highest first; of the last group as many digits as are needed."""
    return base64.b85encode(data).translate(_DIGITS).decode("ascii")
