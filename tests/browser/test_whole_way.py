"""Both commands, then the browser: a prompt goes in, the page shows what the model wrote."""

from __future__ import annotations

import subprocess
import sys

from tokenscope_trace import Trace

PROMPT = "def mean(values):\n\t# Mittelwert, 平均 🙂\r\n"


def run(folder, module, *words):
    code = f"import sys; from tokenscope_trace.cli.{module} import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_prompt_becomes_a_page_that_shows_prompt_and_output(browser, tmp_path):
    (tmp_path / "mean.py").write_text(PROMPT, encoding="utf-8", newline="")
    run(tmp_path, "record_command", "mean.py", "-o", "mean.tsc", "--max-new-tokens", "40", "--tree-nodes", "300")
    run(tmp_path, "html_command", "mean.tsc")
    trace = Trace.load(tmp_path / "mean.tsc")
    context = browser.new_context()
    page = context.new_page()
    incidents = []
    page.on("console", lambda message: incidents.append(message.text))
    page.on("pageerror", lambda error: incidents.append(str(error)))
    page.goto((tmp_path / "mean.html").as_uri())
    page.wait_for_selector("body.interactive", timeout=15_000)
    shown = page.evaluate("[...document.querySelectorAll('.code .t:not(.chip)')].map(cell => cell.textContent).join('')")
    assert shown == trace.text(trace.main, special=False).decode("utf-8", "replace")
    assert shown.startswith(PROMPT)
    node = int(trace.output[0])
    page.goto((tmp_path / "mean.html").as_uri() + f"#n={node}")
    page.wait_for_selector(f".t.selected[data-n='{node}']")
    assert f"id {trace.nodes.token_id[node]}" in page.locator("#token").inner_text()
    context.close()
    assert incidents == []
    assert (tmp_path / "mean.html").stat().st_size < 300_000  # a few hundred tokens, attention included
