"""The Python interface: it records what the command records, says in a sentence what is wrong, and leaves signals alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import tiny_tokenizers
from tests.support.synthetic_traces import plausible
from tests.support.tiny_models import tiny_model

import tokenscope_trace as ts
from tokenscope_trace.cli.record_command import main

ROOT = Path(__file__).parent.parent
PROMPT = 'def mean(values):\n    """The arithmetic mean."""\n'
SHORT = ts.GenerationSettings(max_new_tokens=8)
SMALL = ts.TreeSettings(nodes=24, length=6, extra=8)
CHECK = "python -c \"import sys; sys.exit(len(open(r'{file}').read()) % 2)\""


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A tiny model that takes chats and holes."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny_model(max_position_embeddings=2048).save_pretrained(folder)
    tokenizer = tiny_tokenizers.byte_level(extra=("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"))
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(model_folder):
    return ts.load_model(model_folder)


@pytest.fixture(scope="module")
def builtin():
    return ts.load_model()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("prompt.py").write_text(PROMPT)
    Path("hole.py").write_text(PROMPT + "    return <FILL>\n")
    Path("other.js").write_text("function f(x) { return x + 1 }\n")
    return tmp_path


def commanded(*words):
    """The trace that the command writes."""
    result = CliRunner().invoke(main, [*map(str, words), "-o", "commanded.tsc", "--force", "-q"])
    assert result.exit_code == 0, result.stderr
    return ts.Trace.load("commanded.tsc")


def told(trace):
    """All that a trace's file says, but for the command and the clock."""
    return trace.replaced({**trace.run, "command": [], "clock": {}}, {}).to_bytes()


def test_a_completion_is_the_command_s(folder, builtin):
    line = "def mean(values):\n    return "
    Path("prompt.py").write_text(line)
    words = [
        "--max-new-tokens",
        "12",
        "--tree-nodes",
        "80",
        "--tree-temperature",
        "0",
        "--lens",
        "--attention-top",
        "4",
        "--temperature",
        "0",
        "--decisions",
        "4",
    ]
    theirs = commanded("prompt.py", *words, "--check", CHECK, "--force-text", "3: 1", "--stop", r"\n")
    ours = ts.record(
        builtin,
        line,
        source="prompt.py",
        generation=ts.GenerationSettings(max_new_tokens=12, temperature=0, stop=("\n",)),
        tree=ts.TreeSettings(nodes=80, temperature=0, forced=(ts.ForcedPath((ts.Forced(3, " 1"),)),)),
        replay=ts.ReplaySettings(attention_top=4, lens=True),
        decisions=4,
        check=CHECK,
    )
    assert len(ours.branches) > 2
    assert len(ours.checks) > 0
    assert ours.lens
    assert told(ours) == told(theirs)


def test_what_is_not_said_is_as_the_command_has_it(folder, builtin):
    theirs = commanded("prompt.py", "--max-new-tokens", 4, "--tree-nodes", 64)  # which otherwise follows the machine's speed
    four = ts.GenerationSettings(max_new_tokens=4)
    assert told(ts.record(builtin, PROMPT, source="prompt.py", generation=four, tree=ts.TreeSettings(nodes=64))) == told(
        theirs
    )


def test_a_chat_is_the_command_s(folder, model_folder, tiny):
    theirs = commanded(
        "prompt.py", "--model", model_folder, "--chat", "--system", "be brief", "--max-new-tokens", 8, "--tree-nodes", 0, "--seed", 7,
        "--temperature", 0.7,
    )  # fmt: skip
    sampled = ts.GenerationSettings(max_new_tokens=8, temperature=0.7, seed=7)
    ours = ts.record(tiny, PROMPT, source="prompt.py", chat=True, system="be brief", generation=sampled, tree=None)
    assert told(ours) == told(theirs)


def test_a_hole_is_the_command_s(folder, model_folder, tiny):
    theirs = commanded(
        "hole.py", "--model", model_folder, "--fim", "--max-new-tokens", 8, "--tree-nodes", 24, "--tree-length", 6, "--tree-extra", 8,
        "--language", "python", "--no-attention",
    )  # fmt: skip
    ours = ts.record(
        tiny,
        Path("hole.py").read_text(),
        source="hole.py",
        fim=True,
        language="python",
        generation=SHORT,
        tree=SMALL,
        replay=ts.ReplaySettings(attention_top=0),
    )
    assert told(ours) == told(theirs)


