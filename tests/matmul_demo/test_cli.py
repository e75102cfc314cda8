"""The command: its table and JSON, its sentences, and what it does not import."""

import json
import signal
import subprocess
import sys

import pytest

from matmul_demo import cli

COMMAND = [sys.executable, "-m", "matmul_demo"]


@pytest.mark.slow
def test_json_is_the_last_line_after_a_readable_table():
    arguments = "--shape 10x20x30 --only matmul_torch,naive_lists --budget 1 --json"
    done = subprocess.run(
        [*COMMAND, *arguments.split()], capture_output=True, text=True, check=True
    )
    *table, last = done.stdout.splitlines()
    race = json.loads(last)
    assert race["shape"] == "10x20x30"
    assert [result["strategy"] for result in race["results"]] == ["naive_lists", "matmul_torch"]
    assert any(line.startswith("matmul_torch") and "  measured" in line for line in table)
    assert "The floor of this machine is" in table[-1]
    assert "Traceback" not in done.stderr
    assert "naive_lists" in done.stderr  # what runs now


@pytest.mark.slow
def test_ctrl_c_ends_quietly():
    arguments = "--shape 2048x2048x2048 --only naive_torch --budget 60"
    process = subprocess.Popen(
        [*COMMAND, *arguments.split()], stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # "&" ignores it
    )  # fmt: skip
    assert any("naive_torch" in line for line in process.stderr)  # waits until the lane runs
    process.send_signal(signal.SIGINT)
    assert process.stderr.read().splitlines()[-1] == "Stopped."
    assert process.wait(20) == 130


def test_a_refusal_or_a_stop_is_one_line_and_a_status(capsys, monkeypatch):
    assert cli.main(["--threads", "many"]) == 2
    assert "'many' of threads" in capsys.readouterr().err

    def stop(settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", stop)
    assert cli.main([]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Stopped.\n")


def test_options_are_checked_before_anything_heavy_is_imported():
    code = (
        "import sys; from matmul_demo import cli; status = cli.main(['--only', 'fastest']); "
        "heavy = {'torch', 'numba', 'gradio', 'transformers'} & set(sys.modules); "
        "sys.exit(status if not heavy else f'{heavy} imported')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("The value 'fastest' of lanes")
    assert done.stderr.count("\n") == 1
