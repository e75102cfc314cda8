import random
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

TEXTS = [
    "a", "a lighthouse on a cliff, oil painting, by Georges Seurat", "浮世絵", "🌊 🌊", "",
    " ".join(["word"] * 200), "an oil painting of two sailing boats on the sea",
]  # fmt: skip


def test_cut_and_sorted_texts_give_the_vectors_of_encode_text(demo):
    clip = demo.models.clip
    assert clip.tower is not None
    with torch.inference_mode():
        expected = F.normalize(clip.model.encode_text(clip.tokenizer(TEXTS)).float(), dim=-1)
    assert torch.allclose(clip.encode_text(TEXTS), expected, atol=1e-5)


@pytest.fixture
def all_seeing(demo):
    """The CLIP with a mask that lets every token see all others, put back afterwards."""
    mask = demo.models.clip.model.attn_mask
    before = mask.clone()
    mask.zero_()
    yield replace(demo.models.clip)  # a copy: what it knows of itself is found out anew
    mask.copy_(before)


def test_a_tower_that_is_not_causal_is_not_cut(all_seeing):
    clip = all_seeing
    assert clip.tower is None
    with torch.inference_mode():
        expected = F.normalize(clip.model.encode_text(clip.tokenizer(TEXTS)).float(), dim=-1)
    assert torch.allclose(clip.encode_text(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize("text", ["wow !$ ok", "a¡!~"])
def test_a_text_that_holds_the_padding_id_is_read_to_its_end(demo, text):
    clip = demo.models.clip
    tokens = clip.tokenizer([text])
    with torch.inference_mode():
        expected = F.normalize(clip.model.encode_text(tokens).float(), dim=-1)
    assert torch.allclose(clip.encode_text([text]), expected, atol=1e-5)
    assert clip.token_count(text) == int(tokens[0].argmax()) + 1


def test_vectors_are_of_length_one(demo):
    clip = demo.models.clip
    pictures = [Image.new("RGB", size, "red") for size in ((10, 10), (300, 40))]
    for vectors in (clip.encode_text(["a", "b"]), clip.encode_images(pictures)):
        assert torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-5)


def test_tokens_are_counted_with_start_and_end_and_beyond_the_limit(demo):
    clip = demo.models.clip
    assert clip.token_limit == 77
    assert clip.token_count("a cat") == 4
    assert clip.token_count(" ".join(["cat"] * 75)) == 77
    assert clip.token_count(" ".join(["cat"] * 76)) == 78
    assert clip.token_count(" ".join(["cat"] * 500)) == 78


PIECES = [
    "a cat", "by Claude Monet", "1980's", "don't", "4k!", "x,y", "", " spaced ", "naïve", "R&amp",
    "<end_of_text>", "a<b", "50%", "a.b", "tab\there", "UPPER Case", "new\nline", "'s", "!", "...",
    "cat's", "猫", "word " * 40 + "end", "\x1b[3m", "a  b", "oil painting", "c#", "$5", "(x:1.2)",
]  # fmt: skip


def test_ids_put_together_from_pieces_are_those_of_the_whole_text(demo):
    clip, rng = demo.models.clip, random.Random(0)
    joined = 0
    for _ in range(600):
        text = ", ".join(rng.choices(PIECES, k=rng.randrange(1, 6)))
        whole = clip.uncut_tokens([text])
        assert clip.ids(text) == tuple(whole[0, : int(clip.lengths(whole)[0])].tolist()), text
        joined += text.count(", ") > 0
    assert joined > 300
    assert clip.ids(", ".join(["a cat"] * 60))[-1] == clip.ids("")[-1]  # cut, with its end


def test_progress_ends_at_one(demo):
    shares = []
    demo.models.clip.encode_text(
        [f"{place} very long phrase " * 9 for place in range(90)], shares.append
    )
    assert len(shares) > 2
    assert shares == sorted(set(shares))
    assert shares[-1] == 1.0


def test_the_fingerprint_follows_the_transform(demo):
    clip = demo.models.clip
    assert replace(clip, preprocess=lambda picture: picture).fingerprint != clip.fingerprint


def test_the_fingerprint_follows_the_weights(demo):
    clip = demo.models.clip
    assert replace(clip).fingerprint == clip.fingerprint
    weight = clip.model.text_projection
    before = weight.data.clone()
    weight.data[0, 0] += 1
    assert replace(clip).fingerprint != clip.fingerprint
    weight.data.copy_(before)


class EndsAsPadding:
    """A tokenizer that pads with its own end, as SigLIP's does: one id a word, no start."""

    class tokenizer:  # noqa: N801  (named as Hugging Face's is)
        pad_token_id = eos_token_id = 1

    def __call__(self, texts, context_length=77):
        rows = [[*(5 for _ in text.split()), *[1] * context_length] for text in texts]
        return torch.tensor([row[:context_length] for row in rows])


def test_an_end_that_looks_like_padding_is_counted(demo):
    clip = replace(demo.models.clip, tokenizer=EndsAsPadding())
    assert [clip.token_count(" ".join(["a"] * n)) for n in (0, 1, 76, 77)] == [1, 2, 77, 78]
