"""The laws of the project, read off the sources."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("interrogator", "matmul_demo")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted(ROOT.glob(f"{package}/**/*.py"))
}
SERVER = sorted(ROOT.glob("server/*.py"))  # around the app; knows nothing of the packages
LARGEST_FOLDER = 8  # modules beside __init__.py
LARGEST_TOP = 12  # modules of a package itself, beside its folders
LONGEST_FILE = 350  # lines; aim for 300
LONGEST_FUNCTION = 60  # lines; aim for ten


def nodes(path):
    """The syntax of a file, without what only a type checker reads."""
    waiting = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        yield node
        checked = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        waiting += [] if checked else ast.iter_child_nodes(node)


def imports(path):
    """Every module that a file imports, wherever in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path} imports relatively"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            submodules = [name for name in inner if name in MODULES]
            yield from submodules
            if len(submodules) < len(inner):
                yield node.module


def graph(name_of):
    """What imports what, between modules or what holds them; the Python API stands on top."""
    edges = defaultdict(set)
    for module, path in MODULES.items():
        if module not in PACKAGES:
            targets = {name_of(i) for i in imports(path) if i in MODULES and i not in PACKAGES}
            edges[name_of(module)] |= targets - {name_of(module)}
    return edges


def folder_of(module):
    """A module of the top floor itself, or the sub-package of any other."""
    return ".".join(module.split(".")[:2])


def test_only_the_web_imports_gradio():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in [*ROOT.glob("*.py"), *MODULES.values()]
        if any(i.split(".")[0] == "gradio" for i in imports(path))
    }
    assert "app.py" in users
    assert all(re.match(r"app\.py|\w+/web/", user) for user in users), users


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_know_nothing_of_each_other(package):
    others = {*PACKAGES, "app", "deploy", "docs", "server", "tests", "training"} - {package}
    for module, path in MODULES.items():
        if module.split(".")[0] == package:
            assert not others & {i.split(".")[0] for i in imports(path)}, module


def test_the_server_knows_nothing_of_what_the_app_computes():
    others = {*PACKAGES, "app", "deploy", "docs", "tests", "training"}
    edges = {f"server.{path.stem}": list(imports(path)) for path in SERVER}
    assert "gradio" in edges["server.turns"]
    assert not {i.split(".")[0] for targets in edges.values() for i in targets} & others
    list(TopologicalSorter(edges).static_order())  # raises CycleError, which names them


@pytest.mark.parametrize("name_of", [str, folder_of], ids=["modules", "folders"])
def test_imports_run_downwards(name_of):
    list(TopologicalSorter(graph(name_of)).static_order())  # raises CycleError, which names them


def test_imports_run_down_the_tree_of_the_readme():
    tree = re.search(r"```text\n(app\.py.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    order, package = {}, ""
    for line in tree[1].splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()
        if not indent:
            package = name.rstrip("/")
        elif len(indent) == 2:
            order[f"{package}.{name.removesuffix('.py').rstrip('/')}"] = len(order)
    wrong = [
        f"{upper} imports {lower}, which stands below it"
        for upper, lowers in graph(folder_of).items() for lower in lowers
        if upper in order and lower in order and order[lower] > order[upper]
    ]  # fmt: skip
    assert not wrong


def test_weights_are_loaded_in_one_place():
    loaders = {
        path.relative_to(ROOT).as_posix() for path in MODULES.values()
        if re.search(r"from_pretrained\(|torch\.load\(|load_state_dict\(", path.read_text("utf-8"))
    }  # fmt: skip
    assert loaders == {"interrogator/models/loading.py"}


def test_what_answers_at_once_imports_nothing_heavy():
    """`import interrogator`, `--help`, the tables of models and options, the check of lists."""
    light = "interrogator.cli, interrogator.batch.cli, interrogator.models.registry"
    code = (
        f"import sys, {light}, interrogator.vocabulary.lists\n"
        "print({'torch', 'gradio', 'transformers', 'open_clip'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_folder_is_read_at_a_glance():
    folders = defaultdict(list)
    for path in [*MODULES.values(), *SERVER]:
        folders[path.parent].append(path.name)
    for folder, names in folders.items():
        own = [name for name in names if not name.startswith("__")]
        most = LARGEST_TOP if folder.parent == ROOT else LARGEST_FOLDER
        assert len(own) <= most, (folder, own)


def test_files_and_functions_are_short():
    for module, path in [*MODULES.items(), *((path.name, path) for path in SERVER)]:
        assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE, module
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno < LONGEST_FUNCTION, (module, node.name)
    assert len((ROOT / "app.py").read_text("utf-8").splitlines()) <= 120


def test_assets_are_small_enough_to_clone_at_once():
    sizes = {p: p.stat().st_size for p in (ROOT / "assets").rglob("*") if p.is_file()}
    assert max(sizes.values()) < 10_000_000, max(sizes, key=sizes.get)
    models = sum(size for p, size in sizes.items() if "models" in p.parts)
    assert models < 30_000_000


def requirements(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    names = (re.match(r"[A-Za-z0-9_.-]+", line) for line in lines if line and line[0] not in "#-")
    return {m.group().lower().replace("_", "-") for m in names if m}


def test_what_is_required_is_pinned_and_explained():
    required = requirements("requirements.txt") | requirements("requirements-dev.txt")
    assert required <= requirements("constraints.txt")
    document = (ROOT / "docs" / "dependencies.md").read_text("utf-8").lower().replace("_", "-")
    table = re.findall(r"^\| ([\w, -]+) \|", document, re.MULTILINE)
    explained = {name.strip() for cell in table for name in cell.split(",")}
    assert not required - explained, "have no line in docs/dependencies.md"
