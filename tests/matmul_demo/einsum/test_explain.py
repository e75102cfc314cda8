import json

import numpy as np
import pytest

from matmul_demo.einsum import explain as einsum
from matmul_demo.einsum import forms
from matmul_demo.einsum.stopwatch import Job, time_calls
from matmul_demo.errors import RaceError


@pytest.mark.parametrize(
    ("text", "shapes", "complaint"),
    [
        ("ii->ij", "3x3", "letter 'j', which no operand has"),
        ("ij->ii", "3x3", "'i' twice"),
        (",".join("abcdefghijklmnopqrstuvwxyzA") + "->a", "1", "27 operands are too many"),
        ("ij,jk->ik", "2x3, 4x5", "'j' has the sizes 3 and 4"),
        ("ij->ji", "(2,3), (4,)", "1 operand and 2 shapes were given"),
        ("ij,jk", "2x3", "2 operands and 1 shape was given"),
        ("ij->ji", "2x3x4", "2 axes.*has 3"),
        ("...ij->...ji", "2", "at least 2 axes.*has 1"),
        ("ij->ji", "2xtwo", "cannot be read"),
        ("ij->ji", "0x2", "size of 0"),
        ("ij->ji", "2x1000001", "between 1 and 1,000,000"),
        ("ij->ji", "(2, (3))", "cannot be read"),
        ("ii->", "1x3", "letter 'i' twice, so these sizes must be equal; in its shape.* 1 and 3"),
        ("__import__('os')", "2", "cannot be read"),
        ("...i->i", "2", "needs one, too"),
        ("i->...i", "2", "no operand has"),
        ("..i->i", "2", "cannot be read"),
        ("...i...->i", "2", "cannot be read"),
        ("", "", "cannot be read"),
        ("i->" * 1000, "2", "cannot be read"),
    ],
)
def test_bad_input_is_a_sentence(text, shapes, complaint):
    with pytest.raises(RaceError, match=complaint):
        einsum.explain(text, shapes, with_times=False)


@pytest.mark.parametrize(
    ("text", "shapes", "arrays"),
    [
        ("ij,jk", "2x3, 3x4", [(2, 3), (3, 4)]),
        ("kj,ji", "2x3, 3x4", [(2, 3), (3, 4)]),  # NumPy sorts what it keeps
        ("ii", "3x3", [(3, 3)]),
        ("...ij,...jk->...ik", "5x2x3, 3x4", [(5, 2, 3), (3, 4)]),
        ("i...,i...", "3x2x4, 3x1x4", [(3, 2, 4), (3, 1, 4)]),
        ("…ij->…ji", "5x2x3", [(5, 2, 3)]),
        ("aij,b...->ab...", "2x3x4, 5x6", [(2, 3, 4), (5, 6)]),
        (",i->i", ", 5", [(), (5,)]),
        ("IJ,Jk->Ik", "2x3, 3x4", [(2, 3), (3, 4)]),
    ],
)
def test_implicit_results_and_ellipses_mean_what_numpy_means(text, shapes, arrays):
    rng = np.random.default_rng(0)
    operands = [rng.integers(-9, 9, shape).astype(float) for shape in arrays]
    known = einsum.explain(text, shapes, with_times=False)
    wanted = np.einsum(text.replace("…", "..."), *operands)
    assert known.result_shape == wanted.shape
    assert np.array_equal(np.einsum(known.expression, *operands), wanted)


@pytest.mark.parametrize(
    "text",
    ["2x3, 3x4", "2 x 3, 3 x 4", "2×3 3×4", "2*3; 3*4", "(2,3),(3,4)", "[2, 3] [3, 4]", "2,3,3,4",
     "(2, 3,), (3, 4,)", "2 3, 3 4", "2X3,3X4"],
)  # fmt: skip
def test_shapes_are_read_as_people_write_them(text):
    assert einsum.explain("ij,jk->ik", text, with_times=False).shapes == ((2, 3), (3, 4))


def test_shapes_of_one_operand_and_of_vectors():
    assert einsum.explain("ij->", "(3, 4)", with_times=False).shapes == ((3, 4),)
    assert einsum.explain("ij->", "3, 4", with_times=False).shapes == ((3, 4),)
    assert einsum.explain("i,j->ij", "(3,), (4,)", with_times=False).shapes == ((3,), (4,))
    assert einsum.explain(",->", "(), ()", with_times=False).shapes == ((), ())


