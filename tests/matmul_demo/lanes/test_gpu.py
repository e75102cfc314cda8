"""The GPU's own kernels, run by numba's simulator; what needs a GPU itself is not tested here."""

import os
import subprocess
import sys

import pytest

from matmul_demo.lanes.ladder import LADDER
from matmul_demo.machine.accelerator import missing_gpu

SIMULATED = """
import numpy as np
from matmul_demo.lanes import gpu

rng = np.random.default_rng(0)
for rows, inner, columns in [(5, 3, 4), (17, 20, 18)]:
    a = rng.integers(-9, 9, (rows, inner)).astype("float32")
    b = rng.integers(-9, 9, (inner, columns)).astype("float32")
    for kernel in (gpu.naive_kernel, gpu.tiled_kernel):
        c = np.full((rows, columns), 99, "float32")
        grid = -(-columns // gpu.TILE), -(-rows // gpu.TILE)
        gpu.cuda.jit(kernel)[grid, (gpu.TILE, gpu.TILE)](a, b, c)
        assert np.array_equal(c, a @ b), kernel
print("right")
"""


@pytest.mark.slow
def test_our_kernels_are_right_in_the_simulator():
    done = subprocess.run(
        [sys.executable, "-c", SIMULATED],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "right\n", done.stderr


def test_the_four_clocks_stand_beside_each_other():
    clocks = {lane.key: lane.clock for lane in LADDER if lane.title.startswith("GPU clock")}
    assert clocks == {
        "cuda_launch": "launch",
        "cuda_kernel": "kernel",
        "cuda_result_copy": "call",
        "cuda_input_copy": "call",
    }


@pytest.mark.parametrize("lane", [x for x in LADDER if x.device == "cuda"], ids=lambda x: x.key)
def test_without_a_gpu_each_lane_says_so(lane, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert lane.unavailable("cuda")


def test_a_gpu_that_is_lent_to_another_process_is_not_raced(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert missing_gpu() is None
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    lanes = [lane for lane in LADDER if lane.device == "cuda"]
    assert lanes
    assert all("ZeroGPU" in lane.unavailable("cuda") for lane in lanes)
