"""What a race and a sweep have in common on the page: start, wait, show, stop.

Updates go by component: a handler returns what changes and leaves out what does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.components import Component

from matmul_demo.errors import RaceError
from matmul_demo.racing.sweep import Sweep
from matmul_demo.web.charts import html
from matmul_demo.web.teaching.job import PageRace

Job = PageRace | Sweep
Update = dict[Component, Any]
# Events that only show something: not queued behind a race, and not part of the API.
UNQUEUED: dict[str, Any] = {
    "queue": False, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip


def no_place(left: int = 0) -> str:
    """What `Panel.place` holds beside Gradio's own text; another number for each job that left."""
    return f'<p data-left="{left}">&nbsp;</p>'


@dataclass(frozen=True)
class Panel:
    """The components of one kind of job; `job` holds the visitor's own, or None.

    `notice` says what is not possible, `place` is the visitor's place in the queue, and `charts`
    are the functions that draw a report, each with the component that shows it.
    A change of `place` cancels the event of a job that waits.
    """

    start: gr.Button
    stop: gr.Button
    notice: gr.HTML
    place: gr.HTML
    charts: Mapping[Callable[[Any], str], gr.HTML]
    job: gr.State

    def show(self, report: object) -> Update:
        """Draw every chart."""
        return {component: chart(report) for chart, component in self.charts.items()}

    def prepare(self, make_job: Callable[[], Job]) -> Update:
        """Empty the charts and exchange the buttons, or say what is not possible."""
        try:
            job = make_job()
        except RaceError as error:
            return {self.job: None, self.notice: html.notice(str(error))}
        buttons: Update = {
            self.start: gr.Button(interactive=False),
            self.stop: gr.Button(interactive=True),
        }
        return {
            self.job: job,
            self.notice: "",
            **buttons,
            **self.show(replace(job.report, phase="queued")),
        }

    def run(self, job: Job | None) -> Iterator[Update]:
        """Run the job; leaving the page closes this generator and with it the worker."""
        if job is None:  # refused; a generator that yields nothing would empty its outputs
            yield {self.place: gr.skip()}
            return
        try:
            for report in job.run():
                yield {self.notice: "", **self.show(report)}
        except RaceError as error:
            yield {self.notice: html.notice(str(error))}
        finally:
            job.stop()

    def rest(self) -> Update:
        """Let the next job begin."""
        return {self.start: gr.Button(interactive=True), self.stop: gr.Button(interactive=False)}

    def end(self, job: Job | None) -> Update:
        """End the job now; one that runs sends its own last report when its worker is gone.

        One that still waits gives up its place in the queue: `place` changes, which cancels it.
        """
        if job is None:
            return {self.place: gr.skip()}
        waits = job.report.phase == "waiting"
        job.stop()
        stopped = self.show(replace(job.report, phase="stopped"))
        if not waits:
            return stopped
        return {**stopped, **self.rest(), self.job: None, self.place: no_place(id(job))}

    def connect(
        self, make_job: Callable[[Update], Job], inputs: set[Any], work: dict[str, Any]
    ) -> None:
        """Let the two buttons do all this with a job from the values of `inputs`."""
        outputs = [self.place, self.notice, *self.charts.values()]
        ready = self.start.click(
            lambda values: self.prepare(lambda: make_job(values)), inputs,
            [self.job, self.start, self.stop, *outputs], **UNQUEUED,
        )  # fmt: skip
        end = ready.then(
            self.run, self.job, outputs, show_progress="minimal", show_progress_on=self.place,
            api_visibility="private", **work,
        )  # fmt: skip
        end.then(self.rest, None, [self.start, self.stop], **UNQUEUED)
        self.stop.click(self.end, self.job, [self.job, self.start, self.stop, *outputs], **UNQUEUED)
        self.place.change(None, None, None, cancels=[end], **UNQUEUED)
