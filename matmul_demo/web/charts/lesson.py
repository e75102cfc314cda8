"""The figures that fast.ai's lesson on matrix products recorded, beside this machine's.

They were read off the lesson's notes (notebook 01_matmul): another machine, another year, some by
another clock. So they are labelled as recorded, and two of them carry a warning.
"""

from __future__ import annotations

from dataclasses import dataclass

from matmul_demo.lanes.ladder import choose_lanes
from matmul_demo.racing.report import RaceReport
from matmul_demo.text import seconds_text, times_text
from matmul_demo.web.charts import html
from matmul_demo.web.teaching.job import PageReport
from matmul_demo.workloads import LESSON_BATCH, LESSON_FULL

SHAPE_NAMES = {
    LESSON_BATCH: "The lesson's batch, 10×784 · 784×10",
    LESSON_FULL: "The lesson's full set, 50000×784 · 784×10",
}


@dataclass(frozen=True)
class LessonFigure:
    """One figure of the lesson.

    Attributes:
        shape: the product, ROWSxINNERxCOLUMNS.
        lane: key of the lane that does the same here.
        seconds: as recorded.
        remark: what the figure is when it is not a measured time of the product; else empty.
    """

    shape: str
    lane: str
    seconds: float
    remark: str = ""


LESSON_FIGURES = (
    LessonFigure(LESSON_BATCH, "naive_numpy", 19.1e-3),
    LessonFigure(LESSON_BATCH, "naive_torch", 0.5, "the lesson says: about"),
    LessonFigure(LESSON_BATCH, "broadcast_torch", 138e-6),
    LessonFigure(LESSON_FULL, "naive_numpy", 95.0, "an estimate: the batch's 19.1 ms × 5,000"),
    LessonFigure(LESSON_FULL, "broadcast_torch", 449e-3),
    LessonFigure(LESSON_FULL, "einsum_torch", 9.53e-3),
    LessonFigure(LESSON_FULL, "matmul_torch", 9.27e-3),
    LessonFigure(
        LESSON_FULL, "cuda_launch", 22.3e-6,
        "the time to enqueue the work on a GPU, not to do it: the product would need 7.1 TB/s",
    ),
)  # fmt: skip
NOTE = (
    "Recorded figures come from the lesson's notes and from its author's machine; this machine's "
    "are from the race above. The ratio is recorded time over ours."
)


COLUMNS = ("step", "recorded", "this machine", "ratio", "what the recorded figure is")


def table(report: RaceReport) -> str:
    """The lesson's figures with those of a race on the same shape; blank for the other shape."""
    full = report.full if isinstance(report, PageReport) else None
    races = {race.workload.shape: race for race in (report, full) if race}
    rows = []
    for shape, name in SHAPE_NAMES.items():
        group = html.Cell(name, columns=len(COLUMNS), kind="race-group")
        rows.append(html.row(group, scope="colgroup"))
        race = races.get(shape)
        rows += [_row(race, figure) for figure in LESSON_FIGURES if figure.shape == shape]
    return (
        '<details class="race-lesson" data-keep="lesson"><summary>The lesson\'s recorded figures '
        f'beside this machine\'s</summary><p class="muted">{NOTE}</p>'
        f"{html.table(COLUMNS, rows)}</details>"
    )


def _row(report: RaceReport | None, figure: LessonFigure) -> str:
    (lane,) = choose_lanes([figure.lane])
    same = report is not None and report.workload.dtype == "float32"
    result = report.result(figure.lane) if report and same else None
    ours, ratio = "not raced", "–"
    if result and result.status == "ok" and result.seconds:
        ours = ("≈ " if result.estimated else "") + seconds_text(result.seconds)
        ratio = times_text(figure.seconds / result.seconds)
    elif result:
        ours = "not here" if result.status == "unavailable" else result.status
    step = html.Cell(lane.title, note=lane.library)
    return html.row(step, seconds_text(figure.seconds), ours, ratio, figure.remark)
