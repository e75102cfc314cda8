import numpy as np
import pytest

from matmul_demo.einsum import explain as einsum
from matmul_demo.einsum.grammar import parse
from matmul_demo.errors import RaceError


@pytest.mark.parametrize(
    ("text", "shapes", "complaint"),
    [
        ("ij,jk", "2x3, 3x4", "does not say what is kept.*ij,jk->ik"),
        ("ii->ij", "3x3", "letter 'j', which no operand has"),
        ("ij->ii", "3x3", "'i' twice"),
        (",".join("abcdefghijklmnopqrstuvwxyzA") + "->a", "1", "27 operands are too many"),
        ("ij,jk->ik", "2x3, 4x5", "'j' has the sizes 3 and 4"),
        ("i,j->ij", "1000000, 1000000", "steps"),
        ("i,j->ij", "20000, 20000", "GiB"),
        ("ij->ji", "100000x100000", "steps"),
        ("ij->ji", "2x3, 4", "1 operands and 2 shapes"),
        ("ij->ji", "2x3x4", "2 axes.*has 3"),
        ("ij->ji", "2xtwo", "cannot be read"),
        ("ij->ji", "0x2", "size of 0"),
        ("ii->", "1x3", "letter 'i' twice, so these sizes must be equal; in its shape.* 1 and 3"),
        ("__import__('os')", "2", "cannot be read"),
        ("...i->i", "2", "ellipsis"),
        ("", "", "cannot be read"),
        ("i->" * 1000, "2", "cannot be read"),
    ],
)
def test_bad_input_is_a_sentence(text, shapes, complaint):
    with pytest.raises(RaceError, match=complaint):
        einsum.explain(text, shapes, with_times=False)


def test_the_matrix_product_is_explained():
    known = einsum.explain("ik, kj -> ij", "2x3, 3x4", with_times=False)
    assert known.expression == "ik,kj->ij"
    assert known.result_shape == (2, 4)
    assert known.flop == 2 * 2 * 3 * 4
    assert known.bytes_moved == 4 * (6 + 12 + 8)
    assert {x.name: x.roles for x in known.letters} == {
        "i": ("kept",),
        "k": ("summed",),
        "j": ("kept",),
    }
    assert known.example == "result[0, 0] = 1·1 + 2·3 = 7"
    assert known.plain == "A @ B"


def test_diagonal_and_broadcast_letters_are_named():
    trace = einsum.explain("ii->", "3x3", with_times=False)
    assert trace.letters[0].roles == ("summed", "diagonal")
    assert trace.example == "result = 1 + 4 = 5"
    stretched = einsum.explain("ij,jk->ik", "2x1, 3x4", with_times=False)
    assert stretched.letters[1] == einsum.Letter("j", 3, ("summed", "broadcast"))
    assert "optimize" in stretched.plain  # A @ B would refuse these shapes


@pytest.mark.parametrize(("name", "text", "shapes"), einsum.PRESETS, ids=lambda x: x)
def test_loops_and_plain_equivalent_compute_what_einsum_does(name, text, shapes):
    expression = parse(text)
    sizes = dict(zip(expression.letters, (2, 3, 4, 5, 6), strict=False))
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(-9, 9, [sizes[x] for x in operand]).astype(float)
        for operand in expression.operands
    ]
    wanted = np.einsum(text, *arrays)
    result = np.zeros(wanted.shape)
    scope = dict(zip("AB", arrays, strict=False), result=result)
    exec(einsum.loops(expression, sizes), scope)  # our own text, generated from letters and sizes
    assert np.array_equal(scope["result"], wanted)
    plain, function = einsum._plain(expression, tuple(a.shape for a in arrays))
    assert "einsum" not in plain
    assert np.allclose(function(*arrays), wanted)


def test_a_chain_is_contracted_in_the_cheaper_order():
    chain = einsum.explain("ij,jk,kl->il", "100x2, 2x100, 100x2", with_times=False)
    assert chain.flop == 3 * 100 * 2 * 100 * 2
    assert [step.expression for step in chain.path] == ["jk,kl->jl", "ij,jl->il"]
    assert sum(step.flop for step in chain.path) == 2 * (100 * 2 * 2) * 2


def test_times_are_measured_on_request():
    known = einsum.explain("i,i->", "100, 100")
    assert known.seconds > 0
    assert known.plain_seconds > 0
