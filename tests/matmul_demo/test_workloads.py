import math
import re

import numpy as np
import pytest

from matmul_demo.errors import RaceError
from matmul_demo.workloads import Workload, make_matrices, parse_shape


@pytest.mark.parametrize("text", ["50000x784x10", " 50000 × 784 × 10 ", "50000*784X10"])
def test_shape_is_read_in_every_spelling(text):
    assert parse_shape(text) == (50000, 784, 10)


@pytest.mark.parametrize(
    "text",
    ["", "10x784", "10x784x10x3", "-1x2x3", "axbxc", "1.5x2x3", "1e3x2x3", "9" * 5000, None, 7],
)
def test_unreadable_shape_is_a_sentence_with_an_example(text):
    with pytest.raises(RaceError, match=r"cannot be read.*10x784x10"):
        parse_shape(text)


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ((0, 784, 10), "0 rows.*between 1 and 1,000,000"),
        ((10, 2_000_000, 10), "2000000 inner"),
        ((100_000, 10_000, 10), "GiB"),  # a matrix of 4 GB
        ((1_000_000, 1, 1_000_000), "GiB"),  # a result of 4 TB from two thin matrices
        ((5000, 5000, 5000), "floating-point operations"),
    ],
)
def test_sizes_out_of_bounds_are_refused_before_anything_is_allocated(sizes, complaint):
    with pytest.raises(RaceError, match=complaint):
        Workload(*sizes)


def test_the_lessons_full_shape_has_the_known_operations_and_bytes():
    workload = Workload(50000, 784, 10)
    assert workload.flop == 784_000_000
    assert workload.bytes_moved == 158_831_360  # 4 · (39,200,000 + 7,840 + 500,000)


def test_digits_are_pictures_between_zero_and_one():
    matrices = make_matrices(Workload(12, 784, 10, dtype="float64"))
    assert matrices.a.shape == (12, 784)
    assert matrices.b.shape == (784, 10)
    assert matrices.a.dtype == matrices.b.dtype == np.float64
    assert matrices.a.min() == 0
    assert 0.5 < matrices.a.max() <= 1
    assert "painted" in matrices.data


@pytest.mark.parametrize("inner", [784, 50])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matrices_begin_where_a_cache_line_does(inner, dtype):
    matrices = make_matrices(Workload(3, inner, 7, dtype=dtype))
    for x in (matrices.a, matrices.b):
        assert x.ctypes.data % 64 == 0
        assert x.flags.c_contiguous
        assert x.dtype == dtype


def test_data_are_chosen():
    chosen = make_matrices(Workload(12, 784, 10, data="normal"))
    assert chosen.data == "seeded normal random numbers"
    assert chosen.a.min() < 0
    usual = make_matrices(Workload(12, 784, 10))
    asked = make_matrices(Workload(12, 784, 10, data="digits"))
    assert np.array_equal(usual.a, asked.a)
    assert np.array_equal(usual.b, chosen.b)
    with pytest.raises(RaceError, match=r"784 pixels.*12x7x10 an inner size of 7; set it to 784"):
        Workload(12, 7, 10, data="digits")


def test_other_inner_sizes_are_seeded_normal_numbers():
    first, again = (make_matrices(Workload(300, 50, 20, seed=3)) for _ in range(2))
    other = make_matrices(Workload(300, 50, 20, seed=4))
    assert np.array_equal(first.a, again.a)
    assert np.array_equal(first.b, again.b)
    assert not np.array_equal(first.a, other.a)
    assert abs(first.a.mean()) < 0.05
    assert abs(first.a.std() - 1) < 0.05
    assert first.a.dtype == np.float32


def test_of_2000_random_requests_none_passes_the_limits_and_each_refusal_names_its_price():
    rng = np.random.default_rng(3)
    allowed = 0
    for _ in range(2000):
        sizes = [int(10 ** rng.uniform(0, 6.3)) for _ in range(3)]
        dtype = str(rng.choice(["float32", "float64"]))
        flop = 2 * math.prod(sizes)
        try:
            workload = Workload(*sizes, dtype)
        except RaceError as error:
            priced = re.search(r"needs [\d,.]+ GiB|takes \S+ floating-point", str(error))
            assert priced or max(sizes) > 1_000_000, sizes
            continue
        allowed += 1
        rows, inner, columns = sizes
        numbers = rows * inner + inner * columns + 2 * rows * columns
        size = numbers * np.dtype(dtype).itemsize + 16 * rows * columns
        assert workload.memory_bytes == size <= 2**30
        assert workload.flop == flop <= 2e11
    assert 300 < allowed < 1700
