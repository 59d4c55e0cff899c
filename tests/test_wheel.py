"""The wheel that users install: built from a clean copy, installed in an environment that knows nothing of this checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IMPORTS = """
import importlib, pkgutil, sys
import tokenscope_trace
from tokenscope_trace.viewer import __path__ as viewer
assert tokenscope_trace.__file__.startswith(sys.prefix), tokenscope_trace.__file__
found = [module.name for module in pkgutil.walk_packages(tokenscope_trace.__path__, "tokenscope_trace.")]
for name in found:
    importlib.import_module(name)
print(*found)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The python of an environment with the wheel; what it depends on comes from this one."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-UNICODE", "recorder", "viewer", "templates"):
        place = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        place(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True, capture_output=True)
    (wheel,) = folder.glob("tokenscope_trace-*.whl")
    venv.create(folder / "environment", with_pip=False)
    python = folder / "environment" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True, capture_output=True)
    site = next((folder / "environment" / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(
        sysconfig.get_path("purelib") + "\n"
    )  # whose own .pth files are not read from there
    return python


def test_every_module_of_the_checkout_is_in_the_wheel_and_can_be_imported(installed):
    done = subprocess.run(
        [installed, "-I", "-c", IMPORTS], capture_output=True, text=True, check=False, cwd=installed.parent
    )
    assert done.returncode == 0, done.stderr
    package = ROOT / "recorder" / "tokenscope_trace"
    here = {".".join(path.relative_to(package.parent).with_suffix("").parts) for path in package.rglob("*.py")}
    here = {name.removesuffix(".__init__") for name in here} - {"tokenscope_trace"}
    assert set(done.stdout.split()) - {"tokenscope_trace.viewer", "tokenscope_trace.templates"} == here


def test_its_commands_work(installed, tmp_path):
    page = tmp_path / "merge.html"
    words = [installed.with_name("tokenscope-html"), ROOT / "samples" / "merge.tsc", "-o", page]
    subprocess.run(words, check=True, capture_output=True, cwd=tmp_path)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    helped = subprocess.run([installed.with_name("tokenscope-record"), "--help"], check=True, capture_output=True, text=True)
    assert "--tree-nodes" in helped.stdout
