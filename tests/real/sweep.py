"""The sweep over real recordings: about 40 tasks of HumanEval and questions of a chat, every explored option judged by ast alone.

Prints each option that is not what is reported of it, the table of reported classes against judged ones, and the share of right ones.
Recordings are kept, so that a sweep that was interrupted goes on where it was, and one that is repeated only judges. Exit code 1 where a
"does not parse" or a "same" is wrong. Use: make test-real, or python tests/real/sweep.py [NAME...] for some of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.real.judge import Judged, false_alarms, judge, share_right, table
from tests.real.recordings import Setting, chat, human_eval, recorded
from tests.support.real_models import NotMade

WITH_STOPS = (0, 2, 8, 13, 16, 23, 24, 28, 31, 41, 44, 45, 53, 62, 83, 97)  # and to the end of the function, as is usual
STOPS_ALONE = (2, 11, 18, 23, 36, 45, 53, 59, 97)
WITHOUT_STOPS = (4, 7, 21, 47, 51, 55)
TO_THE_LIMIT = (34, 46, 53)
QUESTIONS = {
    "largest": "Write a Python function that returns the largest number in a list. Answer with code only.",
    "even": "Write a Python function that returns the even numbers of a list.",
    "palindrome": "Write a Python function `is_palindrome(s)`. Explain it in one sentence.",
    "factorial": "Write a recursive Python function for the factorial of n.",
    "words": "Count how often each word occurs in a text, in Python.",
    "reverse": "How do I reverse a string in Python? Show a function.",
}


def settings() -> Iterator[Setting]:
    """The recordings of the sweep."""
    for number in WITH_STOPS:
        yield human_eval(number)
    for number in STOPS_ALONE:
        yield human_eval(number, name=f"he{number:03}-stops", until="text")
    for number in WITHOUT_STOPS:
        yield human_eval(number, name=f"he{number:03}-function", stop=())
    for number in TO_THE_LIMIT:
        yield human_eval(number, name=f"he{number:03}-runs-on", stop=(), until="text")
    yield human_eval(35, name="he035-blank-lines", stop=("\n\n\n",), until="text")
    for name, message in QUESTIONS.items():
        yield chat(f"chat-{name}", message, max_new_tokens=160)


def main(names: list[str]) -> int:
    """The exit code."""
    found: list[Judged] = []
    try:
        for setting in settings():
            if names and setting.name not in names:
                continue
            judged = judge(recorded(setting))
            found += judged
            print(f"{setting.name}: {len(judged)} options, {sum(one.is_right for one in judged)} right", flush=True)
            print(*(f"    {one}\n" for one in judged if not one.is_right), sep="", end="", flush=True)
    except NotMade as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what was recorded is kept, and the next run goes on from there.", file=sys.stderr)
        return 130
    print("", table(found), share_right(found) + f"; {len(false_alarms(found))} false alarms.", sep="\n")
    return 1 if false_alarms(found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
