"""The figures that fast.ai's lesson on matrix products recorded, beside this machine's.

They were read off the lesson's notes (notebook 01_matmul): another machine, another year, some by
another clock. So they are labelled as recorded, and two of them carry a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from matmul_demo.lanes.ladder import LADDER
from matmul_demo.racing.report import RaceReport
from matmul_demo.text import seconds_text, times_text
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


def table(report: RaceReport) -> str:
    """The lesson's figures with those of a race on the same shape; blank for the other shape."""
    rows = "".join(_row(report, line) for line in LESSON_FIGURES)
    head = "".join(
        f"<th scope='col'>{name}</th>"
        for name in ("step", "recorded", "this machine", "ratio", "what the recorded figure is")
    )
    return (
        "<div class=\"race-lesson\"><h3>The lesson's recorded figures beside this machine's</h3>"
        f'<p class="muted">{NOTE}</p><div class="race-table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></div>"
    )


def _row(report: RaceReport, line: LessonFigure) -> str:
    lane = next(lane for lane in LADDER if lane.key == line.lane)
    same = report.workload.shape == line.shape and report.workload.dtype == "float32"
    result = report.result(line.lane) if same else None
    seconds = result.seconds if result and result.status == "ok" else None
    ours, ratio = "not raced", "–"
    if result and seconds:
        ours = ("≈ " if result.estimated else "") + seconds_text(seconds)
        ratio = times_text(line.seconds / seconds)
    elif result:
        ours = "not here" if result.status == "unavailable" else result.status
    first = next(other for other in LESSON_FIGURES if other.shape == line.shape)
    group = ""
    if line is first:
        group = (
            f'<tr><th scope="colgroup" colspan="5" class="race-group">'
            f"{SHAPE_NAMES[line.shape]}</th></tr>"
        )
    return (
        f"{group}<tr><th scope='row'>{escape(lane.title)} "
        f'<span class="muted">{lane.library}</span></th><td>{seconds_text(line.seconds)}</td>'
        f"<td>{ours}</td><td>{ratio}</td><td>{escape(line.remark)}</td></tr>"
    )
