"""What a program's function gives for the calls that its tests make: a verdict of each call, without the verdicts of a check.

Runs the program, with the rights of whoever runs the benchmark, in a process of its own that is ended after some seconds.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence

_TIMEOUT = 20.0  # seconds, of all calls of one program
_CALLS = 40
_RUN = """
import contextlib, io, json, sys
program, function, calls = json.load(sys.stdin)
found, space = [], {"__name__": "program"}
out, sys.stdout = sys.stdout, io.StringIO()
try:
    exec(compile(program, "program", "exec"), space)
except BaseException as error:
    found = ["!" + type(error).__name__] * len(calls)
else:
    for call in calls:
        try:
            arguments, named = eval(call, {})
            found.append(type(value := space[function](*arguments, **named)).__name__ + " " + repr(value))
        except BaseException as error:
            found.append("!" + type(error).__name__)
out.write(json.dumps([one[:200] for one in found]))
"""


def calls_of(tests: str, function: str) -> list[str]:
    """The different calls of a function in its tests whose arguments are written out, each as the source of `(arguments, named)`."""
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(tests)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (function, "candidate"):
            try:
                arguments = tuple(ast.literal_eval(argument) for argument in node.args)
                named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
            except ValueError:
                continue
            found[repr((arguments, named))] = None
    return list(found)[:_CALLS]


def values(program: str, function: str, calls: Sequence[str]) -> tuple[str, ...]:
    """What each call gives: the type and the value, or `!` and the type of what it raised; of a program that does not end, `!time`."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", _RUN],
                input=json.dumps([program, function, list(calls)]),
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
                cwd=folder,
            )
            return tuple(json.loads(done.stdout))
        except subprocess.TimeoutExpired:
            return ("!time",) * len(calls)
        except ValueError:
            return ("!ended",) * len(calls)
