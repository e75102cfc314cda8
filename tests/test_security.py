"""SECURITY.md: every promise has its test; and what can be read off the sources and settings."""

import ast
import re
from pathlib import Path

import app
from tests.test_project import MODULES, SERVER

ROOT = Path(__file__).parents[1]
# What runs a text as code, or hands it to a shell.
FORBIDDEN = {"eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "pickle.load"}


def test_every_promise_names_a_test_that_exists():
    lines = (ROOT / "SECURITY.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|") and "---" not in line]
    promises = [row for row in rows if row != "| promise | test |"]
    named = re.findall(r"\| `([\w/.]+)::(\w+)` \|", "\n".join(promises))
    assert len(named) == len(promises) > 35, "each row names one test"
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_nothing_that_a_visitor_sends_can_be_evaluated():
    paths = [*MODULES.values(), *SERVER, ROOT / "app.py"]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in FORBIDDEN, f"{path}:{node.lineno}"
                assert not any(k.arg == "shell" for k in node.keywords), f"{path}:{node.lineno}"


def test_the_app_starts_with_nothing_open_that_can_be_closed():
    blocks = app.build()
    settings = app.launch_settings(blocks)
    assert not blocks.api_open
    for name in ("share", "show_error", "enable_monitoring", "run_history"):
        assert settings[name] is False, name
    assert "allowed_paths" not in settings
    assert settings["max_file_size"] <= 30 * 2**20
    assert "server_name" not in settings  # from HOST, which is 127.0.0.1 unless it is set
