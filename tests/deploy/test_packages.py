import subprocess

import pytest

from deploy import packages


@pytest.fixture
def project(tmp_path):
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    return tmp_path


def answers(monkeypatch, code, out, err):
    calls = []

    def run(command, **settings):
        calls.append((command, settings["input"]))
        return subprocess.CompletedProcess(command, code, out, err)

    monkeypatch.setattr(packages.subprocess, "run", run)
    return calls


def test_versions_are_read_from_what_the_resolver_prints(project, monkeypatch):
    calls = answers(monkeypatch, 0, "six==1.17.0\nzope.interface==8.1 ; python\n", "")
    found = packages.resolve("3.12", ["torch==2.8.0"], root=project)
    assert found == {"six": "1.17.0", "zope.interface": "8.1"}
    assert calls[0][1] == "six==1.17.0\n\ntorch==2.8.0"


def test_an_index_out_of_reach_is_no_mistake_of_ours(project, monkeypatch):
    """With the real resolver, whose index is a port where nobody listens."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    nowhere = ["--index-url", "http://127.0.0.1:9/simple", "--no-cache"]
    with pytest.raises(packages.NoIndexError):
        packages.resolve("3.12", options=nowhere, root=project)


def test_requirements_without_a_solution_are_reported_as_the_resolver_says_them(
    project, monkeypatch
):
    answers(monkeypatch, 1, "", "error: No solution found\n  because six==1.17.0\n")
    with pytest.raises(packages.UnresolvableError, match="No solution found because six"):
        packages.resolve("3.12", root=project)


def test_the_check_names_the_torch_that_does_not_fit(monkeypatch):
    def resolve(python, extra, **_):
        if "torch==2.9.1" in extra:
            raise packages.UnresolvableError("No solution")
        return {"torch": "2.13.0", "gradio": "6.31.0"}

    monkeypatch.setattr(packages, "resolve", resolve)
    assert packages.check().problems == ("with torch 2.9.1: No solution",)


def test_offline_the_check_is_skipped_with_its_reason(monkeypatch):
    def resolve(*_):
        raise packages.NoIndexError("the package index cannot be reached")

    monkeypatch.setattr(packages, "resolve", resolve)
    outcome = packages.check()
    assert (outcome.problems, outcome.skipped) == ((), "the package index cannot be reached")


def test_the_gradio_of_the_space_is_the_tested_one():
    assert packages._unlike_the_tested("6.30.0")
    fields = packages.front_matter.read((packages.ROOT / "README.md").read_text("utf-8"))
    assert packages._unlike_the_tested(fields["sdk_version"]) == []


def test_without_a_front_matter_it_is_reported_and_nothing_is_resolved(tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text("---\ntitle: A\n---\n")
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    assert packages.check().problems == ("the front matter does not say it: 'python_version'",)
