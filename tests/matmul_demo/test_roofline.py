import pytest

from matmul_demo import machine, roofline
from matmul_demo.roofline import Machine
from matmul_demo.workloads import Workload


def test_floor_is_the_larger_of_arithmetic_and_traffic():
    limits = Machine("", 100.0, "", 10.0, "")  # 1e11 FLOP/s, 1e10 bytes/s
    thin = Workload(50000, 784, 10)  # 158,831,360 bytes, 784e6 FLOP
    assert limits.floor_seconds(thin) == pytest.approx(0.0158831360)
    square = Workload(1000, 1000, 1000)  # 2e9 FLOP, 12e6 bytes
    assert limits.floor_seconds(square) == pytest.approx(0.02)


def test_without_numba_the_limits_are_unknown_and_say_why(monkeypatch):
    monkeypatch.setattr(roofline, "HAVE_NUMBA", False)
    limits = roofline.measure_machine(Workload(10, 784, 10), 1)
    assert limits.peak_gflops is None
    assert limits.bandwidth_gbs is None
    assert "numba is not installed" in limits.peak_measured
    assert limits.floor_seconds(Workload(10, 784, 10)) is None


def test_both_limits_are_measured_and_described():
    limits = roofline.measure_machine(Workload(100, 784, 10, dtype="float64"), 1)
    assert limits.peak_gflops > 0
    assert limits.bandwidth_gbs > 0
    assert "float64" in limits.peak_measured
    assert "698 KB" in limits.bandwidth_measured  # 8 · (78,400 + 7,840 + 1,000) bytes
    assert "1 thread," in limits.bandwidth_measured


def test_the_peak_adds_up_what_each_thread_can_do(monkeypatch):
    """Each thread is paused in one of two runs: both can do a round in 1 ms."""
    spans = [[(0.0, 1e-3), (0.0, 9e-3)], [(0.0, 9e-3), (1e-3, 2e-3)]]
    monkeypatch.setattr(roofline, "_many_runs", lambda run, threads: (1, spans))
    flop = 2 * 4 * 32 * 512  # two operations, four chains of 32, 512 columns
    assert roofline._peak(roofline.np.dtype("float32"), 2) == pytest.approx(2 * flop / 1e-3)


def test_bandwidth_is_what_all_threads_read_in_the_best_common_span(monkeypatch):
    spans = [[(0.0, 1e-3), (0.0, 9e-3)], [(0.0, 1e-3), (1e-3, 2e-3)]]  # 9 ms, then 2 ms
    monkeypatch.setattr(roofline, "_many_runs", lambda run, threads: (5, spans))
    rate = roofline._bandwidth(80_000, roofline.np.dtype("float64"), 2)
    assert rate == pytest.approx(5 * 80_000 / 2e-3)


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"cpu.max": "150000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_threads_are_bounded_by_the_control_group(tmp_path, files, limit):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    unlimited = machine.available_threads(tmp_path / "nowhere")
    assert machine.available_threads(tmp_path) == (limit or unlimited)


def test_neighbours_are_what_others_use(monkeypatch):
    clock = {"wall": 100.0, "others": 50.0}
    monkeypatch.setattr(machine.time, "monotonic", lambda: clock["wall"])
    monkeypatch.setattr(machine, "_others_seconds", lambda: clock["others"])
    watch = machine.NeighbourWatch()
    clock.update(wall=104.0, others=56.0)
    assert watch.busy() == pytest.approx(1.5)
