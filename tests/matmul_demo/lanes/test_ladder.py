import numpy as np
import pytest
import torch

from matmul_demo.lanes import blocked, tiles
from matmul_demo.lanes.ladder import LADDER
from matmul_demo.lanes.strategy import to_numpy
from matmul_demo.machine import compiler
from matmul_demo.machine.processor import Cache

CPU_LANES = [lane for lane in LADDER if lane.device == "cpu"]
# What torch.compile imports when it is first used warns of torch's own past.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")
REDUCED = {"bfloat16", "float16", "int8"}
EXACT = [lane for lane in CPU_LANES if lane.numbers not in REDUCED or "medium" in lane.key]
ODD_SHAPES = [(1, 1, 1), (14, 384, 32), (15, 385, 33), (300, 17, 70), (3, 800, 11), (29, 1, 6)]


def whole_numbers(rows, inner, columns):
    """Small whole numbers: every product and sum is exact, in any order and any dtype."""
    a = [[(3 * i + 5 * k) % 11 - 5 for k in range(inner)] for i in range(rows)]
    b = [[(7 * k + 2 * j) % 13 - 6 for j in range(columns)] for k in range(inner)]
    c = [
        [sum(a[i][k] * b[k][j] for k in range(inner)) for j in range(columns)] for i in range(rows)
    ]
    return a, b, c


def lane_and_dtype():
    """Every lane with both types; our own largest kernels take long to compile for another one."""
    for lane in CPU_LANES:
        large = lane.module.endswith("blocked")
        yield pytest.param(lane, "float32", id=f"{lane.key}-float32")
        marks = [pytest.mark.slow] if large else []
        yield pytest.param(lane, "float64", id=f"{lane.key}-float64", marks=marks)


@pytest.mark.parametrize(("lane", "dtype"), [*lane_and_dtype()])
def test_every_lane_computes_the_product_exactly(lane, dtype):
    a, b, c = whole_numbers(7, 19, 5)
    result = to_numpy(lane.multiply(*lane.convert(np.array(a, dtype), np.array(b, dtype))))
    if lane.numbers in REDUCED:
        assert np.abs(result - c).max() <= 0.02 * np.abs(c).max()
    else:
        assert result.tolist() == c


@pytest.mark.parametrize(
    "lane", [x for x in EXACT if x.smallest_part != "whole"], ids=lambda x: x.key
)
def test_a_part_of_c_is_computed_from_parts_of_a_and_b(lane):
    a, b, c = whole_numbers(6, 9, 4)
    columns = 2 if lane.smallest_part == "element" else 4
    a, b = np.array(a, "float32")[:3], np.array(b, "float32")[:, :columns]
    part = lane.multiply(*lane.convert(a, b))
    assert to_numpy(part).tolist() == [row[:columns] for row in c[:3]]


@pytest.mark.parametrize("shape", ODD_SHAPES, ids=str)
@pytest.mark.parametrize("function", [blocked.numba_blocked, blocked.numba_streamed])
def test_our_own_kernels_are_right_at_every_edge(function, shape):
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    a = rng.integers(-9, 9, (rows, inner)).astype("float32")
    b = rng.integers(-9, 9, (inner, columns)).astype("float32")
    assert np.array_equal(function(a, b), a @ b)


@pytest.mark.parametrize("shape", [(100, 70, 90), (37, 65, 33), (300, 17, 70)], ids=str)
@pytest.mark.parametrize("function", [blocked.numba_blocked, blocked.numba_streamed])
def test_our_own_kernels_are_right_when_caches_hold_little(function, shape, monkeypatch):
    """Many blocks, parts of the inner axis and panels, uneven ones among them."""
    tiny = (Cache(1, 2048, 1), Cache(2, 8192, 1), Cache(3, 32768, 2))
    monkeypatch.setattr(blocked, "caches", lambda: tiny)
    rows, inner, columns = shape
    blocks = blocked.divide(rows, inner, 4, 2)
    assert blocks.depth < 32
    assert blocks.panel < 512
    rng = np.random.default_rng(0)
    a = rng.integers(-9, 9, (rows, inner)).astype("float32")
    b = rng.integers(-9, 9, (inner, columns)).astype("float32")
    assert np.array_equal(function(a, b), a @ b)


def test_blocks_fit_the_caches_and_are_even(monkeypatch):
    usual = (Cache(1, 2**15, 1), Cache(2, 2**19, 1), Cache(3, 2**25, 2))
    monkeypatch.setattr(blocked, "caches", lambda: usual)
    for rows, inner, threads in [(1024, 1024, 2), (2048, 2048, 2), (50, 9, 1), (1, 1, 8)]:
        blocks = blocked.divide(rows, inner, 4, threads)
        assert blocks.width * blocks.depth * 4 <= 3 / 4 * 2**15
        assert blocks.high * tiles.TILE_ROWS * blocks.depth * 4 <= 2**18
        assert inner * blocks.panel * 4 <= 2**24
        parts = -(-inner // blocks.depth)
        assert parts * blocks.depth - inner < parts * blocked.PACKED_ROWS  # all about as deep
        if rows > 100:
            count = -(-rows // (blocks.high * tiles.TILE_ROWS))
            assert count % threads == 0


def test_single_row_inner_and_column():
    for lane in (lane for lane in EXACT if lane.missing != "missing_compiler"):  # slow to compile
        a, b = np.array([[3.0]], "float32"), np.array([[-2.0]], "float32")
        assert to_numpy(lane.multiply(*lane.convert(a, b))).tolist() == [[-6.0]]


def test_the_source_shown_is_the_function_that_runs():
    for lane in LADDER:
        function = getattr(lane.multiply, "py_func", lane.multiply)
        assert function.__name__ == lane.key
        assert f"def {lane.key}(" in lane.source
    compiled = next(lane for lane in LADDER if lane.key == "numba_transposed")
    assert compiled.source.startswith("@jit(fastmath=True, parallel=True)")


def test_lanes_are_named_once_and_say_what_they_teach():
    assert len({lane.key for lane in LADDER}) == len(LADDER)
    assert LADDER[0].key == "naive_lists"
    assert all(lane.teaches.endswith(".") for lane in LADDER)


def test_what_cannot_run_says_why(monkeypatch):
    gpu = next(lane for lane in LADDER if lane.key == "matmul_cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no CUDA GPU" in gpu.unavailable("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert "choose the device cuda" in gpu.unavailable("cpu")
    assert gpu.unavailable("cuda") is None
    compiled = next(lane for lane in LADDER if lane.library == "numba")
    assert compiled.unavailable("cpu") is None
    monkeypatch.setattr(compiler, "HAVE_NUMBA", False)
    assert "pip install numba" in compiled.unavailable("cpu")
