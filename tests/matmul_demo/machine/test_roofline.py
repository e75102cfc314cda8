import pytest

from matmul_demo.machine import processor as machine
from matmul_demo.machine import roofline
from matmul_demo.machine.limits import Level, Limits
from matmul_demo.machine.roofline import Machine
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


LEVELS = (
    Level("L1", 65_536, 300.0),
    Level("L2", 1_048_576, 150.0),
    Level("L3", 33_554_432, 60.0),
    Level("memory", None, 20.0),
)


@pytest.fixture
def measured(monkeypatch):
    """Limits as if they had been measured; the arguments with which they were asked for."""
    asked = []

    def known(*arguments):
        asked.append(arguments)
        return Limits(200.0, LEVELS, 1769860800.0, 3)

    monkeypatch.setattr(roofline.limits, "processor_limits", known)
    return asked


@pytest.mark.parametrize(
    ("workload", "level"),
    [
        (Workload(10, 784, 10), "L1"),  # 15,780 elements of 4 bytes: 63,120 bytes
        (Workload(20, 784, 10), "L2"),  # 94,880 bytes
        (Workload(512, 512, 512), "L3"),  # 3 · 2²⁰ bytes
        (Workload(50000, 784, 10), "memory"),
        (Workload(10, 784, 10, cache="cold"), "memory"),
        (Workload(128, 256, 128), "L2"),  # 81,920 elements, 328 KB
        (Workload(512, 256, 256), "L3"),  # 2²⁰ bytes and 256 KB more than the second holds
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.shape} {value.cache}",
)
def test_the_bandwidth_is_that_of_the_nearest_level_that_holds_all(measured, workload, level):
    limits = roofline.measure_machine(workload, 2)
    assert limits.level == level
    assert limits.bandwidth_gbs == {x.name: x.gbs for x in LEVELS}[level]
    assert limits.peak_gflops == 200.0
    assert limits.levels == LEVELS
    assert measured == [("float32", 2)]


def test_how_the_limits_were_measured_is_told(measured):
    limits = roofline.measure_machine(Workload(1024, 1024, 1024, dtype="float64"), 1)
    assert limits.peak_measured == (
        "independent chains of fused multiply-adds on float64 vectors in registers, 1 thread, "
        "best of many short runs in 3 looks since 2026-01-31"
    )
    assert "in the L3 cache, which holds the 25.2 MB of A, B and C" in limits.bandwidth_measured
    cold = roofline.measure_machine(Workload(10, 784, 10, cache="cold"), 1)
    assert "in the memory, from which each call begins" in cold.bandwidth_measured


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


def test_caches_are_read_as_the_system_tells_them(tmp_path):
    told = [
        ("Data", "1", "48K", "0"),
        ("Instruction", "1", "32K", "0"),
        ("Unified", "2", "2M", "0-1"),
        ("Unified", "3", "33792K", "0-15,32-47"),
    ]
    for index, texts in enumerate(told):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, text in zip(("type", "level", "size", "shared_cpu_list"), texts, strict=True):
            (folder / name).write_text(text + "\n")
    assert machine.caches(tmp_path) == (
        machine.Cache(1, 49_152, 1),
        machine.Cache(2, 2_097_152, 2),
        machine.Cache(3, 34_603_008, 32),
    )
    assert machine.caches(tmp_path / "nowhere") == machine.DEFAULT_CACHES
    (tmp_path / "index0" / "size").write_text("unknown")
    machine.caches.cache_clear()
    assert machine.caches(tmp_path) == machine.DEFAULT_CACHES
