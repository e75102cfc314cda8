import json
import subprocess
import sys

import pytest

from matmul_demo.cli import main


def test_json_is_the_last_line_after_a_readable_table():
    command = "-m matmul_demo --shape 10x20x30 --only matmul_torch,naive_lists --budget 1 --json"
    done = subprocess.run(
        [sys.executable, *command.split()], capture_output=True, text=True, check=True
    )
    *table, last = done.stdout.splitlines()
    race = json.loads(last)
    assert race["shape"] == "10x20x30"
    assert [result["strategy"] for result in race["results"]] == ["naive_lists", "matmul_torch"]
    assert any(line.startswith("matmul_torch") and "  measured" in line for line in table)
    assert "The floor of this machine is" in table[-1]
    assert "Traceback" not in done.stderr
    assert "naive_lists" in done.stderr  # what runs now


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--shape 0x1x1", "between 1 and"),
        ("--shape nonsense", "cannot be read"),
        ("--only fastest", "no lane 'fastest'"),
        ("--only=", "no lane ''"),
        ("--dtype int3", "float32, float64"),
        ("--device tpu", "cpu, cuda"),
        ("--threads 9999", "9999 threads"),
        ("--cache hot", "warm, cold"),
        ("--baseline fastest", "no lane 'fastest'"),
        ("--budget 0", "from 1 to 120 seconds"),
    ],
)
def test_a_bad_argument_is_a_sentence_and_status_2(arguments, complaint, capsys):
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_an_argument_that_is_no_number_is_status_2(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--threads", "many"])
    assert "invalid int value: 'many'" in capsys.readouterr().err
