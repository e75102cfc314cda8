"""The laws of the house, read off the sources."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [*ROOT.glob("*.py"), *ROOT.glob("interrogator/*.py"), *ROOT.glob("matmul_demo/*.py")]


def imports(path):
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_only_pages_import_gradio():
    users = {
        p.relative_to(ROOT).as_posix()
        for p in SOURCES
        if any(i.split(".")[0] == "gradio" for i in imports(p))
    }
    pages = {"interrogator/controls.py", "interrogator/ui.py", "matmul_demo/ui.py"}
    assert users == {"app.py"} | pages


@pytest.mark.parametrize(
    ("package", "other"), [("interrogator", "matmul_demo"), ("matmul_demo", "interrogator")]
)
def test_the_packages_know_nothing_of_each_other(package, other):
    for path in ROOT.glob(f"{package}/*.py"):
        assert not any(i.split(".")[0] in (other, "training", "app") for i in imports(path)), path


def test_weights_are_loaded_in_one_room():
    loaders = {
        p.name for p in ROOT.glob("interrogator/*.py")
        if re.search(r"from_pretrained\(|torch\.load\(|load_state_dict\(", p.read_text("utf-8"))
    }  # fmt: skip
    assert loaders == {"models.py"}


def test_app_is_short():
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 100


def test_assets_are_small_enough_to_clone_at_once():
    sizes = {p: p.stat().st_size for p in (ROOT / "assets").rglob("*") if p.is_file()}
    assert max(sizes.values()) < 10_000_000, max(sizes, key=sizes.get)
    models = sum(size for p, size in sizes.items() if "models" in p.parts)
    assert models < 20_000_000


def requirements(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    names = (re.match(r"[A-Za-z0-9_.-]+", line) for line in lines if line and line[0] not in "#-")
    return {m.group().lower().replace("_", "-") for m in names if m}


def test_what_is_required_is_pinned_and_told():
    pinned = requirements("constraints.txt")
    required = requirements("requirements.txt") | requirements("requirements-dev.txt")
    assert required <= pinned
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower().replace("_", "-")
    table = re.findall(r"^\| ([\w, -]+) \|", readme.split("## dependencies")[1], re.MULTILINE)
    told = {name.strip() for cell in table for name in cell.split(",")}
    assert not required - told, "have no line in the README's table"
