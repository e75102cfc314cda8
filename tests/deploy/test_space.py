"""What is pushed, and the app as a Space starts it."""

import os
import subprocess

import pytest

from deploy import __main__ as command
from deploy import files, start
from deploy.outcome import Outcome


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "small.txt").write_text("small")
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    return tmp_path


def test_a_large_file_is_found_if_it_is_pushed(repository):
    (repository / "large.bin").write_bytes(bytes(files.LARGEST))
    assert files.check(repository).problems == ()
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    assert files.check(repository).problems == ("large.bin has 10.0 MB",)


def test_what_is_not_committed_is_not_what_is_pushed(repository):
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, "commit", "-qm", "one"], cwd=repository, check=True)
    assert files.committed(repository).problems == ()
    (repository / "small.txt").write_text("better")
    (repository / "new.txt").write_text("new")
    assert files.committed(repository).problems == (
        "small.txt is not as committed", "new.txt is not as committed",
    )  # fmt: skip


@pytest.mark.slow
def test_the_app_starts_as_on_a_space_and_its_first_visitor_gets_a_prompt(monkeypatch):
    monkeypatch.setattr(start, "START_SECONDS", 120.0)  # what else runs here is not our concern
    outcome = start.check()
    assert outcome.problems == ()
    assert "by Roy Lichtenstein" in outcome.details


def test_an_app_that_does_not_start_is_reported_with_the_end_of_its_log(repository, monkeypatch):
    (repository / "app.py").write_text("raise SystemExit('no models today')")
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    with pytest.raises(RuntimeError, match="no models today"), start.started(repository):
        pass


def test_a_space_has_its_own_variables_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "secret")
    variables = start.environment(tmp_path / "home" / "user", 7860)
    assert variables["SPACE_ID"] == "someone/prompt-interrogator"
    assert variables["GRADIO_SERVER_PORT"] == "7860"
    assert not {"HF_TOKEN", "PYTHONPATH", "PORT", "HOST"} & set(variables)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start as somebody else")
def test_root_starts_it_as_somebody_else():
    way = start.as_user()
    done = subprocess.run([*way, "id", "-u"], capture_output=True, text=True, check=True)
    assert int(done.stdout) == (start.USER if way else 0)


def test_the_commands_are_printed_when_nothing_is_wrong(monkeypatch, capsys):
    for module in (command.front_matter, command.files, command.packages, command.start):
        monkeypatch.setattr(module, "check", lambda: Outcome("x", "fine"))
    monkeypatch.setattr(command.files, "committed", lambda: Outcome("x", "fine"))
    assert command.main(["--space", "me/mine"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("ok ") == 5
    assert "git clone . ../space-mine && cd ../space-mine" in printed
    assert "git push --force https://huggingface.co/spaces/me/mine HEAD:main" in printed
    monkeypatch.setattr(command.files, "check", lambda: Outcome("x", problems=("bad",)))
    assert command.main([]) == 1
    assert "git push" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main(["--space", "mine"])
