"""The user's own command on programs: real processes, real signals, real limits."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from tokenscope_trace.analysis.checks import CHARACTERS, PRINTED_LINES, Checked, NotRun, check_programs
from tokenscope_trace.session.interrupts import Stop
from tokenscope_trace.settings import CheckSettings
from tokenscope_trace.traces.schema import CheckResult

PYTHON = f"{shlex.quote(sys.executable)} -I -S"
PASS, FAIL, TIME_OUT = CheckResult.PASS, CheckResult.FAIL, CheckResult.TIME_OUT


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where the temporary folders lie, of which every test must leave none."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


class Fifo:
    """Shared by all processes of a command that begins with `hold`; at its end when the last of them is gone."""

    def __init__(self, path):
        os.mkfifo(path)
        self.hold = f"exec 9>{shlex.quote(str(path))}; echo held >&9; "
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def was_held_and_released(self):
        said = b""
        while select.select([self.reader], [], [], 10)[0]:
            chunk = os.read(self.reader, 100)
            if not chunk:
                return said == b"held\n"
            said += chunk
        raise AssertionError("a process of the command still runs")


@pytest.fixture
def fifo(tmp_path):
    fifo = Fifo(tmp_path / "fifo")
    yield fifo
    os.close(fifo.reader)


def check(command, program=b"", name="merge.py", timeout=30.0, memory=2048):
    (checked,) = check_programs([program], name, CheckSettings(command, timeout, memory))
    return checked


def check_python(program, **settings):
    return check(f"{PYTHON} {{file}}", program.encode(), **settings)


def test_a_program_that_ends_well_passes_with_what_it_printed():
    assert check_python("print('fine')") == Checked(PASS, "fine")


def test_a_program_that_raises_fails_with_its_last_line():
    checked = check_python("print('before')\nassert 1 == 2, 'one is not two'")
    assert checked.result is FAIL
    assert checked.output.splitlines()[0] == "before"
    assert checked.output.splitlines()[-1] == "AssertionError: one is not two"


def test_standard_output_and_error_are_in_order():
    assert check("echo 1; echo 2 >&2; echo 3; echo 4 >/dev/stderr; echo 5").output == "1\n2\n3\n4\n5"


def test_a_plain_exit_status_fails_without_a_word():
    assert check("exit 3") == Checked(FAIL, "")


@pytest.mark.parametrize("command", ["kill -SEGV $$", "sh -c 'kill -SEGV $$'; exit $?"])
def test_an_end_by_a_signal_is_told(command):
    checked = check(f"echo before; {command}")
    assert checked.result is FAIL
    assert checked.output.startswith("before\n")
    assert checked.output.splitlines()[-1].startswith(f"Ended by signal {signal.SIGSEGV.value} (")


def reason(command, programs=(b"",), name="merge.py", **settings):
    """Why a command could not be run."""
    with pytest.raises(NotRun) as raised:
        check_programs(list(programs), name, CheckSettings(command, 30.0, 2048, **settings))
    return str(raised.value)


def test_a_program_s_own_status_is_its_verdict_whatever_a_shell_means_by_it():
    checked = check_python("raise SystemExit(127)")
    assert checked == Checked(FAIL, "Ended with 127, which a shell says where there is no such command.")
    assert check_python("raise SystemExit(126)").result is FAIL
    assert check("bash {file}", b"no-such-command\n", "merge.sh").result is FAIL
    assert check("bash {file}", b"cat no-such-file\n", "merge.sh").result is FAIL
    assert check_python("open('data.json')").result is FAIL


def test_an_end_by_the_system_s_killer_fails_and_says_why_that_may_be():
    checked = check_python("import os; os.kill(os.getpid(), 9)")
    assert checked.result is FAIL
    assert checked.output.endswith(f"Ended by signal 9 ({signal.strsignal(9)}), as where the memory is used up.")


def test_a_fault_that_one_run_shows_ends_the_check(tmp_path):
    log = tmp_path / "log"
    command = f"echo run >> {shlex.quote(str(log))}; no-such-command {{file}}"
    assert reason(command, [b"1", b"2"]) == "no-such-command: not found"
    assert log.read_text() == "run\n"


def test_a_fault_that_may_be_the_program_s_needs_all_runs(tmp_path):
    script = tmp_path / "judge.py"
    script.write_text("import sys\nif open(sys.argv[1]).read() == '1': sys.exit(\"can't open file 'cases.txt'\")\n")
    settings = CheckSettings(f"{PYTHON} {shlex.quote(str(script))} {{file}} cases.txt")
    found = check_programs([b"1", b"2", b"1"], "merge.py", settings)
    assert [one.result for one in found] == [FAIL, PASS, FAIL]
    assert "cases.txt" in reason(settings.command, [b"1", b"1"])


def test_after_the_time_limit_children_and_grandchildren_are_gone(fifo):
    checked = check(fifo.hold + "echo begun; sh -c 'trap \"\" TERM; sleep 600 & sleep 600; true'; true", timeout=0.5)
    assert checked == Checked(TIME_OUT, "begun")
    assert fifo.was_held_and_released()


def test_a_command_that_closed_its_output_is_timed_too(fifo):
    assert check(fifo.hold + "exec >&- 2>&-; sleep 600; true", timeout=0.2) == Checked(TIME_OUT, "")
    assert fifo.was_held_and_released()


def test_what_is_left_in_the_background_is_killed(fifo):
    assert check(fifo.hold + "sleep 600 & sh -c 'sleep 600; true' & echo done") == Checked(PASS, "done")
    assert fifo.was_held_and_released()


def test_a_child_in_a_session_of_its_own_is_not_waited_for(tmp_path):
    program = f"""
