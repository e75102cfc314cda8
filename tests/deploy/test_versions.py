import re

import pytest

from deploy import packages, versions
from deploy.outcome import ROOT


@pytest.fixture
def calls(monkeypatch):
    """The calls of the resolver; it finds a torch for the GPU."""
    calls = []

    def resolve(python, extra, options):
        calls.append((list(extra), tuple(options)))
        found = {"torch": "2.13.0", "nvidia-cublas": "13", "triton": "3", "numpy": "2"}
        return {**dict.fromkeys(versions.MAIN_PACKAGES, "1"), **found}

    monkeypatch.setattr(packages, "resolve", resolve)
    return calls


def test_torch_stays_as_it_is_pinned_unless_another_is_allowed(calls, monkeypatch):
    monkeypatch.setattr(versions.torch.version, "cuda", None)
    found = versions.chosen("lowest", any_torch=False)
    pinned = re.findall(r"^torch(?:vision)?==.*$", (ROOT / "constraints.txt").read_text(), re.M)
    assert calls == [(pinned, ("--resolution", "lowest-direct"))]
    assert "nvidia-cublas" not in found
    assert "triton" not in found
    assert "nvidia-cublas" in versions.chosen("newest", any_torch=True)
    assert calls[-1] == ([], ())


def test_the_tests_tools_are_those_of_requirements_dev():
    text = "# tools\n-r requirements.txt\nmcp>=1.21,<2\npytest-cov\nuv\n"
    assert versions.tools(text) == ["mcp>=1.21,<2", "pytest-cov", "uv"]
    assert "pytest" in versions.tools((ROOT / "requirements-dev.txt").read_text())


@pytest.mark.parametrize(
    ("error", "problems", "skipped"),
    [
        (packages.NoIndexError("no index"), (), "no index"),
        (packages.UnresolvableError("no way"), ("no way",), ""),
    ],
)
def test_what_cannot_be_resolved_is_reported(monkeypatch, error, problems, skipped):
    def resolve(*_):
        raise error

    monkeypatch.setattr(packages, "resolve", resolve)
    outcome = versions.check("lowest", False, [])
    assert (outcome.problems, outcome.skipped) == (problems, skipped)


@pytest.mark.parametrize(("code", "status"), [(0, 0), (1, 1)])
def test_tests_that_fail_fail_the_job(calls, monkeypatch, capsys, code, status):
    ran = []

    def run(command, **_):
        ran.append(command)
        return versions.subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(versions, "install", lambda way, found: f"python-{way}")
    monkeypatch.setattr(versions.subprocess, "run", run)
    assert versions.main(["--tests", "tests/deploy -x"]) == status
    assert [command[0] for command in ran] == ["python-lowest", "python-newest"]
    assert ran[0][-2:] == ["tests/deploy", "-x"]
    assert capsys.readouterr().out.count("pytest ended with 1") == 2 * code
