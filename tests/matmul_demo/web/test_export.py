"""A race as files."""

import base64
import csv
import io
import json
import re
from urllib.parse import unquote

from matmul_demo.lanes.ladder import LADDER
from matmul_demo.racing.report import Outcome, RaceReport
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.web import export
from matmul_demo.workloads import Workload

WORKLOAD = Workload(4, 5, 6)
LANES = LADDER[:3]


def report(phase="done"):
    outcomes = [
        Outcome(LANES[0].key, "ok", Timing((1.0, 2.0, 3.0), Part(4, 6), 9.0), 1e-16),
        Outcome(LANES[1].key, "wrong", Timing((1.0,), Part(4, 6), 9.0), 0.5, 'Off, by "half".'),
        Outcome(LANES[2].key, "stopped", reason="Ended by Stop."),
    ]
    return RaceReport(WORKLOAD, 2, LANES, tuple(outcomes), phase)


def test_the_json_is_that_of_the_api():
    assert json.loads(export.json_text(report())) == json.loads(json.dumps(report().to_json()))


def test_the_csv_has_a_line_for_each_lane_and_the_numbers_of_the_json():
    rows = list(csv.DictReader(io.StringIO(export.csv_text(report()))))
    assert [row["strategy"] for row in rows] == [lane.key for lane in LANES]
    first, wrong, stopped = rows
    assert (first["shape"], first["threads"], first["status"]) == ("4x5x6", "2", "ok")
    assert float(first["seconds"]) == 2.0
    assert (float(first["lower_quartile_seconds"]), float(first["upper_quartile_seconds"])) == (
        1.5,
        2.5,
    )
    assert wrong["reason"] == 'Off, by "half".'
    assert stopped["seconds"] == stopped["lower_quartile_seconds"] == ""


def test_the_links_hold_the_files():
    found = re.findall(r'download="([^"]+)" href="data:([^;]+);charset=utf-8;base64,([^"]+)"',
                       export.links(report()))  # fmt: skip
    assert [(name, kind) for name, kind, _ in found] == [
        ("race-4x5x6.json", "application/json"),
        ("race-4x5x6.csv", "text/csv"),
    ]
    texts = [base64.b64decode(unquote(data)).decode() for _, _, data in found]
    assert texts == [export.json_text(report()), export.csv_text(report())]


def test_there_is_nothing_to_save_before_the_end():
    assert "href" not in export.links(report("racing"))
    assert "href" not in export.links(RaceReport(WORKLOAD, 2, LANES))