import subprocess
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
child.returncode = 0
print("left it")
"""
    try:
        assert check_python(program) == Checked(PASS, "left it")
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_memory_beyond_the_limit_fails():
    known = subprocess.run(["/bin/sh", "-c", "ulimit -v 500000"], capture_output=True).returncode == 0
    program = "block = bytearray({} << 20)\nprint('had it')"
    assert check_python(program.format(100), memory=512) == Checked(PASS, "had it")
    above = check_python(program.format(1000), memory=512)
    assert above.result is (FAIL if known else PASS)
    assert above.output.endswith("MemoryError" if known else "had it")


def test_no_file_grows_without_bound():
    program = "file = open('large', 'wb')\nfile.truncate({} << 20)\nprint('wrote it')"
    assert check_python(program.format(100)) == Checked(PASS, "wrote it")
    assert check_python(program.format(2000)).result is FAIL


def test_equal_programs_run_once(tmp_path):
    log = tmp_path / "log"
    done = []
    results = check_programs(
        [b"one", b"two", b"one", b"two", b"one"],
        "merge.py",
        CheckSettings(f"cat {{file}} | tee -a {shlex.quote(str(log))}"),
        on_done=lambda *count: done.append(count),
    )
    assert [checked.output for checked in results] == ["one", "two", "one", "two", "one"]
    assert log.read_text() == "onetwo"
    assert done == [(1, 2), (2, 2)]


def test_no_programs_no_runs():
    assert check_programs([], "merge.py", CheckSettings("exit 1")) == []
    assert "no-such-command" in reason("no-such-command", [])


def test_the_program_is_written_byte_for_byte(tmp_path):
    program = bytes(range(256)) + b"\r\n\n"
    copy = tmp_path / "copy"
    assert check(f"cp {{file}} {shlex.quote(str(copy))}", program).result is PASS
    assert copy.read_bytes() == program


ODD = [
    "with space.py",
    "it's.py",
    'quote".py',
    "$(touch x).py",
    "-n.py",
    "ü😀.py",
    "a{b}.py",
    "*.py",
    "a'$(touch x)'.py",
    "`touch x`.py",
    "a;b.py",
]


@pytest.mark.parametrize("name", ["merge.py", "Merge-2_x.tar.gz", *ODD])
@pytest.mark.parametrize(
    "command",
    ["cat {file}", "sh -c 'cat {file}'", 'sh -c "cat {file}"', "eval cat {file}", "cat << EOF\n$(cat {file})\nEOF"],
)
def test_no_shell_reads_anything_in_the_program_s_name(name, command):
    checked = check(f"{command}\nls", b"text\n", name)
    assert checked == Checked(PASS, f"text\n{'program.py' if name in ODD else name}")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x.p y", "x" * 300, "ü" * 150, "a\nb", "a\0b", "\udcff"])
def test_what_is_no_plain_name_becomes_program(name):
    assert check("ls", name=name) == Checked(PASS, "program")


@pytest.mark.parametrize("command", ["sh -c 'cat {file}'", 'sh -c "cat {file}"', "cat << EOF\n{file}\nEOF"])
def test_where_temporary_files_lie_may_be_read_by_a_shell_only_outside_of_quotes(command, tmp_path, monkeypatch):
    (tmp_path / "my temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "my temp"))
    assert check("cat {file}", b"text\n").output == "text"
    with pytest.raises(NotRun, match="stands within quotes"):
        check(command, b"text\n")


def test_file_may_occur_several_times_and_other_braces_are_left_alone():
    checked = check("cat {file} {file}; echo {} {0} {name} ${HOME:+x} '{{file}}' %s", b"text\n")
    assert checked.output.splitlines() == ["text", "text", "{} {0} {name} x {merge.py} %s"]


@pytest.mark.parametrize(("program", "result"), [(b"x\n", PASS), (b"y\n", FAIL)])
def test_a_pipeline_and_what_follows_it(program, result):
    assert check("cat {file} | grep -q x && true", program).result is result
    assert check("grep -q x {file} && true", program).result is result


def test_the_command_runs_in_the_folder_with_the_users_environment(monkeypatch):
    monkeypatch.setenv("TOKENSCOPE_TEST", "from outside")
    command = 'test "$PWD" = "$TMPDIR" && test {file} = "$PWD/merge.py" && test -f merge.py && echo "$TOKENSCOPE_TEST"'
    assert check(command) == Checked(PASS, "from outside")


def test_standard_input_is_empty_whatever_ours_is():
    ours, (reader, writer) = os.dup(0), os.pipe()
    os.dup2(reader, 0)
    try:
        assert check("cat && echo end", timeout=5) == Checked(PASS, "end")
    finally:
        os.dup2(ours, 0)
        for each in (ours, reader, writer):
            os.close(each)


def test_what_was_printed_and_not_yet_read_at_the_end_is_not_lost():
    settings = CheckSettings("echo printed; sleep 600; true", timeout=0.1)
    assert check_programs([b""], "merge.py", settings, should_stop=lambda: bool(time.sleep(0.5))) == [
        Checked(TIME_OUT, "printed")
    ]


def test_of_much_output_the_end_is_kept():
    checked = check_python("for i in range(500_000): print('line', i)\nprint('the end')")
    assert checked.output.splitlines() == [*(f"line {i}" for i in range(500_001 - PRINTED_LINES, 500_000)), "the end"]


def test_of_a_long_line_the_end_is_kept():
    checked = check_python("print('x' * 10_000_000 + 'the end')")
    assert len(checked.output) == CHARACTERS
    assert checked.output.endswith("xthe end")


def test_a_word_on_the_end_is_within_the_bounds():
    checked = check("yes xxxxxxxxxxxxxxxxxxxxxxxx | head -1000; kill -KILL $$")
    assert len(checked.output.splitlines()) == PRINTED_LINES
    assert checked.output.splitlines()[-1].startswith("Ended by signal 9 (")


def test_endless_output_is_ended_in_time():
    assert check("yes", timeout=0.3) == Checked(TIME_OUT, "\n".join("y" * PRINTED_LINES))


def test_output_becomes_plain_text():
    program = rb"""import sys
