"""The ladder: one product, many ways to compute it, from a Python loop to the GPU's library.

A lane is a function (A, B) → C and a `Strategy` that says what it teaches. To add one, write the
function in `loops`, `compiled`, `blocked`, `libraries` or `gpu` and add one entry to `LADDER`;
tests, page and command line follow. The page shows the function's own source, so a function holds
the method and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from matmul_demo.lanes.strategy import Strategy

LOOPS, COMPILED, BLOCKED, LIBRARIES, GPU = (
    f"matmul_demo.lanes.{name}" for name in ("loops", "compiled", "blocked", "libraries", "gpu")
)

LADDER: tuple[Strategy, ...] = (
    Strategy(
        "naive_lists", "Three loops on lists", "Python",
        "The definition, word for word; each of the steps costs the interpreter dozens of "
        "machine instructions, and each number is an object of its own.",
        LOOPS, "lists", smallest_part="element",
    ),
    Strategy(
        "zip_lists", "zip and sum on lists", "Python",
        "The same arithmetic without a single index: iterators and sum() do in C what three "
        "loops did in bytecode.",
        LOOPS, "lists", smallest_part="element",
    ),
    Strategy(
        "naive_numpy", "Three loops on NumPy scalars", "NumPy",
        "The same loops on a compact array are slower: every single element is wrapped into a "
        "Python object and unwrapped again.",
        LOOPS, "arrays", smallest_part="element",
    ),
    Strategy(
        "naive_torch", "Three loops on torch elements", "torch",
        "One element of a tensor is itself a tensor, with shape, strides and dispatch: the "
        "container, not the arithmetic, decides the time.",
        LOOPS, "tensors", smallest_part="element",
    ),
    Strategy(
        "elementwise_numpy", "Product and sum in two loops", "NumPy",
        "The inner loop moves into compiled code: two calls for each element of the result "
        "instead of hundreds of interpreted steps.",
        LOOPS, "arrays", smallest_part="element",
    ),
    Strategy(
        "elementwise_torch", "Product and sum in two loops", "torch",
        "The lesson's second step; a call into torch costs more than one into NumPy, so short "
        "rows gain less.",
        LOOPS, "tensors", smallest_part="element",
    ),
    Strategy(
        "dot_numpy", "Dot product in two loops", "NumPy",
        "One call instead of two, and no row of products is written to memory before it is "
        "summed.",
        LOOPS, "arrays", smallest_part="element",
    ),
    Strategy(
        "dot_torch", "Dot product in two loops", "torch",
        "The same step with torch: what remains is the price of a call, paid once for each "
        "element of the result.",
        LOOPS, "tensors", smallest_part="element",
    ),
    Strategy(
        "dot_numba", "Compiled dot in two loops", "numba",
        "The lesson compiles the dot product itself: a plain loop in machine code keeps up "
        "with the library's, because the Python loops around it cost more than either.",
        COMPILED, "arrays", smallest_part="element", missing="missing_numba",
        helpers=("compiled_dot",),
    ),
    Strategy(
        "broadcast_numpy", "Broadcasting in one loop", "NumPy",
        "A row is stretched over all of B without being copied, which removes a second loop; the "
        "products are still written to memory before they are summed.",
        LOOPS, "arrays", smallest_part="element",
    ),
    Strategy(
        "broadcast_torch", "Broadcasting in one loop", "torch",
        "The lesson's third step: one call for each row of A.",
        LOOPS, "tensors", smallest_part="element",
    ),
    Strategy(
        "numba_ijk", "Three loops, compiled", "numba",
        "The same three loops in machine code: without the interpreter they are hundreds of "
        "times faster, and now it is the walk down the columns of B that slows them.",
        COMPILED, "arrays", smallest_part="row", missing="missing_numba",
    ),
    Strategy(
        "numba_ikj", "Three loops, inner two swapped", "numba",
        "The same arithmetic in another order: B and C are now read along their rows, as they "
        "lie in memory, and several columns fit into one instruction.",
        COMPILED, "arrays", smallest_part="row", missing="missing_numba",
    ),
    Strategy(
        "einsum_numpy", "np.einsum", "NumPy",
        "The sum is written as a formula and no loop is left in Python; without optimize=True "
        "NumPy runs its own loop and not the tuned library.",
        LIBRARIES, "arrays", smallest_part="row",
    ),
    Strategy(
        "einsum_numpy_optimized", "np.einsum, optimize=True", "NumPy",
        "With optimize=True the same formula is recognised as a matrix product and handed to "
        "the tuned library.",
        LIBRARIES, "arrays",
    ),
    Strategy(
        "numba_transposed", "Dot products, all threads", "numba",
        "Both operands are read along memory, sums may be reordered so that vector instructions "
        "apply, and the rows are shared among the threads.",
        COMPILED, "arrays", missing="missing_numba",
    ),
    Strategy(
        "numba_streamed", "Tiles of dot products", "numba",
        "Our own, for few columns: a few rows meet several columns in the registers, so each "
        "number that is read is used several times and A crosses the memory once.",
        BLOCKED, "arrays", missing="missing_numba",
        helpers=("dot_tile", "add_rest", "stream_rows", "multiply_stream"),
    ),
    Strategy(
        "numba_blocked", "Blocked, packed, in registers", "numba",
        "Our own, for many columns: what the libraries do, in two hundred lines: blocks that "
        "fit the caches, packed in the order of use, and a tile of sums that never leaves the "
        "registers.",
        BLOCKED, "arrays", missing="missing_numba",
        helpers=(
            "outer_tile", "pack_rows_of_b", "pack_block_of_a", "add_corner",
            "multiply_block", "multiply_rows", "multiply_blocks",
        ),
    ),
    Strategy(
        "einsum_torch", "torch.einsum", "torch",
        "The same formula; torch recognises a matrix product and calls the tuned library.",
        LIBRARIES, "tensors",
    ),
    Strategy(
        "matmul_torch_compiled", "torch.compile of A @ B", "torch",
        "A compiler finds nothing to improve in a single product: it calls the same library, "
        "after a first call of seconds and a check of its arguments at every further one.",
        LIBRARIES, "tensors", missing="missing_compiler",
        helpers=("compiled_matmul",),
    ),
    Strategy(
        "matmul_numpy", "A @ B", "NumPy",
        "One call into a library (BLAS) that people have tuned for decades: blocked for the "
        "caches, packed, vectorised and threaded.",
        LIBRARIES, "arrays",
    ),
    Strategy(
        "matmul_torch", "A @ B", "torch",
        "The same idea with another library behind it, at its usual precision, highest; which one "
        "wins depends on shape and processor.",
        LIBRARIES, "tensors",
    ),
    Strategy(
        "matmul_torch_high", "A @ B, precision high", "torch",
        "The same call with leave to round the factors to 11 bits (TF32); processors without "
        "such a unit ignore it, and the error shows whether this one did.",
        LIBRARIES, "tensors", numbers="tf32",
        precision="high", helpers=("float32_precision",),
    ),
    Strategy(
        "matmul_torch_medium", "A @ B, precision medium", "torch",
        "Leave to round the factors to bfloat16 makes torch ask another library, which can be "
        "faster even where it then rounds nothing.",
        LIBRARIES, "tensors",
        numbers="float32 as bfloat16",
        precision="medium", helpers=("float32_precision",),
    ),
    Strategy(
        "matmul_torch_float64", "A @ B in float64", "torch",
        "Twice the bytes and half the numbers in each instruction: about twice the time, and "
        "an error a billion times smaller.",
        LIBRARIES, "tensors", numbers="float64",
    ),
    Strategy(
        "matmul_torch_float16", "A @ B in float16", "torch",
        "Half the bytes; but few processors multiply float16, and then each number is "
        "converted to float32 and back.",
        LIBRARIES, "tensors", numbers="float16", smallest_part="row",
    ),
    Strategy(
        "matmul_torch_bfloat16", "A @ B in bfloat16", "torch",
        "Half the bytes and three digits; where the processor has an instruction for it, the "
        "fastest way to multiply numbers with a point.",
        LIBRARIES, "tensors", numbers="bfloat16", smallest_part="row",
    ),
    Strategy(
        "matmul_torch_int8", "A @ B in int8", "torch",
        "A quarter of the bytes: each row and column is scaled to whole numbers up to 127, "
        "and the sums are exact; what the scaling rounds away is the error.",
        LIBRARIES, "int8 tensors",
        numbers="int8", missing="missing_int8",
    ),
    Strategy(
        "numba_cuda_naive", "One thread per element", "numba.cuda",
        "The three loops on a GPU: the outer two become thousands of threads, and each reads "
        "its row and column from the GPU's memory.",
        GPU, "GPU tensors", device="cuda", missing="missing_numba_cuda", helpers=("naive_kernel",
        "launch"),
    ),
    Strategy(
        "numba_cuda_tiled", "Tiles in shared memory", "numba.cuda",
        "Threads of a block fetch tiles together and share them: sixteen times fewer reads "
        "from memory.",
        GPU, "GPU tensors", device="cuda", missing="missing_numba_cuda", helpers=("tiled_kernel",
        "launch"),
    ),
    Strategy(
        "triton_tiled", "Tiles by a compiler", "Triton",
        "Written for whole tiles, in Python; the compiler arranges threads, shared memory and "
        "tensor cores (TF32).",
        GPU, "GPU tensors", device="cuda", numbers="tf32", missing="missing_triton",
        helpers=("triton_kernel",),
    ),
    Strategy(
        "matmul_cuda", "A @ B on the GPU", "torch",
        "Calling @ on the GPU only queues the work; timed honestly, with a wait for the result. "
        "A and B already lie in the GPU's memory.",
        GPU, "GPU tensors", device="cuda", missing="missing_gpu",
    ),
    Strategy(
        "matmul_cuda_tf32", "A @ B on the GPU, TF32", "torch",
        "Factors rounded to 11 bits go through the tensor cores, several times as fast as "
        "float32.",
        GPU, "GPU tensors", device="cuda", missing="missing_gpu", numbers="tf32", precision="high",
    ),
    Strategy(
        "matmul_cuda_bfloat16", "A @ B on the GPU, bfloat16", "torch",
        "Half the bytes, twice the speed of TF32, three digits.",
        GPU, "GPU tensors", device="cuda", missing="missing_gpu", numbers="bfloat16",
    ),
    Strategy(
        "matmul_cuda_float16", "A @ B on the GPU, float16", "torch",
        "As fast as bfloat16, one digit more, and no number beyond 65,504.",
        GPU, "GPU tensors", device="cuda", missing="missing_gpu", numbers="float16",
    ),
    Strategy(
        "cuda_launch", "GPU clock: launch only", "torch",
        "The lesson's trap: the clock stops when the work is queued, before it is done; this "
        "is the lesson's 22.3 µs, and no time to multiply anything.",
        GPU, "GPU tensors", device="cuda", missing="missing_gpu", clock="launch",
    ),
    Strategy(
        "cuda_kernel", "GPU clock: kernel", "torch",
        "Events in the GPU's own queue: how long it computes, without the wait for it.",
        GPU, "GPU tensors", device="cuda", missing="missing_gpu", clock="kernel",
    ),
    Strategy(
        "cuda_result_copy", "GPU clock: + result copy", "torch",
        "Until the result lies in the computer's own memory, where it can be used.",
        GPU, "GPU tensors", device="cuda", missing="missing_gpu",
    ),
    Strategy(
        "cuda_input_copy", "GPU clock: + input copy", "torch",
        "With A and B sent to the GPU first: the price when the data do not live there.",
        GPU, "tensors", device="cuda", missing="missing_gpu",
    ),
)  # fmt: skip

KEYS = tuple(lane.key for lane in LADDER)


def choose_lanes(keys: Sequence[str] | None) -> list[Strategy]:
    """The lanes with these keys in ladder order; all of them for None."""
    return [lane for lane in LADDER if keys is None or lane.key in keys]


def runnable_lanes() -> tuple[Strategy, ...]:
    """The lanes that this machine can run, in ladder order."""
    return tuple(lane for lane in LADDER if not lane.unavailable("cuda"))
