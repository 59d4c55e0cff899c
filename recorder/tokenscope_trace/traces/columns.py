"""Columns: numpy arrays to filtered bytes and back. Pure functions; FORMAT.md defines the filters.

Knows nothing of tables or files. `unpack` trusts nothing that it is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.errors import CorruptTrace

COLUMN_DTYPES = frozenset({"|u1", "<u2", "<u4", "<i4", "<i8", "<f4", "<f8"})
FILTERS = frozenset({"parent", "delta", "shuffle"})

Array = NDArray[Any]
Floats = NDArray[np.float32]
Indices = NDArray[np.int32]


def frozen(values: Array, dtype: str) -> Array:
    """The values as an array of this dtype that nobody writes to: themselves where nobody can, else a copy."""
    array = np.asarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.copy() if array is values or array.base is not None else array
        array.setflags(write=False)
    return array


def rows_of_ranges(first: Array, count: Array) -> NDArray[np.int64]:
    """The rows of the ranges that begin at `first` and have `count` each, one range after the other."""
    counts = count.astype(np.int64)
    rows: NDArray[np.int64] = np.arange(int(counts.sum())) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    return rows


def pack_column(values: Array, filters: tuple[str, ...]) -> bytes:
    """Filtered bytes of a one-dimensional array of a dtype in DTYPES."""
    array = np.ascontiguousarray(values)
    for name in filters:
        if name == "parent":
            array = np.arange(len(array), dtype=array.dtype) - array
        elif name == "delta":
            array = np.diff(array, prepend=array.dtype.type(0))
        elif name == "shuffle":
            return _shuffle(array)
        else:
            raise ValueError(f"unknown filter {name}")
    return array.tobytes()


def unpack_column(data: bytes, dtype: str, filters: tuple[str, ...], rows: int, name: str) -> Array:
    """Array of shape (rows,) from filtered bytes; `name` names the column in errors.

    Raises CorruptTrace where dtype, filters or the number of bytes break the format.
    """
    if dtype not in COLUMN_DTYPES:
        raise CorruptTrace(f"column {name} has the unknown dtype {dtype[:20]!a}.")
    kind = np.dtype(dtype)
    if len(data) != rows * kind.itemsize:
        raise CorruptTrace(f"column {name} has {len(data)} bytes where {rows} rows of {dtype} need {rows * kind.itemsize}.")
    _check_filters(filters, kind, name)
    if "shuffle" in filters:
        array = np.frombuffer(data, np.uint8).reshape(kind.itemsize, rows).T.copy().reshape(-1).view(kind)
    else:
        array = np.frombuffer(data, kind).copy()
    with np.errstate(over="ignore"):
        for filter_name in reversed([entry for entry in filters if entry != "shuffle"]):
            array = np.cumsum(array, dtype=kind) if filter_name == "delta" else np.arange(rows, dtype=kind) - array
    return array


def _check_filters(filters: tuple[str, ...], kind: np.dtype[Any], name: str) -> None:
    unknown = [entry for entry in filters if entry not in FILTERS]
    if unknown:
        raise CorruptTrace(f"column {name} uses the unknown filter {unknown[0][:20]!a}.")
    if len(set(filters)) != len(filters) or ("shuffle" in filters and filters[-1] != "shuffle"):
        raise CorruptTrace(f"column {name} repeats a filter, or shuffles before another one.")
    if ("delta" in filters and kind.kind not in "iu") or ("parent" in filters and kind.str != "<i4"):
        raise CorruptTrace(f"column {name} applies an integer filter to {kind.str}.")


def _shuffle(array: Array) -> bytes:
    """Byte 0 of every value, then byte 1 of every value, and so on."""
    return array.view(np.uint8).reshape(len(array), array.dtype.itemsize).T.tobytes()
