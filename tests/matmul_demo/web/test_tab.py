"""What the tab's buttons and endpoints do, without a server or a browser."""

import json
from dataclasses import replace

import gradio as gr
import pytest

from matmul_demo.errors import RaceError
from matmul_demo.options import Settings
from matmul_demo.web import endpoints, tab
from matmul_demo.web.charts import bars
from matmul_demo.web.presets import PRESETS
from matmul_demo.web.teaching import ghosts
from matmul_demo.web.teaching.job import PageRace

SMALL = Settings("8x9x10", "naive_lists,matmul_numpy", budget=1)


@pytest.fixture
def race_tab(threads):
    """The form and the panel of the race, whose workers are threads."""
    with gr.Blocks():
        return tab._build_race({"concurrency_id": "compute", "concurrency_limit": 1})


@pytest.fixture
def page(race_tab):
    form, panel = race_tab
    with gr.Blocks():
        return tab._Page(form, panel, gr.HTML(), gr.HTML(), gr.State())


def press_race(form, panel, settings):
    return panel.prepare(lambda: PageRace(form.settings(form.values(settings))))


def test_race_empties_the_charts_and_fills_them_again(race_tab):
    form, panel = race_tab
    board = panel.charts[bars.board]
    update = press_race(form, panel, SMALL)
    assert 'data-phase="queued"' in update[board]
    assert (update[panel.start].interactive, update[panel.stop].interactive) == (False, True)
    *_, last = panel.run(update[panel.job])
    assert set(last) == {panel.notice, *panel.charts.values()}
    assert 'data-phase="done"' in last[board]
    assert last[board].count("bar-fill") == 2
    assert (panel.rest()[panel.start].interactive, panel.rest()[panel.stop].interactive) == (
        True, False,
    )  # fmt: skip


def test_what_is_not_possible_is_a_notice_and_starts_nothing(race_tab):
    form, panel = race_tab
    values = form.values(SMALL) | {form.controls["lanes"]: []}
    update = panel.prepare(lambda: PageRace(form.settings(values)))
    assert update[panel.job] is None
    assert "No lane was chosen" in update[panel.notice]
    assert set(update) == {panel.job, panel.notice}
    assert list(panel.run(None)) == [{panel.place: gr.skip()}]


def test_stop_gives_up_the_place_of_a_race_that_waits(race_tab, threads):
    form, panel = race_tab
    race = press_race(form, panel, SMALL)[panel.job]
    update = panel.end(race)
    assert 'data-phase="stopped"' in update[panel.charts[bars.board]]
    assert update[panel.job] is None
    assert update[panel.place] != panel.place.value  # which cancels its event
    assert update[panel.start].interactive
    *_, last = panel.run(race)  # had its turn come in the same moment
    assert "before this lane began" in last[panel.charts[bars.table]]
    assert threads.started == 0


def test_stop_of_a_race_under_way_leaves_its_last_report_to_it(race_tab, threads):
    form, panel = race_tab
    race = press_race(form, panel, SMALL)[panel.job]
    updates = panel.run(race)
    next(updates)
    assert panel.place not in panel.end(race)
    *_, last = updates
    assert "has no winner" in last[panel.charts[bars.board]]
    assert "bar-fill race-best" not in last[panel.charts[bars.board]]


def test_a_preset_clears_the_old_board_but_not_that_of_a_race_under_way(page, threads):
    race = PageRace(SMALL)
    reports = race.run()
    next(reports)
    form, panel = page.form, page.panel
    loops = next(preset for preset in PRESETS if preset.name == "Loop order")
    under_way = page.choose(loops, race, None)
    assert panel.charts[bars.board] not in under_way
    assert under_way[form.controls["baseline"]] == "numba_ijk"
    list(reports)
    after = page.choose(loops, race, None)
    board = after[panel.charts[bars.board]]
    assert (after[panel.job], board.count('class="race-lane')) == (None, 4)
    assert 'data-phase="waiting"' in board


def test_a_baseline_that_was_not_raced_is_told(page, threads):
    race = PageRace(SMALL)
    list(race.run())
    board = page.rebase(race, "naive_torch")[page.panel.charts[bars.board]]
    assert "The chosen baseline was not raced: speed-ups are over Three loops on lists" in board
    assert "was not raced" not in page.rebase(race, "matmul_numpy")[page.panel.charts[bars.board]]


def test_a_ghost_is_laid_over_the_race_or_the_file_is_refused_in_a_sentence(page, threads):
    race = PageRace(SMALL)
    *_, report = race.run()
    read, control = ghosts.read_file, page.ghost
    values = {page.panel.job: race, control: json.dumps(report.to_json()).encode()}
    board = page.show_ghost(control, read, values)[page.panel.charts[bars.board]]
    assert board.count("race-ghost") == 2
    refusal = page.show_ghost(control, read, {**values, control: b"<script>"})
    assert "This file is not JSON." in refusal[page.panel.notice]
    assert set(refusal) == {page.panel.notice}


def test_data_that_cannot_be_read_are_a_notice(race_tab, monkeypatch, tmp_path):
    form, panel = race_tab
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    race = press_race(form, panel, replace(SMALL, shape="8x784x10"))[panel.job]
    *_, last = panel.run(race)
    assert "MNIST_DIR" in last[panel.notice]


def test_the_endpoint_gives_the_race_as_json(threads):
    race = endpoints.race("12x784x10", "matmul_torch, matmul_numpy", budget="1", data="normal")
    assert json.loads(json.dumps(race, allow_nan=False)) == json.loads(json.dumps(race))
    assert (race["shape"], race["dtype"], race["device"]) == ("12x784x10", "float32", "cpu")
    assert race["data"] == "seeded normal random numbers"
    assert [result["strategy"] for result in race["results"]] == ["matmul_numpy", "matmul_torch"]
    with pytest.raises(RaceError, match="'fastest' of lanes"):
        endpoints.race(lanes="fastest")


def test_einsum_as_an_endpoint():
    explanation = endpoints.explain_einsum("ik,kj->ij", "2x3, 3x4")
    assert explanation["result_shape"] == [2, 4]
    assert explanation["example"] == "result[0, 0] = 1·1 + 2·3 = 7"


def test_only_two_endpoints_are_public(blocks):
    api = blocks.get_api_info()
    assert list(api["named_endpoints"]) == ["/race", "/explain_einsum"]
    assert not api["unnamed_endpoints"]
    parameters = api["named_endpoints"]["/race"]["parameters"]
    assert all(parameter["parameter_has_default"] for parameter in parameters)


def test_all_that_computes_shares_one_queue(blocks):
    computing = [fn for fn in blocks.fns.values() if fn.queue]
    assert len(computing) == 5  # race, sweep, einsum and the two endpoints
    assert {(fn.concurrency_id, fn.concurrency_limit) for fn in computing} == {("compute", 1)}


def test_what_others_rely_on_has_its_id(blocks):
    ids = {getattr(block, "elem_id", None) for block in blocks.blocks.values()}
    assert ids >= {
        "race-start", "race-stop", "einsum-expression", "einsum-shapes", "einsum-start",
    }  # fmt: skip