def test_files_are_the_command_s(folder, tiny, model_folder):
    theirs = commanded("--score", "prompt.py", "other.js", "--model", model_folder, "--lens", "--top-alternatives", 5)
    lens = ts.ReplaySettings(attention_top=0, lens=True)
    assert told(ts.score(tiny, ["prompt.py", Path("other.js")], replay=lens, top_alternatives=5)) == told(theirs)
    texts = {name: Path(name).read_text() for name in ("prompt.py", "other.js")}
    assert told(ts.score(tiny, texts, replay=lens, top_alternatives=5)) == told(theirs)
    assert told(ts.score(tiny, "prompt.py")) == told(commanded("--score", "prompt.py", "--model", model_folder))


def test_changed_files_are_the_command_s(folder, tiny, model_folder):
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "prompt.py"], check=True)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"], check=True)
    Path("prompt.py").write_text(PROMPT + "    return 0\n")
    assert told(ts.score(tiny, diff="HEAD")) == told(commanded("--diff", "HEAD", "--model", model_folder))


def test_a_bare_recording_can_be_analysed_later_with_the_same_result(tiny):
    bare = ts.record(tiny, PROMPT, source="prompt.py", generation=SHORT, tree=SMALL, analyse=False)
    assert bare.syntax is None
    whole = ts.record(tiny, PROMPT, source="prompt.py", generation=SHORT, tree=SMALL)
    assert told(ts.analyse(bare)) == told(whole)
    assert ts.analyse(whole, check=CHECK).run["check"]["command"]


def test_no_place_of_this_machine_is_in_a_trace(tiny, tmp_path):
    path = tmp_path / "some_secret_place" / "mean.py"
    path.parent.mkdir()
    path.write_text(PROMPT)
    for trace in (ts.record(tiny, PROMPT, source=str(path), generation=SHORT, tree=None), ts.score(tiny, path)):
        assert b"secret_place" not in trace.to_bytes()
        assert str(tmp_path) not in json.dumps(trace.run)


def test_reports_are_texts_and_two_traces_make_a_page(tiny):
    a, b = (ts.record(tiny, PROMPT, source="mean.py", generation=ts.GenerationSettings(n), tree=SMALL) for n in (6, 8))
    assert ts.html(a, title="Mean").startswith("<!doctype html>")
    assert len(ts.markdown(a).splitlines()) < 60
    assert json.loads(ts.json_report(a))["summary"]["output"]["perplexity"] > 1
    assert json.loads(ts.sarif(a))["version"] == "2.1.0"
    found = ts.compare(a, b, names=("a.tsc", "b.tsc"))
    assert isinstance(found, ts.SideBySide)
    assert "b.tsc" in ts.html(found)
    with pytest.warns(UserWarning, match="lacks attention"):
        assert len(ts.html(a, max_size=0.14)) < len(ts.html(a))


def test_settings_say_which_model_as_the_values_do(model_folder, tiny):
    assert ts.load_model(ts.ModelSettings(name=str(model_folder))).facts == tiny.facts


def test_what_is_redacted_is_gone(tiny):
    trace = ts.record(tiny, PROMPT, source="mean.py", generation=SHORT, tree=None)
    assert b"arithmetic" not in ts.redact(trace, {"strings"}).text(trace.prompt)
    assert ts.redact(trace, "prompt").run["redacted"] == ["prompt"]


def test_credentials_are_warned_of_and_how_to_leave_them_out(tiny):
    key = "AKIA" + "IOSFODNN7" + "EXAMPLF"
    with pytest.warns(UserWarning, match=r'redact\(trace, \{"prompt"\}\) leaves it out') as heard:
        ts.record(tiny, f'key = "{key}"\n', source="k.py", generation=ts.GenerationSettings(1), tree=None, replay=None)
    assert heard[0].filename == __file__


def test_a_stage_that_is_missing_is_warned_of(tiny, monkeypatch):
    monkeypatch.setattr("tokenscope_trace.session.runner.with_decisions", lambda *_: 1 / 0)
    with pytest.warns(RuntimeWarning, match="not analysed") as heard:
        trace = ts.record(tiny, PROMPT, generation=SHORT, tree=None)
    assert trace.run["missing"][0]["stage"] == "structure"
    assert {one.filename for one in heard} == {__file__}


