"""A ladder of lanes that misbehave, for the worker to run."""

import os
import signal

import numpy as np

from matmul_demo.lanes.strategy import Strategy


def right(a, b):
    return a @ b


def wrong(a, b):
    return 1.01 * (a @ b)


def not_a_number(a, b):
    return (a @ b) * np.nan


def another_shape(a, b):
    return (a @ b)[:, :1]


def raises(a, b):
    raise RuntimeError("no such kernel")


def out_of_memory(a, b):
    raise MemoryError


def killed(a, b):
    os.kill(os.getpid(), signal.SIGKILL)


def crashes(a, b):
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def endless(a, b):
    while True:
        pass


def threads(a, b):
    """Fails, and names the size of every thread pool in its message."""
    import numba
    import threadpoolctl
    import torch

    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    raise RuntimeError(f"{sorted({*pools, torch.get_num_threads(), numba.get_num_threads()})}")


LADDER = tuple(
    Strategy(f.__name__, f.__name__, "NumPy", "", __name__, "arrays")
    for f in (
        right,
        wrong,
        not_a_number,
        another_shape,
        raises,
        out_of_memory,
        killed,
        crashes,
        endless,
        threads,
    )
)
BY_KEY = {lane.key: lane for lane in LADDER}
