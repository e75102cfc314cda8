"""`pip install .` into an environment of its own: both commands and the Python API, offline."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv

import pytest

from deploy.files import tracked
from docs.generate import ROOT

pytestmark = pytest.mark.slow
CAT = ROOT / "assets" / "examples" / "cat-pop-art.jpg"
EXAMPLE = """
import interrogator, matmul_demo
print(interrogator.__file__, matmul_demo.__file__)
print(interrogator.load("demo").interrogate(r"{path}", mode="classic").prompt)
"""


def site_of(environment):
    return next((environment / "lib").glob("python*/site-packages"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A fresh environment with the package; torch and the like are those of this one."""
    folder = tmp_path_factory.mktemp("installed")
    source, environment = folder / "source", folder / "environment"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    venv.create(environment, with_pip=False)
    # Behind the environment's own folder on the path.
    (site_of(environment) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install"]
    subprocess.run(
        [*pip, "--quiet", "--no-deps", "--no-build-isolation", "--no-index", source],
        check=True, capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    shutil.rmtree(source)  # nothing may be read from there
    return environment


def run(command, folder):
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=200, check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_writes_a_prompt(installed, tmp_path):
    picture = shutil.copy(CAT, tmp_path)
    command = [installed / "bin" / "interrogate", picture, "--preset", "demo", "--mode", "classic"]
    assert "pop art" in run(command, tmp_path)


def test_python_writes_a_prompt_with_what_was_installed(installed, tmp_path):
    picture = shutil.copy(CAT, tmp_path)
    code = EXAMPLE.format(path=picture)
    where, prompt = run([installed / "bin" / "python", "-c", code], tmp_path).splitlines()
    assert where.count(str(installed)) == 2
    assert "pop art" in prompt


def test_the_race_runs(installed, tmp_path):
    only = ["--shape", "16x16x16", "--only", "matmul_numpy", "--budget", "1"]
    assert "matmul_numpy" in run([installed / "bin" / "matmul-race", *only], tmp_path)


def test_nothing_but_the_two_packages_is_installed(installed):
    folders = {path.name for path in site_of(installed).iterdir() if path.is_dir()}
    assert {name for name in folders if "." not in name} - {"__pycache__"} == {
        "interrogator",
        "matmul_demo",
    }