WRONG = {
    "a language": (lambda m: ts.record(m, "x", language="cobol"), ts.errors.SettingsError, "languages are python"),
    "a number": (lambda m: ts.record(m, "x", generation=ts.GenerationSettings(0)), ts.errors.SettingsError, "whole number from 1"),
    "a text for a number": (lambda m: ts.record(m, "x", generation=ts.GenerationSettings("9")), ts.errors.SettingsError, "'9'"),
    "none for a number": (lambda m: ts.record(m, "x", generation=ts.GenerationSettings(None)), ts.errors.SettingsError, "is None"),
    "no number": (lambda m: ts.record(m, "x", tree=ts.TreeSettings(min_prob=float("nan"))), ts.errors.SettingsError, "from 0 to 1"),
    "top_p": (lambda m: ts.record(m, "x", generation=ts.GenerationSettings(top_p=0)), ts.errors.SettingsError, "above 0 to 1"),
    "one stop string": (lambda m: ts.record(m, "x", generation=ts.GenerationSettings(stop="def")), ts.errors.SettingsError, "tuple"),
    "a tree for a number": (lambda m: ts.record(m, "x", tree=20), ts.errors.SettingsError, "TreeSettings"),
    "layers": (lambda m: ts.record(m, "x", replay=ts.ReplaySettings(attention_layers=(-1,))), ts.errors.SettingsError, "such as"),
    "a layer that is not there": (lambda m: ts.record(m, "x", replay=ts.ReplaySettings(attention_layers=(9,))), ts.errors.ModelError, "nowhere|layer"),
    "a check without a file": (lambda m: ts.record(m, "x", check="true"), ts.errors.SettingsError, r"no \{file\}"),
    "a check's folder that is not there": (
        lambda m: ts.record(m, "x", check=ts.CheckSettings("true", folder="nowhere")),
        ts.errors.SettingsError,
        "there is no folder nowhere",
    ),
    "a place outside of it": (
        lambda m: ts.record(m, "x", check=ts.CheckSettings("true", folder=".", place="../x")),
        ts.errors.SettingsError,
        r"check.place is '../x'",
    ),
    "a check without analysis": (lambda m: ts.record(m, "x", check=CHECK, analyse=False), ts.errors.SettingsError, "analysis"),
    "decisions": (lambda m: ts.record(m, "x", decisions=-1), ts.errors.SettingsError, "decisions is -1"),
    "forced behind the end": (
        lambda m: ts.record(m, "x", generation=SHORT, tree=ts.TreeSettings(forced=(ts.ForcedPath((ts.Forced(99, 1),)),))),
        ts.errors.SettingsError,
        "no output token 99",
    ),
    "a chat and a hole": (lambda m: ts.record(m, "x", chat=True, fim=True), ts.errors.SettingsError, "exclude"),
    "a system message alone": (lambda m: ts.record(m, "x", system="x"), ts.errors.SettingsError, "chat=True"),
    "no hole": (lambda m: ts.record(m, "x", fim=True), ts.errors.PromptError, "does not stand"),
    "nothing": (lambda m: ts.record(m, ""), ts.errors.PromptError, "is empty"),
    "bytes": (lambda m: ts.record(m, b"x"), ts.errors.PromptError, "is a bytes"),
    "half a character": (lambda m: ts.record(m, "x\ud800"), ts.errors.PromptError, "half a character"),
    "a name for a model": (lambda _: ts.record("gpt2", "x"), ts.errors.SettingsError, "load_model"),
    "no file": (lambda m: ts.score(m, []), ts.errors.PromptError, "no file"),
    "a file that is not there": (lambda m: ts.score(m, "nowhere.py"), ts.errors.PromptError, "cannot read"),
    "an empty text": (lambda m: ts.score(m, {"a.py": ""}), ts.errors.PromptError, "a.py is empty"),
    "texts and a revision": (lambda m: ts.score(m, {"a.py": "x"}, diff="HEAD"), ts.errors.SettingsError, "paths"),
    "a word to redact": (lambda _: ts.redact(plausible(), {"secrets"}), ts.errors.RedactionError, "prompt, strings, comments"),
    "no trace": (lambda _: ts.html("trace.tsc"), ts.errors.SettingsError, "Trace.load"),
    "a size": (lambda _: ts.html(plausible(), max_size=-1), ts.errors.SettingsError, "max_size"),
    "a number format": (lambda _: ts.load_model(dtype="int3"), ts.errors.SettingsError, "float32"),
    "two places": (lambda _: ts.load_model(device="cpu", device_map="auto"), ts.errors.SettingsError, "exclude"),
    "settings and more": (lambda _: ts.load_model(ts.ModelSettings(), dtype="float32"), ts.errors.SettingsError, "say all"),
    "no model": (lambda _: ts.load_model("./nowhere"), ts.errors.ModelError, "nowhere|layer"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_value_is_refused_in_one_sentence(what, tiny):
    ask, kind, words = WRONG[what]
    with pytest.raises(kind, match=words) as caught:
        ask(tiny)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_it_works_in_a_thread_and_leaves_signals_alone(tiny):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    found, seen = [], []

    def work():
        watcher = ts.Watcher(on_token=lambda _: seen.append([signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]))
        found.append(ts.record(tiny, PROMPT, source="mean.py", generation=SHORT, tree=SMALL, watcher=watcher))

    for run in (work, lambda: threading.Thread(target=work)):
        thread = run()
        if thread is not None:
            thread.start()
            thread.join()
    assert told(found[0]) == told(found[1])
    assert len(seen) == 16
    assert all(one == before for one in seen)


def test_a_caller_may_end_a_recording_and_gets_what_there_was(tiny):
    count = []
    watcher = ts.Watcher(on_token=count.append, should_stop=lambda: len(count) >= 3)
    trace = ts.record(tiny, PROMPT, generation=SHORT, tree=SMALL, watcher=watcher)
    assert len(trace.output) == 3
    assert trace.run["finish"] == "interrupted"


def test_ctrl_c_reaches_the_caller_with_what_there_was(tiny):
    def press(count):
        if count == 3:
            os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background ignores it
    with pytest.raises(KeyboardInterrupt) as caught:
        ts.record(tiny, PROMPT, generation=SHORT, tree=SMALL, check=CHECK, watcher=ts.Watcher(on_token=press))
    assert isinstance(caught.value, ts.errors.Interrupted)
    assert 2 <= len(caught.value.trace.output) <= 3
    assert ts.html(caught.value.trace)


SCRIPT = """
import random

import tokenscope_trace as ts

model = ts.load_model()
names = [f"{verb}_{noun}" for verb in ("mean", "sum", "sort", "find", "count") for noun in ("of", "all", "list", "last", "max")]
traces: list[ts.Trace] = []
for name in names:
    try:
        trace = ts.record(
            model,
            f"def {name}(values):",
            source=f"{name}.py",
            generation=ts.GenerationSettings(max_new_tokens=4, temperature=0.8, seed=random.randrange(100)),
            tree=None,
            replay=None,
        )
    except ts.errors.TokenScopeError as error:
        print(name, error)
        continue
    traces.append(trace)
bits = [float(trace.nodes.surprisal[trace.output].sum()) for trace in traces]
hardest = traces[max(range(len(bits)), key=bits.__getitem__)]
page: str = ts.html(hardest)
lines: int = len(ts.compare(traces[0], traces[12]).files)
print(len(traces), round(sum(bits)), len(page) > 1000, lines, hardest.text(hardest.output))
"""


def test_a_script_over_many_prompts_runs_and_type_checks(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, "-W", "error", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("25 ")
    checked = subprocess.run([sys.executable, "-m", "mypy", script], capture_output=True, text=True, cwd=ROOT)
    assert checked.returncode == 0, checked.stdout


def test_a_check_that_cannot_be_run_is_a_warning_and_no_verdict(folder, tiny):
    with pytest.warns(RuntimeWarning, match="The check cannot be run: there is no command “no-such-command”"):
        trace = ts.record(tiny, PROMPT, generation=SHORT, tree=SMALL, check="no-such-command {file}")
    assert len(trace.checks) == 0
    assert trace.facts.lacking == {"check"}
    with pytest.warns(RuntimeWarning, match="The check could not be run: the shell cannot read the command"):
        again = ts.analyse(trace, check="if true {file}")
    assert again.facts.check.not_run.startswith("the shell cannot read the command")


def test_a_check_in_a_folder_finds_the_prompt_s_place(folder, tiny):
    (Path("shop") / "src").mkdir(parents=True)
    Path("shop/judge").write_text("#!/bin/sh\ntest -s src/mean.py\n")
    Path("shop/judge").chmod(0o755)
    check = ts.CheckSettings("./judge", folder=Path("shop"))
    trace = ts.record(tiny, PROMPT, source="shop/src/mean.py", generation=SHORT, tree=SMALL, check=check)
    assert trace.facts.check.file == "src/mean.py"
    assert set(trace.checks.result.tolist()) <= {1}
