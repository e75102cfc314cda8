"""README.md and API.md hold what they say: commands run, links lead somewhere, figures are ours."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from PIL import Image

from interrogator import options
from interrogator.images import decode
from interrogator.vocabulary import selection
from tests.documents import FILES, RESULTS, ROOT, filled
from training.painter.spec import SUBJECTS

PAPERS = [*FILES, "CONTRIBUTING.md", "CHANGELOG.md"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SERVED = "http://127.0.0.1:7860"
ELSEWHERE = ("make ", "git ", "PORT=")  # checked by tests of their own, or need an account


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(language):
    found = [
        (name, code) for name in PAPERS for kind, code in FENCE.findall(text_of(name))
        if kind == language
    ]  # fmt: skip
    return [pytest.param(code, id=f"{name} {i}") for i, (name, code) in enumerate(found)]


def lines(code):
    return code.replace("\\\n", " ").splitlines()


def run(command, **settings):
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False, **settings
    )


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse lays --help out otherwise")
@pytest.mark.parametrize("name", FILES)
def test_what_is_generated_is_what_the_program_says_of_itself(name):
    assert filled(text_of(name)) == text_of(name), "write it anew: python -m tests.documents"


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_figure_kept_is_shown_under_a_command_that_can_be_run(path):
    assert f"<!-- measured {path.stem} -->" in text_of("README.md")
    program, script, *_ = path.read_text("utf-8").splitlines()[0].split()
    assert program == "python"
    assert (ROOT / script).exists()
    assert path.read_text("utf-8").rstrip().endswith("}"), "the line of JSON is kept as well"


@pytest.mark.parametrize("code", blocks("bash"))
def test_every_command_runs(code, app_url, tmp_path):
    (tmp_path / "fog.txt").write_text("fog\nmist\n")
    kept = [line for line in lines(code) if not line.startswith(ELSEWHERE)]
    if not "".join(kept).strip():
        return  # looked at by the tests of make
    script = "\n".join(kept).replace(SERVED, app_url)
    script = re.sub(r"\bDIR\b", str(tmp_path), script)
    done = run(["bash", "-euo", "pipefail", "-c", script])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "event: error" not in done.stdout


@pytest.mark.parametrize("code", blocks("python"))
def test_every_python_example_runs(code, app_url):
    done = run([sys.executable, "-c", code.replace(SERVED, app_url)])
    assert done.returncode == 0, done.stderr
    assert "cat" in done.stdout


@pytest.mark.parametrize("code", blocks("javascript"))
def test_every_javascript_example_runs(code, app_url, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH: the JavaScript example is not run")
    script = tmp_path / "example.mjs"
    script.write_text(code.replace(SERVED, app_url))
    done = run([node, script])
    assert done.returncode == 0, done.stderr
    assert "cat" in done.stdout


def test_curl_gets_a_prompt_and_a_race(app_url):
    """A program without a line of ours: the example of API.md."""
    if shutil.which("curl") is None:
        pytest.skip("no curl on the PATH")
    (code,) = [c for kind, c in FENCE.findall(text_of("API.md")) if kind == "bash" and "curl" in c]
    told = run(["bash", "-euo", "pipefail", "-c", code.replace(SERVED, app_url)]).stdout
    assert told.count("event: complete") == 2
    assert '"prompt": "' in told
    assert '"strategy": "matmul_numpy"' in told


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    named = {
        target for name in PAPERS for kind, code in FENCE.findall(text_of(name)) if kind == "bash"
        for target in re.findall(r"^(?:\w+=\S+ )*make ([a-z-]+)", code, re.MULTILINE)
    }  # fmt: skip
    named |= {target for name in PAPERS for target in re.findall(r"`make ([a-z-]+)", text_of(name))}
    assert {"run", "test"} <= named <= targets


def test_make_run_serves_the_app():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["make", "-o", ".venv/.installed", "run", f"PORT={port}"]  # installed it is already
    server = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 240
        while True:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=10)
                break
            except httpx.TransportError:
                assert server.poll() is None, server.stderr.read()
                assert time.monotonic() < deadline, "nothing is served"
                time.sleep(0.2)
        assert answer.status_code == 200
        assert "Prompt interrogator" in answer.text
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        server.stderr.close()


@pytest.mark.parametrize("name", PAPERS)
def test_every_link_and_picture_leads_somewhere(name):
    headings = {
        paper: {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", text_of(paper), re.MULTILINE)
        }
        for paper in PAPERS
    }
    prose = FENCE.sub("", text_of(name))
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    assert targets
    for target in targets:
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        assert not path or (ROOT / path).exists(), target
        if anchor:
            assert anchor in headings[path or name], target


def test_screenshots_are_pictures_of_a_size_that_loads_at_once():
    shown = re.findall(r"!\[([^\]]+)\]\((assets/screenshots/[^)]+)\)", text_of("README.md"))
    assert len(shown) >= 2
    for says, path in shown:
        with Image.open(ROOT / path) as picture:
            assert picture.width >= 375
            picture.load()
        assert (ROOT / path).stat().st_size < 400_000, path
        assert len(says) > 20  # a description, for those who do not see it


def test_the_front_matter_is_where_a_space_reads_it():
    assert text_of("README.md").startswith("---\ntitle: ")
    assert "\nsdk: gradio\n" in text_of("README.md").split("---")[1]


def test_the_limits_told_are_those_of_the_code():
    told = text_of("API.md")
    assert f"{decode.MAX_BYTES // 2**20} MB and {decode.MAX_PIXELS // 10**6} megapixels" in told
    phrases = next(field.most for field in options.PROMPT if field.name == "most")
    assert (
        f"{phrases} phrases, {options.MAX_ARTISTS} artists, {selection.MOST_OWN:,} phrases" in told
    )


def test_the_counts_told_are_those_of_the_lists():
    from interrogator.models.registry import EMBEDDED
    from interrogator.vocabulary.lists import built_in, read_folder

    told = " ".join(text_of("README.md").split())
    ours = {name: len(group) for name, group in built_in().categories.items()}
    for name, step in (("artists", 100), ("movements", 50), ("mediums", 1), ("styles", 100)):
        assert f"{ours[name] // step * step:,} {name}" in told, name
    assert sum(ours.values()) // 10_000 == 1
    demo = read_folder(EMBEDDED / "vocabulary").categories
    told_of = {"subjects": SUBJECTS, "movements": demo["movements"], "mediums": demo["mediums"]}
    for name, group in told_of.items():
        assert f"{ {12: 'twelve', 20: 'twenty'}[len(group)] } {name}" in told, name
