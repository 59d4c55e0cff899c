"""The command line itself, as a process: files, exit codes, signals, terminals."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace import Trace
from tokenscope_trace.cli.record_command import main
from tokenscope_trace.reports.reporters import REPORTERS

PROMPT = 'def mean(values):\n    """The arithmetic mean."""\n'
COMMAND = [sys.executable, "-m", "tokenscope_trace.cli.record_command"]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A tiny model on disk, so that the tests do not depend on what the built-in one writes."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny_model(max_position_embeddings=2048).save_pretrained(folder)
    tokenizer = tiny_tokenizers.byte_level(extra=("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"))
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("prompt.py").write_text(PROMPT)
    return tmp_path


def invoke(*words):
    """(exit code, stderr) of the command in this process."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == "" or "--help" in words or "--version" in words
    return result.exit_code, result.stderr


def test_the_readme_s_command_works_as_written(folder):
    done = subprocess.run(
        ["tokenscope-record", "prompt.py", "-o", "trace.tsc", "--max-new-tokens", "12", "--tree-nodes", "150"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HF_HUB_OFFLINE": "0"},
    )
    trace = Trace.load("trace.tsc")
    assert trace.text(trace.prompt) == PROMPT.encode()
    assert 1 <= len(trace.output) <= 12
    assert trace.run["model"]["id"] == "built-in"
    assert trace.run["command"] == [
        *("tokenscope-record", "prompt.py", "--max-new-tokens", "12", "--output", "trace.tsc", "--tree-nodes", "150")
    ]
    assert "tokenscope-html trace.tsc" in done.stderr
    assert "built-in model" in done.stderr
    assert "--model" in done.stderr
    assert done.stdout == ""


def test_a_folder_s_model_with_every_option(folder, model_folder):
    code, said = invoke(
        "prompt.py", "--model", model_folder, "--max-new-tokens", 6, "--temperature", 0.9, "--top-p", 0.9, "--top-k", 30,
        "--min-p", 0.01, "--seed", 3, "--stop", r"\n\ndef", "--stop", "end", "--top-alternatives", 4, "--device", "cpu",
        "--dtype", "bfloat16", "-o", "t.tsc",
    )  # fmt: skip
    assert code == 0, said
    run = Trace.load("t.tsc").run
    assert run["model"]["id"] == "tiny-llama"
    assert run["model"]["dtype"] == "bfloat16"
    assert run["sampling"]["stop"] == ["\n\ndef", "end"]
    assert run["sampling"]["seed"] == 3
    assert run["top_alternatives"] == 4
    assert str(model_folder.parent) not in " ".join(run["command"])


def test_a_tree_with_every_option(folder, model_folder):
    code, said = invoke(
        "prompt.py", "--model", model_folder, "--max-new-tokens", 6, "--temperature", 0, "--tree-nodes", 40, "--tree-width", 2,
        "--tree-depth", 3, "--tree-length", 5, "--tree-extra", 4, "--tree-min-prob", 0.001, "--tree-temperature", 0.7, "--force-token", "2:40,4:41",
        "--force-text", r"3:\n\treturn", "-o", "t.tsc",
    )  # fmt: skip
    assert code == 0, said
    assert "Growing branches of at most 55 tokens in all" in said
    trace = Trace.load("t.tsc")
    assert trace.run["tree"] == {
        "engine": "tree-attention", "width": 2, "depth": 3, "length": 5, "extra": 4, "min_prob": 0.001, "nodes": 40, "temperature": 0.7,
        "seed": 0, "finish": "nodes",
    }  # fmt: skip
    asked = trace.branches.first[trace.branches.asked == 1]
    assert len(asked) == 3
    texts = [
        trace.text(trace.path(int(first + count - 1))) for first, count in zip(asked, trace.branches.count, strict=False)
    ]
    assert any(b"\n\treturn" in text for text in texts)
    command = trace.run["command"]
    assert command[command.index("--force-token") + 1] == "2:40,4:41"
    assert command[command.index("--force-text") + 1] == r"3:\n\treturn"


def test_a_position_that_the_output_cannot_reach_is_refused(folder, model_folder):
    code, said = invoke(
        "prompt.py", "--model", model_folder, "--max-new-tokens", 3, "--tree-nodes", 0, "--force-token", "9:40"
    )
    assert code == 2
    assert "error: " in said
    assert "--max-new-tokens" in said


def test_the_command_in_a_trace_records_it_again(folder, model_folder):
    words = ["prompt.py", "--model", str(model_folder), "--max-new-tokens", "5", "--stop", r"\\n\n", "--tree-nodes", "30"]
    assert invoke(*words, "-o", "a.tsc", "--force-text", r"2:a\\b")[0] == 0
    command = Trace.load("a.tsc").run["command"][1:]
    command[command.index("--model") + 1] = str(model_folder)
    command[command.index("--output") + 1] = "b.tsc"
    assert invoke(*command)[0] == 0
    one, two = Trace.load("a.tsc"), Trace.load("b.tsc")
    assert one.nodes.token_id.tolist() == two.nodes.token_id.tolist()
    assert one.run["sampling"] == two.run["sampling"]


def test_decisions_and_a_check_of_the_user_s_own(folder, model_folder):
    words = ["prompt.py", "--model", model_folder, "--max-new-tokens", 6, "--tree-nodes", 60, "--tree-min-prob", 0]
    command = "grep -c def {file} && test $(pwd) != " + str(folder)
    code, said = invoke(*words, "--stop", "e", "--decisions", 2, "--check", command, "--check-timeout", 30, "-o", "t.tsc")
    assert code == 0, said
    trace = Trace.load("t.tsc")
    assert len(trace.decisions) == 2
    assert trace.run["decisions"]["found"] > 2
    assert len(trace.outcomes) == len(trace.branches) > 0
    assert "decisions  line " in said
    assert trace.run["check"]["command"] == command.replace(str(folder), folder.name), "of paths the last part"
    assert trace.run["check"]["timeout"] == 30
    if len(trace.checks):
        assert "check " in said
        assert trace.run["check"]["outputs"][0] == "1"
    else:
        assert "no program of this recording is finished" in said
    assert {path.name for path in folder.iterdir()} == {"prompt.py", "t.tsc"}
    assert invoke(*words, "--decisions", 0, "-o", "none.tsc")[0] == 0
    assert len(Trace.load("none.tsc").decisions) == 0
    assert len(Trace.load("none.tsc").checks) == 0


SMALL = ("--max-new-tokens", 6, "--tree-nodes", 60, "--tree-min-prob", 0, "--stop", "e")


@pytest.mark.parametrize(
    ("command", "says", "is_known"),
    [
        ("no-such-command {file}", "there is no command “no-such-command”", True),
        ("./judge.sh {file}", "there is no file “./judge.sh”; the check runs in a temporary folder", True),
        ("true && no-such-command {file}", "no-such-command: not found", False),
        ("python3 tests/judge.py {file}", "can't open file 'tests/judge.py'", False),
    ],
)
def test_a_check_that_cannot_be_run_loses_nothing_and_says_so_once(folder, model_folder, command, says, is_known):
    Path("judge.sh").write_text("#!/bin/sh\n")
    for extra in ((), ("-q",)):
        code, said = invoke(
            "prompt.py", "--model", model_folder, *SMALL, "--check", command, "-o", "t.tsc", "--force", *extra
        )
        assert code == 7
        assert said.count("The check cannot be run: ") == is_known
        assert f"The check {'cannot' if is_known else 'could not'} be run: " in said.replace("\n", " ")
        assert says in " ".join(said.split())
        assert "fails" not in said
    if is_known:
        assert said.index("The check cannot be run") == 0, "before the model is loaded"
    trace = Trace.load("t.tsc")
    assert len(trace.output) > 0
    assert len(trace.branches) > 0
    assert len(trace.checks) == 0
    assert says in trace.run["check"]["not_run"]
    assert trace.run["missing"] == [{"stage": "check", "reason": "it could not be run"}]
    for kind in set(REPORTERS) - {"code"}:
        text = REPORTERS[kind].write(trace, "t.html", None)
        assert "could not be run" in text
        assert "fails the check" not in text


def test_the_check_runs_in_a_copy_of_a_project(folder, model_folder):
    project = folder / "shop"
    (project / "src").mkdir(parents=True)
    (project / "src" / "mean.py").write_text(PROMPT)
    (project / "judge.sh").write_text("grep -q 'def mean' src/mean.py\n")
    words = ["--model", model_folder, *SMALL, "--check", "sh judge.sh && rm -r src", "--check-folder"]
    code, said = invoke("shop/src/mean.py", *words, "shop", "-o", "a.tsc")
    assert code == 0, said
    trace = Trace.load("a.tsc")
    assert set(trace.checks.result.tolist()) == {1}
    assert len(trace.checks) > 1
    facts = trace.run["check"]
    assert (facts["folder"], facts["file"]) == ("shop", "src/mean.py")
    assert str(folder) not in repr(trace.run)
    assert sorted(path.name for path in project.rglob("*")) == ["judge.sh", "mean.py", "src"]
    os.chdir(project / "src")
    code, said = invoke("mean.py", *words, "..", "-o", folder / "b.tsc")
    os.chdir(folder)
    assert code == 0, said
    again = Trace.load("b.tsc")
    assert again.run["check"] == facts
    assert again.run["command"][again.run["command"].index("--check-folder") + 1] == ".."
    assert invoke("--replay", "a.tsc", "--model", model_folder, *words[-3:], "shop", "-q")[0] == 0
    code, said = invoke("--replay", "a.tsc", "--model", model_folder, *words[-3:], ".", "-q", "-o", "c.tsc")
    assert code == 7, "judge.sh is not at the top of that folder"


def test_the_check_runs_on_what_the_built_in_model_wrote(folder):
    prompt = Path(__file__).parents[2] / "samples" / "merge.py"
    judge = "import runpy, sys; merge = runpy.run_path(sys.argv[1])['merge']; assert merge({1: 2}, {1: 3}) == {1: 3}"
    code, said = invoke(
        prompt, "--max-new-tokens", 60, "--stop", r"\n\n\n", "--tree-nodes", 700, "-o", "m.tsc", "--check-timeout", 60,
        "--check", f'python3 -c "{judge}" {{file}}',
    )  # fmt: skip
    assert code == 0, said
    trace = Trace.load("m.tsc")
    assert len(trace.checks) > 5
    assert set(trace.checks.result.tolist()) == {1, 2}
    outputs = trace.run["check"]["outputs"]
    assert all("Error" in outputs[row] for row in trace.checks.output[trace.checks.result == 2])
    assert all("Error" not in outputs[row] for row in trace.checks.output[trace.checks.result == 1])
    assert str(Path.home()) not in " ".join(outputs)
    assert trace.run["check"]["pivot"]["node"] in trace.output
    assert "What moves it most is" in " ".join(said.split())


def test_stdin_and_the_default_output(folder, model_folder):
    done = subprocess.run(
        [*COMMAND, "-", "--model", str(model_folder), "--max-new-tokens", "2", "--tree-nodes", "40"],
        input=b"x = 1\r\n\t",
        capture_output=True,
        check=True,
    )
    trace = Trace.load("stdin.tsc")
    assert trace.text(trace.prompt) == b"x = 1\r\n\t"
    assert trace.run["prompt"]["source"] == "-"
    assert b"stdin.tsc" in done.stderr


def test_a_chat_and_a_hole(folder, model_folder):
    code, said = invoke(
        "prompt.py", "--model", model_folder, "--chat", "--system", "be brief", "--max-new-tokens", 2, "-o", "c.tsc"
    )
    assert code == 0, said
    chat = Trace.load("c.tsc")
    assert chat.text(chat.prompt) == f"system: be brief\nuser: {PROMPT}\n".encode()
    Path("hole.py").write_text("a = HERE\n")
    code, said = invoke("hole.py", "--model", model_folder, "--fim", "--fim-marker", "HERE", "--max-new-tokens", 2)
    assert code == 0, said
    assert Trace.load("hole.tsc").run["prompt"]["kind"] == "fim"


def test_a_trace_goes_to_standard_output_on_demand(folder, model_folder):
    words = [*COMMAND, "prompt.py", "--model", str(model_folder), "--max-new-tokens", "2", "--tree-nodes", "40", "-o", "-"]
    done = subprocess.run(words, capture_output=True, check=True)
    assert len(Trace.from_bytes(done.stdout).output) == 2
    assert b"standard output" in done.stderr
    assert b"tokenscope-html" not in done.stderr
    assert sorted(os.listdir(folder)) == ["prompt.py"]


def test_quiet_says_nothing(folder, model_folder):
    assert invoke("prompt.py", "--model", model_folder, "--max-new-tokens", 2, "-q") == (0, "")


MISTAKES = {
    "no such prompt": (["gone.py"], 3, "cannot read the prompt gone.py: No such file"),
    "a folder as prompt": (["."], 3, "is a folder"),
    "an empty prompt": (["empty.py"], 3, "is empty"),
    "a prompt that is not UTF-8": (["latin.py"], 3, "is not UTF-8"),
    "a hole that is missing": (["prompt.py", "--fim"], 3, "does not stand in the prompt"),
    "a folder without a model": (["prompt.py", "--model", "."], 4, "holds no model"),
    "a folder that is not there": (["prompt.py", "--model", "./gone"], 4, "is not a folder with a model"),
    "a model of no name that there is": (
        ["prompt.py", "--model", "a" * 300],
        4,
        "cannot be looked for (File name too long)",
    ),
    "a prompt of no name that there is": (["a" * 300], 3, "File name too long"),
    "an output of no name that there is": (["prompt.py", "-o", "a" * 300], 5, "cannot be written (File name too long)"),
    "layers in other digits": (["prompt.py", "--lens-layers", "\uff11"], 2, "write numbers of layers"),
    "a forced token in other digits": (["prompt.py", "--force-token", "1:\u0661"], 2, "write POSITION:ID"),
    "no such device": (["prompt.py", "--device", "tpu9"], 4, "no device 'tpu9'"),
    "no chat template": (["prompt.py", "--chat"], 4, "no chat template"),
    "an output that exists": (["prompt.py", "-o", "there.tsc"], 5, "--force"),
    "an output in no folder": (["prompt.py", "-o", "no/t.tsc"], 5, "does not exist"),
    "an output that is a folder": (["prompt.py", "-o", "."], 5, "is a folder"),
    "a negative temperature": (
        ["prompt.py", "--temperature", "-1"],
        2,
        "'--temperature': '-1' is not a number from 0 to 1,000,000, and none",
    ),
    "a temperature in words": (["prompt.py", "--temperature", "hot"], 2, "'--temperature': 'hot' is not a number from 0 to"),
    "a temperature that is no number": (
        ["prompt.py", "--temperature", "nan"],
        2,
        "'--temperature': 'nan' is not a number from 0 to",
    ),
    "a temperature without end": (
        ["prompt.py", "--temperature", "inf"],
        2,
        "'--temperature': 'inf' is not a number from 0 to",
    ),
    "a temperature beyond floats": (
        ["prompt.py", "--tree-temperature", "1e999"],
        2,
        "'--tree-temperature': '1e999' is not a number",
    ),
    "a temperature too small to see": (["prompt.py", "--temperature", "1e-40"], 2, "and none between 0 and 1e-06."),
    "a share that is no number": (
        ["prompt.py", "--tree-min-prob", "nan"],
        2,
        "'--tree-min-prob': 'nan' is not a number from 0 to 1.",
    ),
    "a time without end": (
        ["prompt.py", "--check", "true {file}", "--check-timeout", "inf"],
        2,
        "'inf' is not a number above 0 to 1,000,000.",
    ),
    "more tokens than there are": (
        ["prompt.py", "--max-new-tokens", "9" * 30],
        2,
        "is not a whole number from 1 to 524,288.",
    ),
    "a greedy share": (
        ["prompt.py", "--temperature", "0", "--top-p", "0.9"],
        2,
        "0 is greedy, and --top-p 0.9 would change nothing",
    ),
    "a greedy count": (
        ["prompt.py", "--temperature", "-0.0", "--top-k", "5"],
        2,
        "0 is greedy, and --top-k 5 would change nothing",
    ),
    "layers of no attention": (
        ["prompt.py", "--attention-top", "0", "--attention-layers", "1"],
        2,
        "--attention-top 0 keeps no attention",
    ),
    "tokens of no hole": (["prompt.py", "--fim-tokens", "a", "b", "c"], 2, "--fim-tokens needs --fim."),
    "an order of no hole": (["prompt.py", "--fim-order", "prefix-suffix"], 2, "--fim-order needs --fim."),
    "a marker of no hole": (["prompt.py", "--fim-marker", "X"], 2, "--fim-marker needs --fim."),
    "an unknown token of a hole": (
        ["hole.py", "--fim", "--fim-tokens", "<a>", "<b>", "<c>"],
        4,
        "this model's tokenizer has no token <a>",
    ),
    "a trace for a prompt": (["trace.tsc"], 3, "trace.tsc is a trace, and no text: tokenscope-html makes a report of it"),
    "a trace for code": (["--score", "trace.tsc"], 3, "trace.tsc is a trace, and no text: tokenscope-html makes"),
    "a picture for a prompt": (["picture.py"], 3, "the prompt picture.py is no text but a picture; name a text file."),
    "an address for a model": (
        ["prompt.py", "--model", "https://huggingface.co/a/b"],
        4,
        "name the model as the hub does: a/b.",
    ),
    "a share above 1": (["prompt.py", "--top-p", "2"], 2, "'2' is not a number above 0 to 1."),
    "half a token": (["prompt.py", "--tree-nodes", "0.5"], 2, "'0.5' is not a whole number from 0 to 524,288."),
    "an option that is called otherwise": (
        ["prompt.py", "--no-tree"],
        2,
        "there is no option --no-tree; --tree-nodes 0 does that.",
    ),
    "a report's name for the trace": (["prompt.py", "-o", "prompt.html"], 2, "a trace is no .html file; name it prompt.tsc"),
    "a program's name for the trace": (["prompt.py", "-o", "out.PY"], 2, "a trace is no .py file"),
    "a forced text behind the end": (
        ["prompt.py", "--force-text", "51: foo", "--max-new-tokens", "50"],
        2,
        "there is no output token 51 to replace: --max-new-tokens is 50",
    ),
    "no new tokens": (["prompt.py", "--max-new-tokens", "0"], 2, "max-new-tokens"),
    "a forced token without position": (["prompt.py", "--force-token", "12"], 2, "POSITION:ID"),
    "a forced text without text": (["prompt.py", "--force-text", "12:"], 2, "POSITION:TEXT"),
    "an id that the model lacks": (["prompt.py", "--force-token", "1:999999"], 3, "has no token 999999"),
    "an empty stop string": (["prompt.py", "--stop", ""], 2, "must not be empty"),
    "a check that names no file": (["prompt.py", "--check", "true"], 2, "names no {file}"),
    "a shell's word for no file": (
        ["prompt.py", "--check", "true", "--check-folder", "nowhere"],
        2,
        "there is no folder nowhere",
    ),
    "a folder that is a file": (
        ["prompt.py", "--check", "true", "--check-folder", "prompt.py"],
        2,
        "there is no folder prompt.py",
    ),
    "a folder without a check": (["prompt.py", "--check-folder", "."], 2, "--check-folder needs --check"),
    "a check without memory": (["prompt.py", "--check", "true {file}", "--check-memory", "0"], 2, "check-memory"),
    "a system message without a chat": (["prompt.py", "--system", "x"], 2, "needs --chat"),
    "a chat with a hole": (["prompt.py", "--chat", "--fim"], 2, "exclude each other"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_sentence_and_its_exit_code(mistake, folder):
    words, exit_code, sentence = MISTAKES[mistake]
    Path("empty.py").write_bytes(b"")
    Path("latin.py").write_bytes(b"caf\xe9")
    Path("there.tsc").write_bytes(b"precious")
    Path("trace.tsc").write_bytes(b"\x89TSC\r\n\x1a\n" + bytes(20))
    Path("picture.py").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    Path("hole.py").write_text("x = <FILL>\n")
    code, said = invoke(*words)
    assert code == exit_code, said
    assert sentence in said
    assert said.count(": error: ") == 1
    assert "Error:" not in said
    assert "Traceback" not in said
    assert Path("there.tsc").read_bytes() == b"precious"
    assert not list(folder.glob("*.part")) + list(folder.glob("prompt.tsc"))


def test_a_model_that_nobody_has_is_refused_offline(folder, monkeypatch):
    done = subprocess.run(
        [*COMMAND, "prompt.py", "--model", "nobody/no-such-model"],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        check=False,
    )
    assert done.returncode == 4
    assert "the Hugging Face hub cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_prompt_longer_than_the_context_is_refused(folder, model_folder):
    Path("long.py").write_text("x" * 9000)
    code, said = invoke("long.py", "--model", model_folder)
    assert code == 3
    assert re.search(r"the prompt has [\d,]+ tokens and the model reads at most 2,048", said)


def test_force_replaces_the_output(folder, model_folder):
    Path("t.tsc").write_bytes(b"old")
    code, said = invoke("prompt.py", "--model", model_folder, "-o", "t.tsc", "--force", "--max-new-tokens", 2)
    assert code == 0, said
    assert len(Trace.load("t.tsc").output) == 2


def start_slow(model_folder, folder, options=("--max-new-tokens", "2000"), stage="Writing"):
    """A recording that goes on for long, and is in this stage of it."""
    process = subprocess.Popen(
        [*COMMAND, "prompt.py", "--model", str(model_folder), *options, "-o", "t.tsc"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    for line in process.stderr:
        if line.startswith(stage):
            return process
    raise AssertionError("the recording did not start")


def test_a_signal_keeps_what_was_generated(folder, model_folder):
    """One signal in a process of its own; tests/session/test_faults.py has all of them at every stage."""
    with start_slow(model_folder, folder) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    trace = Trace.load("t.tsc")
    assert trace.run["finish"] == "interrupted"
    assert 1 <= len(trace.output) < 1900
    assert trace.text(trace.prompt) == PROMPT.encode()
    assert "interrupted" in said
    assert "Traceback" not in said
    assert os.listdir(folder).count("t.tsc") == 1
    assert not list(folder.glob(".*.part"))


def test_a_signal_keeps_the_branches_that_have_grown(folder, model_folder):
    options = ("--max-new-tokens", "30", "--tree-nodes", "500000", "--tree-depth", "9", "--tree-min-prob", "0")
    with start_slow(model_folder, folder, options, "Growing") as process:
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
    assert process.returncode == 130, said
    trace = Trace.load("t.tsc")
    assert trace.run["finish"] == "length"
    assert trace.run["tree"]["finish"] == "interrupted"
    assert 0 < int(trace.branches.count.sum()) < 500_000
    assert "Traceback" not in said


def test_an_interruption_while_loading_writes_nothing(folder, model_folder):
    words = [*COMMAND, "prompt.py", "--model", str(model_folder)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        assert "Loading" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "nothing was written" in said
    assert "Traceback" not in said
    assert sorted(os.listdir(folder)) == ["prompt.py"]


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(folder, model_folder):
    words = [
        *COMMAND,
        "prompt.py",
        "--model",
        str(model_folder),
        "--max-new-tokens",
        "300",
        "--tree-nodes",
        "100",
        "--force",
    ]
    plain = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    assert "\x1b" not in plain
    assert "Writing at most 300 tokens" in plain
    leader, follower = pty.openpty()
    process = subprocess.Popen(words, stderr=follower, env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"})
    os.close(follower)
    shown = b""
    while process.poll() is None or select.select([leader], [], [], 0)[0]:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                shown += os.read(leader, 65536)
            except OSError:
                break
    os.close(leader)
    assert process.wait() == 0
    assert b"tokens/s" in shown
    assert b"/300" in shown
    assert b"\x1b" in shown


def test_hostile_tokens_do_not_reach_the_terminal_as_control_codes(folder, model_folder):
    Path("prompt.py").write_bytes(b"x = '\x1b[31m\x07\x9b'\n".replace(b"\x9b", "\u202e".encode()))
    done = subprocess.run(
        [*COMMAND, "prompt.py", "--model", str(model_folder), "--max-new-tokens", "40", "--temperature", "2"],
        capture_output=True,
        check=True,
    )
    assert not {0x1B, 0x07} & set(done.stderr)
    assert "\u202e".encode() not in done.stderr


def test_help_is_a_manual_page():
    code_, _ = invoke("--help")
    assert code_ == 0
    text = CliRunner().invoke(main, ["--help"]).output
    for heading in (
        "Model:",
        "Prompt:",
        "Existing code:",
        "Decoding:",
        "Inside the model:",
        "Recording:",
        "Recording again:",
        "Tree:",
        "Decisions:",
        "Exit codes:",
    ):
        assert heading in text
    assert text.count("Example: ") == 9
    assert "[default: 256]" in text
    assert max(len(line) for line in text.splitlines()) <= 110


def test_help_and_mistakes_import_no_torch():
    code = (
        "import sys\nfrom tokenscope_trace.cli.record_command import main\n"
        "try:\n    main(['nowhere.py'])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_attention_and_lens_as_asked(folder, model_folder):
    code, said = invoke(
        "prompt.py", "--model", model_folder, "--max-new-tokens", 4, "--tree-nodes", 0, "--attention-top", 3,
        "--attention-layers", "1", "--lens-layers", "all", "-o", "t.tsc",
    )  # fmt: skip
    assert code == 0, said
    assert re.search(r"Writing at most 4 tokens; needs about [\d.]+ MB of memory beside the model", said)
    trace = Trace.load("t.tsc")
    assert [(layer.layer, layer.weights.shape[-1]) for layer in trace.attention] == [(1, 3)]
    assert [layer.layer for layer in trace.lens] == [0, 1]
    assert trace.run["command"][4:] == [
        "--max-new-tokens", "4", "--output", "t.tsc", "--attention-top", "3", "--attention-layers", "1", "--lens-layers", "all",
        "--tree-nodes", "0",
    ]  # fmt: skip


def test_attention_is_there_unless_it_is_switched_off(folder, model_folder):
    common = ("prompt.py", "--model", model_folder, "--max-new-tokens", 3, "--tree-nodes", 0, "--force")
    assert invoke(*common)[0] == 0
    trace = Trace.load("prompt.tsc")
    assert [layer.weights.shape[-1] for layer in trace.attention] == [8, 8]
    assert trace.run["lens"] is None
    assert invoke(*common, "--no-attention")[0] == 0
    trace = Trace.load("prompt.tsc")
    assert trace.attention == []
    assert trace.run["attention"] is None
    assert trace.run["replay"]["noise"] < 1e-4


def test_existing_files_are_scored(folder, model_folder):
    Path("lib").mkdir()
    Path("lib/code.py").write_text("x = 1\n")
    code, said = invoke("--score", "lib/code.py", folder / "prompt.py", "--model", model_folder, "-o", "s.tsc")
    assert code == 0, said
    trace = Trace.load("s.tsc")
    assert [file.source for file in trace.files] == ["lib/code.py", "prompt.py"]
    assert trace.text(trace.files[1].nodes) == PROMPT.encode()
    assert trace.attention == []
    assert trace.run["command"][:3] == ["tokenscope-record", "code.py", "prompt.py"]
    assert "Reading 2 files" in said
    assert str(folder) not in str(trace.run)
    assert invoke("--score", "lib/code.py", "--model", model_folder, "--lens", "--attention-top", 2)[0] == 0
    trace = Trace.load("code.tsc")
    assert len(trace.lens) == len(trace.attention) == 2


def test_the_syntax_is_that_of_the_suffix_or_of_the_language_that_is_named(folder, model_folder):
    common = ("--model", model_folder, "--max-new-tokens", 4, "--tree-nodes", 0, "--force", "-o", "t.tsc")
    assert invoke("prompt.py", *common)[0] == 0
    syntax = Trace.load("t.tsc").syntax
    assert syntax.passages[0].language == "python"
    assert "function_definition" in syntax.kind
    Path("prompt.xyz").write_text("int x;")
    assert invoke("prompt.xyz", *common)[0] == 0
    assert Trace.load("t.tsc").syntax is None
    assert invoke("prompt.xyz", "--language", "c", *common)[0] == 0
    trace = Trace.load("t.tsc")
    assert trace.syntax.passages[0].language == "c"
    assert "--language" in trace.run["command"]
    assert "klingon" in invoke("prompt.xyz", "--language", "klingon")[1]


def test_standard_input_is_scored(folder, model_folder):
    result = CliRunner().invoke(main, ["--score", "-", "--model", str(model_folder), "-o", "s.tsc"], input="x = 1\n")
    assert result.exit_code == 0, result.stderr
    assert [file.source for file in Trace.load("s.tsc").files] == ["-"]


def test_the_changes_of_a_work_tree_are_scored(folder, model_folder):
    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.invalid", *words], check=True, capture_output=True
        )

    git("init", "--quiet")
    git("add", "prompt.py")
    git("commit", "--quiet", "-m", "first")
    Path("prompt.py").write_text(PROMPT + "    return sum(values)\n")
    code, said = invoke("--diff", "HEAD", "--model", model_folder)
    assert code == 0, said
    trace = Trace.load("diff.tsc")
    assert [(file.source, file.changed) for file in trace.files] == [("prompt.py", ((3, 3),))]
    assert trace.run["score"]["revision"] == "HEAD"
    assert re.fullmatch("[0-9a-f]{40}", trace.run["score"]["commit"])
    assert invoke("--diff", "nope") == (
        3,
        "tokenscope-record: error: git knows no revision 'nope' here; name a branch, a tag or a commit.\n",
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--score",), "--score needs a file."),
        (("--score", "prompt.py", "--diff", "HEAD"), "--score and --diff exclude each other."),
        (("prompt.py", "prompt.py"), "there are 2 prompts; give one, or --score"),
        (
            ("--score", "prompt.py", "--temperature", "1"),
            "--temperature says how to generate, and --score generates nothing.",
        ),
        (("--diff", "HEAD", "--tree-nodes", "5"), "--tree-nodes says how to generate, and --diff generates nothing."),
        (("prompt.py", "--no-attention", "--attention-top", "3"), "--no-attention excludes"),
        (("prompt.py", "--attention-layers", "x"), "write numbers of layers from 0"),
        (("--score", "prompt.py", "--check", "true {file}"), "--check says how to generate, and --score generates nothing."),
        ((), "Missing argument 'PROMPT'."),
    ],
)
def test_contradictions_end_in_a_sentence(folder, words, says):
    code, said = invoke(*words)
    assert code == 2
    assert says in said


def test_a_layer_that_is_not_there_is_the_model_s_error(folder, model_folder):
    code, said = invoke("prompt.py", "--model", model_folder, "--lens-layers", "7")
    assert (code, Path("prompt.tsc").exists()) == (4, False)
    assert said.endswith("error: --lens-layers names layer 7, and this model has 2 layers, 0 to 1.\n")


def test_a_user_s_own_tokens_of_a_hole_are_taken_and_noted(folder):
    Path("hole.py").write_text("def mean(values):\n    <FILL>\n")
    own = ["--fim-tokens", "<|fim_suffix|>", "<|fim_prefix|>", "<|fim_middle|>", "--fim-order", "suffix-prefix"]
    code, said = invoke(
        "hole.py", "--fim", *own, "--max-new-tokens", "2", "--tree-nodes", "0", "--no-attention", "-o", "t.tsc"
    )
    assert code == 0, said
    trace = Trace.load("t.tsc")
    assert trace.run["command"][3:8] == own[:4] + own[4:5]
    assert trace.text(trace.prompt).startswith(b"<|fim_prefix|>\n<|fim_suffix|>def mean")
    assert trace.programs.main.text.startswith(b"def mean(values):\n    ")
