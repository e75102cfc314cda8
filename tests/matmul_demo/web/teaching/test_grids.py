"""The drawn loops compute what NumPy computes."""

import numpy as np

from matmul_demo.web.teaching import grids


def test_the_last_step_holds_the_product_and_the_first_its_first_term():
    assert len(grids.STEPS) == 12
    assert np.array_equal(grids.result_at(*grids.STEPS[-1]), np.array(grids.A) @ np.array(grids.B))
    assert grids.result_at(0, 0, 0) == ((1, 0), (0, 0))


def test_each_frame_lights_one_row_one_column_and_the_cell_that_they_make():
    frames = grids.section().split('class="race-frame"')[1:]
    assert len(frames) == 12
    for frame in frames:
        assert (frame.count('"lit"'), frame.count('"meets"')) == (2 + 2, 3)
    assert "i = 0, j = 1, k = 2: C[0, 1] += A[0, 2] · B[2, 1] = 3 · 6, which makes 28." in frames[5]
