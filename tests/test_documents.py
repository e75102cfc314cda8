"""README.md and docs/ hold what they say: commands run, links lead somewhere, figures are ours."""

import contextlib
import os
import re
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from PIL import Image

from docs import generate
from docs.generate import RESULTS, ROOT
from interrogator.images import decode
from interrogator.images.formats import FORMATS_TEXT
from interrogator.prompts.rules import MOST_ARTISTS, MOST_PHRASES
from interrogator.vocabulary.selection import MOST_OWN
from training.painter.spec import SUBJECTS

PAPERS = [path.relative_to(ROOT).as_posix() for path in generate.DOCUMENTS]
PAPERS += ["CONTRIBUTING.md", "CHANGELOG.md"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SERVED = "http://127.0.0.1:7860"
MODULE = ".venv/bin/python -m "


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(language):
    found = [
        (name, code) for name in PAPERS for kind, code in FENCE.findall(text_of(name))
        if kind == language
    ]  # fmt: skip
    return [pytest.param(code, id=f"{name} {i}") for i, (name, code) in enumerate(found)]


def commands():
    """Every `python -m` of the documents, as (module, arguments)."""
    found = {
        line.partition("#")[0].removeprefix(MODULE).strip(): None
        for name in PAPERS for kind, code in FENCE.findall(text_of(name)) if kind == "bash"
        for line in code.replace("\\\n", " ").splitlines() if line.startswith(MODULE)
    }  # fmt: skip
    return list(found)


# What is generated.


def test_a_generated_part_is_replaced_and_nothing_else(monkeypatch):
    monkeypatch.setattr(generate, "PARTS", {"one": lambda: "new", "two": lambda: r"\1"})
    text = "a\n<!-- one -->\nold\nold\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n"
    assert generate.render(text) == (
        "a\n<!-- one -->\nnew\n<!-- /one -->\nb\n<!-- two -->\n\\1\n<!-- /two -->\n"
    )
    assert "old\nold" in generate.render(text, skip={"one"})


def test_a_stale_document_is_named_and_written(monkeypatch, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- one -->\n2\n<!-- /one -->\n")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "DOCUMENTS", (page,))
    monkeypatch.setattr(generate, "PARTS", {"one": lambda: "1"})
    assert generate.main(["--check"]) == 1
    assert "page.md" in capsys.readouterr().out
    assert generate.main([]) == 0
    assert page.read_text() == "<!-- one -->\n1\n<!-- /one -->\n"
    assert generate.main(["--check"]) == 0


@pytest.mark.slow  # builds the app; `make lint` compares all but the endpoints
def test_every_generated_part_is_up_to_date():
    assert generate.main(["--check"]) == 0


def test_every_part_stands_in_a_document():
    whole = "".join(path.read_text("utf-8") for path in generate.DOCUMENTS)
    for name in generate.PARTS:
        assert whole.count(f"<!-- {name} -->") == whole.count(f"<!-- /{name} -->") == 1, name


@pytest.mark.parametrize("path", RESULTS.values(), ids=lambda path: path.stem)
def test_every_kept_figure_has_the_command_that_printed_it(path):
    program, script, *_ = path.read_text("utf-8").splitlines()[0].split()
    assert program == "python"
    assert (ROOT / script).exists()
    assert path.read_text("utf-8").rstrip().endswith("}"), "the line of JSON is kept as well"


# What can be run.


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The app as `make run` serves it; what is installed already is not installed again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["make", "-o", ".venv/.installed", "run", f"PORT={port}"]
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("served") / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command, cwd=ROOT, start_new_session=True, stdout=out, stderr=out,
            env={**os.environ, "MATMUL_CACHE": str(log.parent)},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 240
        while True:
            try:
                httpx.get(url, timeout=10)
                break
            except httpx.TransportError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, "nothing is served"
                time.sleep(0.2)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


@pytest.mark.slow
def test_make_run_serves_the_app(served):
    answer = httpx.get(served)
    assert answer.status_code == 200
    assert "Prompt interrogator" in answer.text


def quick(arguments):
    """A race of a second: how long it takes is not what the document says."""
    kept = re.sub(r"--budget \S+", "", arguments)
    return f"{kept} --budget 1" if kept.startswith("matmul_demo") else kept


def expanded(arguments):
    """What a shell makes of `*`."""
    paths = [map(str, sorted(ROOT.glob(a))) if "*" in a else [a] for a in arguments]
    return [path for group in paths for path in group]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")  # imported before
@pytest.mark.parametrize("command", commands())
def test_every_command_runs(command, monkeypatch, tmp_path, capfd):
    """In this process, as `python -m` runs it: a process each would import torch anew."""
    (tmp_path / "fog.txt").write_text("fog\nmist\n")
    module, *arguments = shlex.split(re.sub(r"\bDIR\b", str(tmp_path), quick(command)))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [module, *expanded(arguments)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    printed = capfd.readouterr()
    assert ended.value.code in (0, None), printed.err
    assert printed.out.strip()


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_every_python_example_runs(code, served, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(compile(code.replace(SERVED, served), "example", "exec"), {"__name__": "example"})
    printed = capsys.readouterr().out
    assert printed.strip()
    assert "cat" in printed or "cat" not in code


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("javascript"))
def test_every_javascript_example_runs(code, served, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH: the JavaScript example is not run")
    script = tmp_path / "example.mjs"
    script.write_text(code.replace(SERVED, served))
    done = subprocess.run([node, script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "cat" in done.stdout


@pytest.mark.slow
def test_curl_gets_a_prompt_and_a_race(served):
    """A program without a line of ours: the example of docs/api.md."""
    if shutil.which("curl") is None:
        pytest.skip("no curl on the PATH")
    (code,) = [c for _, c in FENCE.findall(text_of("docs/api.md")) if "curl" in c]
    script = ["bash", "-euo", "pipefail", "-c", code.replace(SERVED, served)]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("event: complete") == 2
    assert '"prompt": "' in done.stdout
    assert '"strategy": "matmul_numpy"' in done.stdout


def test_every_line_of_bash_is_run_by_a_test():
    """A command, a target of make, curl's example, or what needs the network."""
    for name in PAPERS:
        for kind, code in FENCE.findall(text_of(name)):
            if kind == "bash" and "curl" not in code:
                for line in filter(None, code.replace("\\\n", " ").splitlines()):
                    assert line.startswith((MODULE, "make ", "git clone ", "#")), (name, line)


# What make does.


def planned(target):
    """What `make TARGET` would do on a machine where nothing is installed."""
    command = ["make", "--dry-run", "--always-make", target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    named = {
        target for name in PAPERS for kind, code in FENCE.findall(text_of(name)) if kind == "bash"
        for target in re.findall(r"^(?:\w+=\S+ )*make ([a-z-]+)", code, re.MULTILINE)
    }  # fmt: skip
    named |= {target for name in PAPERS for target in re.findall(r"`make ([a-z-]+)", text_of(name))}
    assert {"run", "test", "test-all", "install", "bench", "docs"} <= named <= targets


def test_running_installs_what_running_needs_and_testing_the_rest():
    assert "requirements.txt" in planned("run")
    assert "requirements-dev.txt" not in planned("run")
    assert "requirements-dev.txt" in planned("test")
    assert "requirements-reference.txt" in planned("test")


def test_make_test_leaves_out_what_is_slow_and_test_all_nothing():
    for target, selects in (("test", True), ("test-all", False)):
        plan = planned(target)
        assert ('-m "not slow"' in plan) is selects
        for linter in ("ruff format --check", "ruff check", "bin/mypy", "docs.generate --check"):
            assert linter in plan, target
    assert "make test-all" in text_of(".ci/run")


def test_install_does_nothing_when_nothing_changed(tmp_path):
    stamp = tmp_path / ".venv" / ".installed"
    stamp.parent.mkdir()
    for name in ("requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    stamp.touch()
    command = ["make", "-f", str(ROOT / "Makefile"), "--question", "install"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "requirements.txt").write_text("another\n")
    os.utime(tmp_path / "requirements.txt", (stamp.stat().st_mtime + 1,) * 2)
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 1


# What is said.


def anchors(name):
    """The fragments that a heading of a document gets on GitHub."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(name)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAPERS)
def test_every_link_and_picture_leads_somewhere(name):
    folder = (ROOT / name).parent
    targets = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(name)))
    for target in targets:
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        assert not path or (folder / path).exists(), target
        if anchor:
            paper = (folder / path).resolve().relative_to(ROOT.resolve()).as_posix()
            assert anchor in anchors(paper if path else name), target


def test_every_document_is_linked_from_the_readme():
    linked = set(re.findall(r"\]\((docs/\w+\.md)", text_of("README.md")))
    assert linked == {path for path in PAPERS if path.startswith("docs/")}


def test_the_readme_is_read_to_the_end():
    text = text_of("README.md")
    assert len(text.splitlines()) <= 250
    (measured,) = re.findall(r"<!-- summary -->\n(.*?)<!--", text, re.DOTALL)
    assert len(measured.splitlines()) <= 2 + 10


def test_the_tree_names_what_there_is():
    """Every path of the README's annotated tree exists, and every sub-package is in it."""
    (tree,) = [code for kind, code in FENCE.findall(text_of("README.md")) if kind == "text"]
    parents, named = [], set()
    for indent, name in re.findall(r"^( *)(\S+)", tree, re.MULTILINE):
        parents[len(indent) // 2 :] = [name]
        named.add("".join(parents))
        assert (ROOT / "".join(parents)).exists(), "".join(parents)
    for package in ("interrogator", "matmul_demo"):
        folders = {f"{path.parent.relative_to(ROOT)}/" for path in ROOT.glob(f"{package}/**/*.py")}
        assert folders <= named


def test_screenshots_are_pictures_of_a_size_that_loads_at_once():
    shown = re.findall(r"!\[([^\]]+)\]\((assets/screenshots/[^)]+)\)", text_of("README.md"))
    assert len(shown) == 2
    for says, path in shown:
        with Image.open(ROOT / path) as picture:
            assert picture.width >= 375
            picture.load()
        assert (ROOT / path).stat().st_size < 400_000, path
        assert len(says) > 20  # a description, for those who do not see it


def test_the_limits_are_those_of_the_code():
    text = text_of("docs/api.md")
    assert f"{decode.MAX_BYTES // 2**20} MB and {decode.MAX_PIXELS // 10**6} megapixels" in text
    assert f"megapixels: {FORMATS_TEXT}." in text
    assert f"{MOST_PHRASES} phrases, {MOST_ARTISTS} artists, {MOST_OWN:,} phrases" in text


def test_the_counts_are_those_of_the_lists():
    from interrogator.models.registry import EMBEDDED
    from interrogator.vocabulary.lists import built_in, read_folder

    words = " ".join(text_of("docs/words.md").split())
    ours = {name: len(group) for name, group in built_in().categories.items()}
    for name, step in (("artists", 100), ("movements", 50), ("mediums", 1), ("styles", 100)):
        assert f"{ours[name] // step * step:,} {name}" in words, name
    assert sum(ours.values()) // 10_000 == 1
    demo = read_folder(EMBEDDED / "vocabulary").categories
    known = {"subjects": SUBJECTS, "movements": demo["movements"], "mediums": demo["mediums"]}
    for name, group in known.items():
        count = f"{ {12: 'twelve', 20: 'twenty'}[len(group)] } {name}"
        assert count in text_of("README.md"), name
        assert count in text_of("docs/models.md"), name


def test_the_downloads_are_those_of_the_presets():
    from interrogator.models.registry import CAPTIONERS, CLIPS, PRESETS

    size = {model.name: model.download for model in (*CAPTIONERS, *CLIPS)}
    light, quality = (size[PRESETS[name].caption] + size[PRESETS[name].clip]
                      for name in ("light", "quality"))  # fmt: skip
    words = f"`light` ({light:.1f} GB to download) or `quality` ({quality:.1f} GB)"
    assert words in " ".join(text_of("README.md").split())
