"""The GPU's roof, on a device that only pretends to work."""

import json
import runpy

import pytest
import torch

from matmul_demo import text
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine import accelerator, roofline
from matmul_demo.machine.accelerator import DATASHEETS, Accelerator, BestProduct, datasheet
from matmul_demo.machine.roofline import Machine
from matmul_demo.racing import report
from matmul_demo.racing.report import Outcome, RaceReport
from matmul_demo.racing.timing import Part, Timing
from matmul_demo.web.charts.roofline import limits_tables
from matmul_demo.workloads import Workload

BY_KEY = {lane.key: lane for lane in LADDER}
FULL = Part(1000, 1000)
WORK = Workload(1000, 1000, 1000, device="cuda")  # 2 GFLOP on 12 MB


class FakeDevice:
    """Does nothing and says how long it took: 10 TFLOP/s, twice that for halves, 1 TB/s."""

    def __init__(self, name="NVIDIA H100 80GB HBM3"):
        self.name = name
        self.clock = 0.0
        self.calls = 0

    def _takes(self, seconds):
        def call():
            self.calls += 1
            slow = 3.0 if self.calls % 3 == 1 else 1.0  # only the best of some counts
            self.clock += slow * seconds

        return call

    def copying(self, size):
        return self._takes(2 * size / 1e12)

    def multiplying(self, numbers, side):
        rate = 2e13 if "16" in numbers else 1e13
        return self._takes(2 * side**3 / (rate if side == 4096 else rate / 2))

    def now(self):
        return self.clock


@pytest.mark.parametrize(
    ("name", "memory", "bfloat16"),
    [
        ("NVIDIA H100 80GB HBM3", 3350, 989),
        ("NVIDIA H100 PCIe", 2000, 756),
        ("NVIDIA H100 NVL", 3900, 835),
        ("NVIDIA H200", 4800, 989),
        ("NVIDIA A100-SXM4-40GB", 1555, 312),
        ("NVIDIA A100-PCIE-40GB", 1555, 312),
        ("NVIDIA A100-SXM4-80GB", 2039, 312),
        ("NVIDIA A100 80GB PCIe", 1935, 312),
        ("NVIDIA A10", 600, 125),
        ("NVIDIA L4", 300, 121),
        ("NVIDIA L40S", 864, 362),
        ("NVIDIA RTX A6000", 768, 154.8),
        ("Tesla T4", 320, None),
        ("Tesla V100-SXM2-16GB", 900, None),
    ],
)
def test_the_datasheet_is_found_by_the_name_that_torch_gives(name, memory, bfloat16):
    sheet = datasheet(name)
    assert sheet.memory_gbs == memory
    assert sheet.tflops.get("bfloat16") == bfloat16


@pytest.mark.parametrize("name", ["NVIDIA A10G", "NVIDIA L40", "NVIDIA GeForce RTX 4090", ""])
def test_a_device_without_a_datasheet_is_not_given_anothers(name):
    assert datasheet(name) is None


def test_halves_are_faster_than_tf32_and_that_than_float32_in_every_datasheet():
    for sheet in DATASHEETS:
        order = ["float32", *(["tf32"] if "tf32" in sheet.tflops else []), "float16"]
        rates = [sheet.tflops[numbers] for numbers in order]
        assert rates == sorted(rates)
        assert set(sheet.tflops) <= set(accelerator.KINDS)


def test_the_best_of_each_is_found_with_its_size():
    found = accelerator.measure(FakeDevice())
    assert found.copy_gbs == pytest.approx(1000)
    assert [(p.numbers, p.side) for p in found.products] == [
        ("float32", 4096), ("tf32", 4096), ("bfloat16", 4096), ("float16", 4096),
    ]  # fmt: skip
    assert found.best("bfloat16") == pytest.approx(20_000)
    assert found.best("float32") == pytest.approx(10_000)
    assert found.best("int8") is None
    assert found.datasheet.tflops["bfloat16"] == 989


def test_measured_once_for_each_device(tmp_path):
    device = FakeDevice()
    first = accelerator.accelerator_limits(device, tmp_path)
    calls = device.calls
    assert accelerator.accelerator_limits(device, tmp_path) == first
    assert device.calls == calls
    accelerator.accelerator_limits(FakeDevice("Tesla T4"), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "change",
    [{"copy_gbs": -1.0}, {"copy_gbs": "much"}, {"products": []}, {"products": [{"side": 1}]}],
    ids=str,
)
def test_a_damaged_file_is_measured_anew(tmp_path, change):
    device = FakeDevice()
    first = accelerator.accelerator_limits(device, tmp_path)
    (path,) = tmp_path.iterdir()
    stored = json.loads(path.read_text())
    stored["measured"] |= change
    path.write_text(json.dumps(stored))
    calls = device.calls
    assert accelerator.accelerator_limits(device, tmp_path).copy_gbs == pytest.approx(
        first.copy_gbs
    )
    assert device.calls > calls


KNOWN = accelerator.measure(FakeDevice())
UNKNOWN = Accelerator("NVIDIA GeForce RTX 4090", 900.0, (BestProduct("float32", 5e4, 8192),))