sys.stdout.buffer.write(
    b"\x1b[1;31mred\x1b[0m \x1b]8;;file://myhost/secret\x1b\\link\x1b]8;;\x1b\\ \x1b]0;title\x07\x1b(Bcharset\x1b[K\n"
    b"invalid \xff\xfe, f\xc3\xbcr \xe2\x98\x83\n1%\r2%\r\nbell\x07 nul\x00 backspace\x08\ttab  \n\n\n"
)"""
    checked = check_python(program.decode())
    assert checked.output.splitlines() == [
        "red link charset",
        "invalid ��, für ☃",
        "1%",
        "2%",
        "bell nul backspace\ttab",
    ]


def test_paths_of_the_temporary_folder_and_of_the_home_do_not_leak(temporary, tmp_path, monkeypatch):
    link = tmp_path / "link"
    link.symlink_to(temporary)
    monkeypatch.setattr(tempfile, "tempdir", str(link))
    monkeypatch.setenv("HOME", str(tmp_path))
    program = f"""import os
print(__file__, os.path.realpath(__file__), os.getcwd(), os.environ["TMPDIR"] + ":", sep="|")
print({str(tmp_path)!r}, {str(tmp_path)!r} + "/project/x.py", "-I" + {str(tmp_path)!r} + ".", {str(tmp_path)!r} + "a")
raise ValueError"""
    checked = check_python(program)
    assert checked.output.splitlines() == [
        "merge.py|merge.py||:",
        f"… x.py -I…. {tmp_path.name}a",
        "Traceback (most recent call last):",
        '  File "merge.py", line 4, in <module>',
        "    raise ValueError",
        "ValueError",
    ]


@pytest.mark.parametrize("home", ["/", ""])
def test_a_home_that_is_everywhere_replaces_nothing(home, monkeypatch):
    monkeypatch.setenv("HOME", home)
    assert check("echo 1/2 /usr/bin").output == "1/2 bin"


def test_a_wish_to_stop_ends_the_running_command(fifo):
    command = CheckSettings(fifo.hold + f"kill -INT {os.getpid()}; sleep 600; true", timeout=600)
    should_stop = Stop(lambda: None)
    with should_stop.listening():
        assert check_programs([b"1", b"2"], "merge.py", command, should_stop=should_stop) == [None, None]
    assert fifo.was_held_and_released()


def test_a_wish_to_stop_between_runs_keeps_what_is_done(tmp_path):
    done = []
    command = CheckSettings("cat {file}")
    results = check_programs(
        [b"1", b"2", b"1"], "merge.py", command, should_stop=lambda: bool(done), on_done=lambda *count: done.append(count)
    )
    assert results == [Checked(PASS, "1"), None, Checked(PASS, "1")]
    assert done == [(1, 2)]


def test_an_insisting_user_leaves_nothing_behind(fifo):
    command = CheckSettings(
        fifo.hold + f"for i in 1 2; do kill -INT {os.getpid()}; sleep 0.2; done; sleep 600; true", timeout=600
    )
    with Stop(lambda: None).listening(), pytest.raises(KeyboardInterrupt):
        check_programs([b"1"], "merge.py", command)
    assert fifo.was_held_and_released()


def test_folders_that_the_program_locked_are_removed():
    assert check("mkdir -p a/b && touch a/b/c && chmod 0 a/b a").result is PASS


def test_without_a_temporary_folder_the_error_says_so(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "missing"))
    assert "No such file or directory" in reason("true")


def test_a_command_that_the_system_refuses_is_an_error():
    assert "Argument list too long" in reason("true " + "x" * 10_000_000)