def test_the_matrix_product_is_explained():
    known = einsum.explain("ik, kj -> ij", "2x3, 3x4", with_times=False)
    assert known.expression == "ik,kj->ij"
    assert known.result_shape == (2, 4)
    assert known.flop == 2 * 2 * 3 * 4
    assert known.bytes_moved == 4 * (6 + 12 + 8)
    assert known.price.bytes == 4 * (6 + 12 + 8)
    assert {x.name: x.roles for x in known.letters} == {
        "i": ("kept",),
        "k": ("summed",),
        "j": ("kept",),
    }
    assert known.example == "result[0, 0] = 1·1 + 2·3 = 7"
    assert known.plain == "A @ B"
    assert known.einops == 'einops.einsum(A, B, "i k, k j -> i j")'


def test_diagonal_and_broadcast_letters_are_named():
    trace = einsum.explain("ii->", "3x3", with_times=False)
    assert trace.letters[0].roles == ("summed", "diagonal")
    assert trace.example == "result = 1 + 4 = 5"
    assert (trace.broadcasting, trace.einops) == ("", "")
    stretched = einsum.explain("ij,jk->ik", "2x1, 3x4", with_times=False)
    assert stretched.letters[1] == einsum.Letter("j", 3, ("summed", "broadcast"))
    assert "optimize" in stretched.plain  # A @ B would refuse these shapes


CASES = [(text, 0) for _, text, _ in einsum.PRESETS]
CASES += [("ij,jk,kl->il", 1), ("cab,bd->dac", 2), ("ijk->j", 3), ("i,ij,j->", 4)]


@pytest.mark.parametrize(("text", "seed"), CASES)
def test_every_form_computes_what_einsum_does(text, seed):
    expression = einsum.parse(text).expression([len(x) for x in text.split("->")[0].split(",")])
    sizes = dict(zip(expression.letters, (2, 3, 4, 5, 6), strict=False))
    rng = np.random.default_rng(seed)
    arrays = [
        rng.integers(-9, 9, [sizes[x] for x in operand]).astype(float)
        for operand in expression.operands
    ]
    wanted = np.einsum(text, *arrays)
    scope = dict(zip(forms.NAMES, arrays, strict=False), result=np.zeros(wanted.shape))
    exec(forms.loops(expression, sizes), scope)  # our own text, from letters and sizes
    assert np.array_equal(scope["result"], wanted)
    if forms.broadcasting(expression):
        assert np.allclose(eval(forms.broadcasting(expression), scope), wanted)
    else:
        assert text == "ii->"
    named = forms.plain(expression, tuple(a.shape for a in arrays))
    if named:
        code, function = forms.PLAIN[named]
        assert np.allclose(function(*arrays), wanted)
        assert np.allclose(eval(code, {**scope, "np": np}), wanted)
    else:
        assert seed  # every preset has a name
    steps = einsum.cheapest_order(expression, sizes)
    order = ["einsum_path", *(step.positions for step in steps)]
    assert np.allclose(np.einsum(text, *arrays, optimize=order), wanted)


def test_a_chain_is_contracted_in_the_cheaper_order():
    chain = einsum.explain("ij,jk,kl->il", "100x2, 2x100, 100x2", with_times=False)
    assert chain.flop == 3 * 100 * 2 * 100 * 2
    assert [step.expression for step in chain.path] == ["jk,kl->jl", "ij,jl->il"]
    assert sum(step.flop for step in chain.path) == 2 * (100 * 2 * 2) * 2


def test_long_sums_are_not_added_up_and_long_integers_are_no_trouble():
    known = einsum.explain("abcdefghijklmnopqrstuvwxyz->", "x".join(["1000000"] * 26), False)
    assert known.example.endswith("7 + … (67,108,864 terms)")
    assert json.loads(json.dumps(known.to_json()))["flop"] == pytest.approx(1e156)


@pytest.mark.slow
def test_times_are_measured_on_request():
    known = einsum.explain("i,i->", "100, 100")
    assert known.seconds > 0
    assert known.plain_seconds > 0
    assert known.timed_shapes == known.shapes
    assert not known.note


@pytest.mark.slow
def test_what_is_too_dear_is_timed_on_smaller_shapes_and_says_so():
    known = einsum.explain("ab,bc,cd,de,ef,fg->ag", ",".join(["19x19"] * 6))
    assert known.seconds > known.plain_seconds > 0
    assert known.timed_shapes != known.shapes
    assert "up to 25.0 s and 0.0159 MB, so it was timed on" in known.note


@pytest.mark.slow
def test_a_timing_that_does_not_end_is_ended(monkeypatch):
    dear = Job("ab,bc,cd,de,ef,fg->ag", ((19, 19),) * 6, "", ((0, 1, 2, 3, 4, 5),))
    assert time_calls(dear, limit=2.0) is None
    monkeypatch.setattr(einsum, "time_calls", lambda _: None)
    known = einsum.explain("i,i->", "100, 100")
    assert known.seconds is None
    assert "busy" in known.note
