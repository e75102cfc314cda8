import numpy as np
import pytest
import torch

from matmul_demo.lanes.ladder import LADDER
from matmul_demo.racing import worker
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.racing.worker import LaneRunner, reference_product
from matmul_demo.workloads import Matrices, Workload, make_matrices
from tests.matmul_demo.racing.faulty_lanes import BY_KEY

WORKLOAD = Workload(40, 30, 20)
# What torch.compile imports when it is first used warns of torch's own past.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")
REDUCED = {"bfloat16", "float16", "int8", "tf32", "float32 as bfloat16"}
LANE = LADDER[0]


@pytest.fixture(scope="module")
def runner():
    return LaneRunner(WORKLOAD, make_matrices(WORKLOAD))


def judge(lane, timing, result, reference, workload=WORKLOAD):
    runner = LaneRunner(workload, Matrices(np.zeros((1, 1)), np.zeros((1, 1)), ""))
    runner.reference = reference
    return runner.judge(lane, timing, result)


@pytest.mark.parametrize(
    "lane", [lane for lane in LADDER if lane.device == "cpu"], ids=lambda x: x.key
)
def test_every_lane_of_the_ladder_is_judged_right(lane, runner):
    outcome = runner.run(lane, 0.01)
    assert outcome.status == "ok", outcome.reason
    assert outcome.relative_error < (0.02 if lane.numbers in REDUCED else 1e-5)
    assert outcome.timing.samples


@pytest.mark.parametrize(
    ("key", "status", "reason"),
    [
        ("wrong", "wrong", "relative error is 1.0e-02; rounding explains at most"),
        ("not_a_number", "wrong", "NaN"),
        ("another_shape", "wrong", r"shape \(40, 1\) instead of \(40, 20\)"),
        ("raises", "stopped", "RuntimeError: no such kernel"),
        ("out_of_memory", "stopped", "more memory than there is"),
    ],
)
def test_a_lanes_fault_is_a_sentence(key, status, reason, runner):
    outcome = runner.run(BY_KEY[key], 0.01)
    assert outcome.status == status
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(outcome.reason)


def test_float64_must_be_right_to_float64(runner):
    workload = Workload(40, 30, 20, dtype="float64")
    full = Timing((1.0,), Part(40, 20), 1.0)
    reference = np.ones((40, 20))
    assert judge(LANE, full, reference + 1e-7, reference, workload).status == "wrong"
    assert judge(LANE, full, reference + 1e-15, reference, workload).status == "ok"


def test_a_part_is_compared_with_that_part():
    reference = np.arange(800.0).reshape(40, 20)
    some_rows = judge(LANE, Timing((1.0,), Part(3, 20), 1.0), reference[:3], reference, WORKLOAD)
    assert (some_rows.status, some_rows.reason) == ("ok", "Estimated from 3 of 40 rows.")
    some = judge(LANE, Timing((1.0,), Part(1, 6), 1.0), reference[:1, :6], reference, WORKLOAD)
    assert (some.status, some.reason) == ("ok", "Estimated from 6 of 20 elements of one row.")


def test_the_reference_is_complete_beyond_one_block_of_rows():
    a = np.ones((5000, 2), "float32")
    a[:, 1] = np.arange(5000)
    b = np.array([[1.0], [2.0]], "float32")
    assert reference_product(Matrices(a, b, ""))[:, 0].tolist() == [
        1.0 + 2 * i for i in range(5000)
    ]


def test_an_error_is_measured_by_the_numbers_that_a_lane_multiplies():
    by_key = {lane.key: lane for lane in LADDER}
    full = Timing((1.0,), Part(40, 20), 1.0)
    reference = np.ones((40, 20))

    def status(key, error):
        return judge(by_key[key], full, reference * (1 + error), reference, WORKLOAD).status

    assert status("matmul_torch_bfloat16", 3e-3) == "ok"
    assert status("matmul_torch_float16", 3e-3) == "wrong"
    assert status("matmul_torch_float16", 3e-4) == "ok"
    assert status("matmul_torch_int8", 2e-2) == "ok"
    assert status("matmul_torch_int8", 5e-2) == "wrong"
    assert status("matmul_torch_float64", 1e-7) == "wrong"


def test_a_lanes_setting_is_switched_back():
    lane = next(lane for lane in LADDER if lane.key == "matmul_torch_medium")
    before = torch.get_float32_matmul_precision()
    with lane.setting():
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == before


def test_the_leaders_are_timed_again(runner):
    lanes = [BY_KEY["right"], next(lane for lane in LADDER if lane.key == "matmul_numpy")]
    times = {"right": 1e-5, "matmul_numpy": 1e-5}
    samples = runner.take_turns(lanes, times, 0.02)
    assert set(samples) == set(times)
    assert len(samples["right"]) == len(samples["matmul_numpy"]) >= 1
    for seconds, loss in samples["right"]:
        assert seconds > 0
        assert 0 <= loss.waiting <= 1


def test_cold_caches_are_emptied_before_each_call(runner, monkeypatch):
    emptied = []
    monkeypatch.setattr(worker, "_cache_emptier", lambda: lambda: emptied.append(1))
    cold = Workload(40, 30, 20, cache="cold")
    outcome = LaneRunner(cold, runner.matrices).run(BY_KEY["right"], 0.5)
    assert outcome.status == "ok"
    assert len(emptied) == len(outcome.timing.samples) + 2  # the first call and the trial
