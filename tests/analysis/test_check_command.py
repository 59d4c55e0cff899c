"""Whether a check's command can be run: real shells, interpreters and tools that miss something, and programs that only look like it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

import pytest

from tokenscope_trace.analysis.check_command import fault_afterwards, fault_beforehand, names_file
from tokenscope_trace.analysis.checks import NotRun, check_programs
from tokenscope_trace.settings import CheckSettings
from tokenscope_trace.traces.schema import CheckResult

PYTHON = f"{shlex.quote(sys.executable)} -I -S"


def judged(command, program=b"print(1)\n", name="merge.py", **settings):
    """What a check comes to: a result, or the reason why it could not be run."""
    try:
        (found,) = check_programs([program], name, CheckSettings(command, 30.0, **settings))
    except NotRun as error:
        return str(error)
    return found.result


def test_whether_the_command_names_the_file():
    assert names_file("cat {file}")
    assert not names_file("cat {} {File} file")


BEFORE = {
    "a command that is not there": ("no-such-command {file}", "there is no command “no-such-command”"),
    "behind a variable": ("SEED=1 no-such-command {file}", "“no-such-command”"),
    "behind a negation": ("! no-such-command {file}", "“no-such-command”"),
    "in brackets": ("(no-such-command {file}; true)", "“no-such-command”"),
    "in braces": ("{ no-such-command {file}; }", "“no-such-command”"),
    "in a condition": ("if no-such-command {file}; then true; fi", "“no-such-command”"),
    "in a pipeline": ("no-such-command {file} | tail -1", "“no-such-command”"),
    "quoted": ("'no such command' {file}", "there is no command “no such command”"),
    "with its output away": ("no-such-command {file} 2>/dev/null", "“no-such-command”"),
    "behind what it reads": ("</dev/null no-such-command {file}", "“no-such-command”"),
    "a relative path": ("./judge.sh {file}", "there is no file “./judge.sh”; the check runs in a temporary folder"),
    "a relative path below": ("tools/judge {file}", "--check-folder"),
    "a whole path to nothing": ("/no/such/judge {file}", "there is no file “/no/such/judge”"),
    "a folder": ("/usr {file}", "“/usr” is a folder"),
    "not executable": (f"{__file__} {{file}}", "cannot be executed; chmod +x"),
    "an unfinished quotation": ("echo 'unfinished {file}", "the shell cannot read the command ("),
    "an unfinished condition": ("if true; then python3 {file}", "the shell cannot read the command ("),
    "a stray bracket": ("python3 {file})", "the shell cannot read the command ("),
}


@pytest.mark.parametrize("case", BEFORE)
def test_what_is_known_beforehand(case):
    command, says = BEFORE[case]
    assert says in fault_beforehand(command, None)


@pytest.mark.parametrize(
    "command",
    [
        "true {file}",
        f"{PYTHON} {{file}}",
        "cat {file} | no-such-command",  # what stands behind is told when it runs
        "no-such-command {file} || python3 {file}",
        "judge() { true; }; judge {file}",
        "for each in {file}; do true; done",
        'case x in x) true;; esac; "$JUDGE" {file}',
        "PATH=/no/such:$PATH no-such-command {file}",
        "$(command -v cat) {file}",
        "~/judge {file}",
        "{file}",
        "# only a comment {file}\ntrue",
        "[ -s {file} ]",
        ": > out && test -e {file}",
    ],
)
def test_what_may_be_right_is_left_to_the_shell(command):
    assert fault_beforehand(command, None) == ""


def test_in_a_folder_relative_paths_are_its_own(tmp_path):
    judge = tmp_path / "tools" / "judge"
    judge.parent.mkdir()
    judge.write_text("#!/bin/sh\n")
    assert "chmod +x" in fault_beforehand("tools/judge {file}", str(tmp_path))
    judge.chmod(0o755)
    assert fault_beforehand("tools/judge {file}", str(tmp_path)) == ""
    assert fault_beforehand("./tools/judge", str(tmp_path)) == ""
    assert fault_beforehand("tools/other", str(tmp_path)) == "there is no file “tools/other”"


def test_a_virtual_environment_of_a_folder_is_not_in_its_copy(tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    shutil.copy("/bin/true", tmp_path / ".venv" / "bin" / "python")
    assert "write its whole path" in fault_beforehand(".venv/bin/python -m pytest", str(tmp_path))
    assert fault_beforehand(f"{tmp_path}/.venv/bin/python -m pytest", str(tmp_path)) == ""


RUNS = {
    "in the middle": "true; no-such-command {file}",
    "at the end of a pipeline": "cat {file} | no-such-command",
    "at its beginning, where the pipeline ends well": "cat {file} > all; ./no-such-judge all | cat",
    "whose message nobody sees": "cat {file} && no-such-command {file} >/dev/null 2>&1",
    "behind a folder that is not there": "cd no-such-project && python3 {file}",
    "input that is not there": "python3 {file} < no-such-input",
    "output that has no place": "python3 {file} > no-such-folder/out",
    "a file to be sourced": "true && . no-such/activate && python3 {file}",
    "exec": "exec ./no-such-judge {file}",
    "env": "env SEED=1 no-such-command {file}",
    "timeout": "timeout 5 no-such-command {file}",
    "nice": "nice no-such-command {file}",
    "xargs": "echo {file} | xargs no-such-command",
    "a shell in a shell": "sh -c 'no-such-command \"$0\"' {file}",
    "bash in a shell": "bash -c 'no-such-command \"$0\"' {file}",
    "a script of sh": "sh no-such-judge.sh {file}",
    "a script of bash": "bash no-such-judge.sh {file}",
    "a script of Python": f"{PYTHON} no-such-judge.py {{file}}",
    "a script of Python, below": f"{PYTHON} tests/no_such_judge.py {{file}}",
    "a module of Python": f"{PYTHON} -m no_such_module {{file}}",
    "a script of node": "node no-such-judge.js {file}",
    "a script of perl": "perl no-such-judge.pl {file}",
    "a target of make": "make no-such-target FILE={file}",
    "the program, which nobody made executable": "true && {file}",
    "a file that a tool reads": "cat {file} no-such-cases.txt",
}


@pytest.mark.parametrize("case", RUNS)
def test_what_shows_when_it_runs(case):
    found = judged(RUNS[case])
    assert isinstance(found, str), found
    assert any(word in found for word in ("no-such", "no_such", "merge.py: Permission denied")), found
    assert "/tmp" not in found


@pytest.mark.parametrize("case", ["behind a folder that is not there", "a script of Python, below", "a file to be sourced"])
def test_of_a_relative_path_it_says_what_helps(case):
    assert ("--check-folder" in judged(RUNS[case])) is ("no-such-project" not in RUNS[case])


VERDICTS = {
    "a status of its own": (f"{PYTHON} {{file}}", b"raise SystemExit(127)", "a.py"),
    "a file that it misses itself": (f"{PYTHON} {{file}}", b"open('no-such-file')", "a.py"),
    "a file of the command that it takes for one": (f"{PYTHON} {{file}} out.txt", b"open('out.txt')", "a.py"),
    "a module that it misses": (f"{PYTHON} {{file}}", b"import no_such_module", "a.py"),
    "words like those of a shell": (
        f"{PYTHON} {{file}} merge",
        b"import sys; sys.exit('sh: 1: merge: not found')",
        "a.py",
    ),
    "a command that it misses": ("bash {file}", b"no-such-command", "a.sh"),
    "the same, sourced": (". {file}", b"no-such-command", "a.sh"),
    "an interpreter that it names": ("chmod +x {file} && {file}", b"#!/no/such/interpreter\n", "a.sh"),
    "a signal": (f"{PYTHON} {{file}}", b"import os; os.abort()", "a.py"),
    "no number where one is due": (f'test "$({PYTHON} {{file}})" -eq 3', b"print('three')", "a.py"),
    "another output": (f"{PYTHON} {{file}} > out && grep -q 42 out", b"print(41)", "a.py"),
    "code that does not parse": (f"{PYTHON} {{file}}", b"def (", "a.py"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_what_a_program_does_is_a_verdict(case):
    command, program, name = VERDICTS[case]
    assert judged(command, program, name) is CheckResult.FAIL


@pytest.mark.parametrize(
    "command",
    ["no-such-command {file} || true", "cd no-such-folder || true; cat {file}", "true; no-such {file} || cat {file}"],
)
def test_what_the_command_itself_provides_for_is_no_fault(command):
    assert judged(command) is CheckResult.PASS


def test_an_interpreter_that_the_limit_of_memory_does_not_let_begin():
    said = "python3: error while loading shared libraries: libc.so.6: failed to map segment from shared object"
    where = {"name": "me", "folder": "/", "file": "/merge.py", "is_temporary": True}
    fault = fault_afterwards("python3 /merge.py", 127, [said], **where)
    assert fault is not None
    assert (fault.reason, fault.certain) == (said, False)


def test_every_shell_s_words_are_known():
    """What other shells say than the one of this machine."""
    said = {
        "dash": ["me: 1: no-such: not found", "me: 1: cd: can't cd to no-such", "me: 1: cannot open no-such: No such file"],
        "bash": ["me: line 1: no-such: command not found", "me: line 3: no-such: No such file or directory"],
        "busybox": ["me: line 0: no-such: not found", "me: line 0: can't open no-such: no such file"],
        "ksh": ["me: line 1: no-such: not found"],
    }
    for lines in said.values():
        for line in lines:
            where = {"name": "me", "folder": "/", "file": "/merge.py", "is_temporary": True}
            fault = fault_afterwards("cat no-such {file}", 1, [line], **where)
            assert fault is not None, line
            assert fault.certain
            assert "no-such" in fault.reason


def test_nothing_is_left_of_what_is_asked_beforehand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fault_beforehand("touch made; echo $(touch made) > made {file}", None)
    assert os.listdir(tmp_path) == []
