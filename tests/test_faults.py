"""The table of faults names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_fault_of_the_table_has_its_tests():
    written = (ROOT / "docs" / "faults.md").read_text("utf-8")
    rows = [line for line in written.splitlines() if line.startswith("| ") and "test |" not in line]
    named = [set(re.findall(r"`(test_\w+)`", row)) for row in rows]
    sources = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    there = {name for text in sources for name in re.findall(r"^def (test_\w+)", text, re.M)}
    assert len(rows) > 30
    assert all(named)
    assert not set.union(*named) - there
