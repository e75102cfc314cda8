"""The prepared questions: which are asked, and the truth beside the guess."""

import json

from docs.generate import ROOT
from matmul_demo.lanes.ladder import KEYS
from matmul_demo.options import Settings
from matmul_demo.racing.report import Outcome
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.web.presets import LESSON, PRESETS
from matmul_demo.web.teaching import questions
from matmul_demo.web.teaching.job import PageRace
from matmul_demo.workloads import LESSON_BATCH


def test_ten_questions_each_with_two_sentences_and_a_preset_that_asks_it():
    assert len(questions.QUESTIONS) == 10
    asked = set()
    for preset in PRESETS:
        html = questions.section(PageRace(preset.settings).report)
        asked |= {n for n in range(1, 11) if f'data-question="{n}"' in html}
    assert asked == set(range(1, 11))
    for question in questions.QUESTIONS:
        assert {question.slow, question.fast} <= set(KEYS)
        assert question.reason.count(". ") == 1
        assert question.reason.endswith(".")


def test_the_truth_comes_with_the_results_and_names_the_nearest_guess():
    race = PageRace(Settings("4x784x4", "naive_torch,elementwise_torch"))
    assert "The race will tell." in questions.section(race.report)
    report = race.report
    times = zip(report.lanes, (0.4, 0.001), strict=True)
    report = report.__class__(
        report.workload, 1, report.lanes,
        tuple(Outcome(x.key, "ok", Timing((s,), Part(4, 4), 1.0), 0.0) for x, s in times), "done",
    )  # fmt: skip
    html = questions.section(report)
    assert 'data-truth="1000"' in html  # 400 is nearer to 1,000 than to 100, by decades
    assert "You guessed ×1,000: right." in html
    assert "You guessed ×10: nearest is ×1,000." in html
    assert "Measured: 400×." in html


def test_the_nearest_guess_is_nearest_by_decades():
    values = (0.01, 3.1, 3.2, 300, 320, 5e6)
    assert [questions.nearest(value) for value in values] == [1, 1, 10, 100, 1_000, 1_000]


def kept_seconds(shape):
    """Lane → seconds of the whole race that the benchmarks keep of this product."""
    file = ROOT / "benchmarks" / "results" / "bench_race.txt"
    races = json.loads(file.read_text("utf-8").splitlines()[-1])["races"]
    (race,) = (race for race in races if race["shape"] == shape)
    return {result["strategy"]: result["seconds"] for result in race["results"]}


def test_what_the_reasons_say_of_amounts_was_measured():
    """Some microseconds, several times, about a factor of two; and who is faster."""
    batch, cube = kept_seconds(LESSON_BATCH), kept_seconds(questions.CUBE)
    for question in questions.QUESTIONS:
        seconds = cube if question.shape else batch
        assert seconds[question.slow] > seconds[question.fast]
    assert 1e-6 < batch["einsum_torch"] - batch["matmul_torch"] < 1e-4
    assert 3 < batch["dot_torch"] / batch["dot_numba"] < 10
    assert 1.5 < cube["matmul_torch_float64"] / cube["matmul_torch"] < 2.5


def test_no_question_gives_its_answer_away():
    assert "Measured" not in questions.section(PageRace(LESSON.settings).report)