def race_on(gpu):
    timing = Timing((1e-3, 1e-3), FULL, 1.0)
    keys = ("matmul_numpy", "matmul_cuda", "matmul_cuda_bfloat16", "cuda_launch")
    fast = Timing((1e-6, 1e-6), FULL, 1.0)
    outcomes = [
        Outcome("matmul_numpy", "ok", Timing((1e-1, 1e-1), FULL, 1.0), 1e-7),
        Outcome("matmul_cuda", "ok", timing, 1e-7),
        Outcome("matmul_cuda_bfloat16", "ok", timing, 3e-3),
        Outcome("cuda_launch", "ok", fast, 1e-7),
    ]
    lanes = tuple(BY_KEY[key] for key in keys)
    machine = Machine("a processor", 100.0, "so", 10.0, "thus", gpu=gpu)
    return RaceReport(WORK, 2, lanes, tuple(outcomes), "done", machine)


def test_lanes_of_the_gpu_are_held_against_the_datasheet_of_their_numbers():
    done = race_on(KNOWN)
    # 2e9 FLOP at 67 and 989 TFLOP/s; 12 and 6 MB at 3.35 TB/s take 3.58 and 1.79 µs
    assert done.result("matmul_cuda").floor_fraction == pytest.approx(2e9 / 67e12 / 1e-3)
    assert done.result("matmul_cuda_bfloat16").floor_fraction == pytest.approx(2e9 / 989e12 / 1e-3)
    assert done.result("matmul_numpy").floor_fraction == pytest.approx(0.2)
    assert done.result("cuda_launch").floor_fraction is None
    thin = Workload(50000, 784, 10, device="cuda")
    assert KNOWN.floor_seconds(thin, "float32", 4) == pytest.approx(158_831_360 / 3.35e12)
    assert KNOWN.floor_seconds(thin, "float64", 8) is None
    assert race_on(UNKNOWN).result("matmul_cuda").floor_fraction is None


def test_the_time_to_queue_the_work_never_wins():
    done = race_on(KNOWN)
    assert [result.strategy for result in done.ranking()] == ["matmul_cuda", "matmul_numpy"]
    launch = Outcome("cuda_launch", "ok", Timing((1e-6,), FULL, 1.0), 1e-7)
    assert not launch.leads(BY_KEY["cuda_launch"], WORK)
    assert launch.leads(BY_KEY["cuda_kernel"], WORK)
    assert "By its datasheet this GPU needs 29.9 µs" in text.headline(done)


def test_the_roof_is_told_and_shown_with_the_datasheet_labelled():
    line = text.gpu_text(KNOWN)
    assert line.startswith("NVIDIA H100 80GB HBM3: copies 1,000 GB/s (datasheet 3,350)")
    assert "bfloat16 20.0 (datasheet 989)" in line
    shown = limits_tables(race_on(KNOWN))
    for cell in ("10.0 TFLOP/s", "4,096", "989 TFLOP/s", "3,350 GB/s", "not measured here"):
        assert cell in shown
    assert "no datasheet of this device" in limits_tables(race_on(UNKNOWN))
    assert "datasheet" not in text.gpu_text(UNKNOWN)
    json.dumps(race_on(KNOWN).to_json(), allow_nan=False)


def test_a_gpu_that_cannot_be_measured_costs_only_its_roof(monkeypatch):
    monkeypatch.setattr(accelerator, "missing_gpu", lambda: None)

    def full():
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(accelerator, "Cuda", full)
    assert roofline._measure_gpu() is None
    monkeypatch.setattr(accelerator, "missing_gpu", lambda: "There is none.")
    assert roofline._measure_gpu() is None
    assert report.RaceReport(WORK, 1, ()).floor_seconds is None


@pytest.fixture(scope="module")
def benchmark():
    return runpy.run_path("benchmarks/bench_race_gpu.py")


def test_the_benchmark_writes_json_and_tables_under_the_devices_name(benchmark, tmp_path):
    device = FakeDevice()
    large = benchmark["bfloat16_gflops"](device)
    assert large == pytest.approx(10_000)  # half as fast as at 4096, see FakeDevice
    assert "10 TFLOP/s, 50 % of the best found (less than 90 %)" in benchmark["large_text"](
        large, KNOWN
    )
    files = benchmark["write"](KNOWN, large, [race_on(KNOWN)], tmp_path)
    assert [file.name for file in files] == [
        "race-nvidia-h100-80gb-hbm3.json", "race-nvidia-h100-80gb-hbm3.txt",
    ]  # fmt: skip
    stored = json.loads(files[0].read_text())
    assert stored["device"] == "NVIDIA H100 80GB HBM3"
    assert stored["products"]["bfloat16"] == pytest.approx(20_000)
    assert [lane["strategy"] for lane in stored["races"][0]["results"]][1] == "matmul_cuda"
    assert "matmul_cuda_bfloat16" in files[1].read_text()


def test_the_benchmark_says_that_there_is_no_gpu(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(accelerator, "missing_gpu", lambda: "There is none.")
    benchmark["main"]()
    *_, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {"benchmark": "race_gpu", "skipped": "There is none."}
