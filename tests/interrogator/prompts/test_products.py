"""Products by torch: equal to NumPy's, and no thread of NumPy's BLAS left spinning."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from interrogator.models.registry import PRESETS
from interrogator.prompts.plausibility import product

SHARES = """
import json, psutil, interrogator
from PIL import Image

def seconds():
    return {one.id: one.user_time + one.system_time for one in psutil.Process().threads()}

session, picture = interrogator.load("demo"), Image.effect_noise((256, 256), 80).convert("RGB")
session.interrogate(picture)
before = seconds()
for _ in range(20):
    session.interrogate(picture)
spent = [now - before.get(thread, 0.0) for thread, now in seconds().items()]
print(json.dumps([max(spent), sum(spent)]))
"""


@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 4), (4, 2)), ((3, 4), (4,)), ((4,), (4, 2)), ((4,), (4,))],
)
def test_product_is_numpys(left, right):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=left).astype(np.float32), rng.normal(size=right)

    found = product(a, b)

    assert found.dtype == np.float64
    np.testing.assert_allclose(found, a @ b, rtol=1e-12)


def test_product_takes_turned_and_locked_arrays():
    matrix = np.arange(6, dtype=np.float16).reshape(2, 3)
    matrix.flags.writeable = False

    np.testing.assert_array_equal(product(matrix, matrix.T), matrix @ matrix.T)
    np.testing.assert_array_equal(product(matrix[::-1], matrix.T), matrix[::-1] @ matrix.T)


@pytest.mark.slow
def test_small_models_leave_the_other_processors_alone():
    """Threads that wait in a loop would take them from visitors, and from torch."""
    ours = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", SHARES], check=True, capture_output=True, text=True, env=ours
    )
    busiest, all_threads = json.loads(done.stdout.splitlines()[-1])

    assert PRESETS["demo"].embedded
    assert busiest > 0.8 * all_threads
