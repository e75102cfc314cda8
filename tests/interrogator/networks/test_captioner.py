"""Captions: BLIP by the shorter way, its options, and captioners that are not BLIP."""

import copy
import json

import pytest
import torch

from interrogator.errors import InterrogatorError
from interrogator.models import loading
from interrogator.models.registry import EMBEDDED_BLIP
from interrogator.networks.blip import PictureCache, share_pictures
from interrogator.networks.captioning import Captioning
from interrogator.networks.libraries import transformers
from interrogator.networks.runtime import Runtime
from interrogator.settings import Settings
from tests.interrogator.small_captioners import (
    write_blip2,
    write_florence,
    write_git,
    write_qwen,
    write_smolvlm,
)
from tests.interrogator.small_models import write_blip
from training.dataset import HELD_OUT
from training.painter import choose, paint
from training.train_blip import config_for

CPU = Runtime(torch.device("cpu"), torch.float32)
SEEDS = range(HELD_OUT + 700_000, HELD_OUT + 700_006)


@pytest.fixture(scope="module")
def pictures():
    return [paint(choose(seed), 96) for seed in SEEDS]


@pytest.fixture(scope="module")
def plain():
    """The embedded BLIP as transformers runs it."""
    return transformers.BlipForConditionalGeneration.from_pretrained(
        EMBEDDED_BLIP, dtype=torch.float32
    ).eval()


@pytest.fixture
def captioner(demo):
    return demo.models.captioner


@pytest.mark.parametrize("beams", [1, 3, 5])
def test_shared_pictures_give_the_words_that_transformers_gives(captioner, plain, pictures, beams):
    pixels = captioner.processor(images=pictures, return_tensors="pt").pixel_values
    asked = {"num_beams": beams, "max_new_tokens": 20, "no_repeat_ngram_size": 3}
    with torch.inference_mode():
        expected = plain.generate(pixel_values=pixels, **asked)
        cache = PictureCache(len(pictures))
        given = captioner.model.generate(pixel_values=pixels, past_key_values=cache, **asked)
    assert given.tolist() == expected.tolist()
    assert len({tuple(row) for row in given.tolist()}) > 1  # they differ, so that mixing would show


@pytest.mark.parametrize("seed", range(4))
def test_beams_that_change_places_go_on_from_their_own_words(seed):
    """Random weights are sure of nothing, so that the beams overtake each other all the time."""
    torch.manual_seed(seed)
    model = transformers.BlipForConditionalGeneration(config_for(40)).eval()
    for parameter in model.text_decoder.parameters():
        parameter.data.normal_(std=0.3)
    pixels = torch.randn(3, 3, 96, 96)
    asked = {"num_beams": 4, "max_new_tokens": 12, "min_new_tokens": 8}
    with torch.inference_mode():
        expected = model.generate(pixel_values=pixels, **asked)
        share_pictures(model)
        given = model.generate(pixel_values=pixels, past_key_values=PictureCache(3), **asked)
    assert given.tolist() == expected.tolist()
    assert len({tuple(row) for row in given.tolist()}) > 1


def test_a_pictures_keys_are_computed_and_kept_once_however_many_beams(captioner, pictures):
    pixels = captioner.processor(images=pictures[:2], return_tensors="pt").pixel_values
    layers, cache, computed = captioner.model.text_decoder.bert.encoder.layer, PictureCache(2), []
    hooks = [
        layer.crossattention.self.key.register_forward_hook(lambda *_: computed.append(1))
        for layer in layers
    ]
    with torch.inference_mode():
        captioner.model.generate(
            pixel_values=pixels, past_key_values=cache, num_beams=4, max_new_tokens=9
        )
    for hook in hooks:
        hook.remove()
    assert len(computed) == len(layers)  # at none of the later steps
    kept = cache.cross_attention_cache.layers
    assert [layer.keys.shape[0] for layer in kept] == [2] * len(layers)
    assert cache.self_attention_cache.layers[0].keys.shape[0] == 8


def test_logits_are_those_of_transformers_without_a_cache(captioner, plain, pictures):
    pixels = captioner.processor(images=pictures[:3], return_tensors="pt").pixel_values
    tokens = torch.tensor([[5, 6, 7, 8]] * 3)
    with torch.inference_mode():
        expected = plain(pixel_values=pixels, input_ids=tokens).logits
        given = captioner.model(pixel_values=pixels, input_ids=tokens).logits
    assert torch.allclose(given, expected, atol=1e-4)


def test_a_caption_is_as_likely_beside_others_as_alone(captioner, pictures):
    """Also when another one is longer: what a batch is filled up with was not written."""
    alone = [captioner.candidates(picture) for picture in pictures]
    together = captioner.candidates_of([captioner.inputs([picture]) for picture in pictures])
    assert len({len(captions[0].text) for captions in alone}) > 1
    for one, other in zip(alone, together, strict=True):
        assert [caption.text for caption in one] == [caption.text for caption in other]
        likely = [caption.log_likelihood for caption in other]
        assert likely == pytest.approx([c.log_likelihood for c in one], abs=1e-4)


def test_a_captions_likelihood_is_that_of_its_tokens(captioner, plain, pictures):
    """Counted anew: the sum of the log-probabilities of each token and of the end."""
    inputs = captioner.inputs(pictures[:1])
    for caption in captioner.candidates(pictures[0]):
        words = captioner.processor.tokenizer(caption.text).input_ids
        ids = torch.tensor([[plain.config.text_config.bos_token_id, *words[1:]]])
        with torch.inference_mode():
            patches = plain.vision_model(inputs["pixel_values"])[0]
            logits = plain.text_decoder(ids, encoder_hidden_states=patches).logits[0]
        chosen = logits.log_softmax(-1)[:-1].gather(1, ids[0, 1:, None])
        assert caption.log_likelihood == pytest.approx(float(chosen.sum()), abs=1e-3)


def test_lengths_are_kept(captioner, pictures):
    count = lambda text: len(captioner.processor.tokenizer.tokenize(text))  # noqa: E731
    usual = captioner.captions(pictures)
    short = captioner.captions(pictures, Captioning(most=3))
    long = captioner.captions(pictures, Captioning(fewest=18, most=20))
    assert all(count(text) <= 3 for text in short)
    assert all(count(text) >= 17 for text in long)  # the end of the text is a token as well
    assert min(map(count, usual)) < 17


def test_no_run_of_tokens_is_said_twice(captioner, pictures):
    def repeats(text, n):
        words = text.split()
        runs = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        return len(runs) - len(set(runs))

    free = captioner.captions(pictures, Captioning(fewest=25, most=28, no_repeat=0))
    held = captioner.captions(pictures, Captioning(fewest=25, most=28, no_repeat=2))
    assert sum(repeats(text, 2) for text in free) > 0
    assert sum(repeats(text, 2) for text in held) == 0


def test_a_caption_never_outgrows_the_model(captioner, pictures):
    longest = captioner.caption(pictures[0], Captioning(fewest=190, most=200, no_repeat=0))
    assert len(longest.split()) <= captioner.model.config.text_config.max_position_embeddings


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_numbers_say_nearly_the_same(captioner, pictures, dtype):
    half = loading._load_captioner(EMBEDDED_BLIP, None, Runtime(torch.device("cpu"), dtype))
    assert next(half.model.parameters()).dtype == dtype
    same = [
        a == b for a, b in zip(half.captions(pictures), captioner.captions(pictures), strict=True)
    ]
    assert sum(same) >= len(pictures) - 1


def test_a_caption_of_more_than_its_most_tokens_is_refused_in_a_sentence():
    with pytest.raises(InterrogatorError, match="at least 41 and at most 40 tokens"):
        Captioning(fewest=41)


def test_another_way_of_captioning_reads_no_vector_anew(demo, pictures, monkeypatch):
    first = demo.run(pictures[0])
    looked = []
    clip = type(demo.models.clip)
    monkeypatch.setattr(clip, "encode_images", lambda *_: looked.append("clip"))
    short = Settings(captioning=Captioning(most=3))
    second = demo.run(pictures[0], short, features=first.features)
    assert looked == []
    assert len(second.caption.split()) <= 3
    assert second.caption != first.caption
    captioner = type(demo.models.captioner)
    monkeypatch.setattr(captioner, "caption", lambda *_: looked.append("caption"))
    again = demo.run(pictures[0], short, features=second.features)
    back = demo.run(pictures[0], features=second.features)
    assert looked == []
    assert (again.caption, back.caption) == (second.caption, first.caption)


@pytest.mark.parametrize(
    "write",
    [write_git, write_blip2, write_florence, write_smolvlm, write_qwen],
    ids=["GIT", "BLIP-2", "Florence-2", "SmolVLM", "Qwen3-VL"],
)
def test_captioners_that_are_not_blip_describe_pictures_alone_and_together(
    tmp_path, pictures, write
):
    captioner = loading._load_captioner(write(tmp_path / "other"), None, CPU)
    how = Captioning(beams=2, fewest=6, most=8)
    together = captioner.captions(pictures, how)
    assert together == [captioner.caption(picture, how) for picture in pictures]
    words = {word for text in together for word in text.split()}
    assert words
    assert words <= {"a", "cat", "boat", "on", "the", "sea", "[UNK]", "[MASK]"}
    assert all(len(text.split()) <= 8 for text in together)


def test_weights_in_shards_are_loaded(tmp_path, pictures):
    how = Captioning(fewest=4, most=6)
    whole = loading._load_captioner(write_blip2(tmp_path / "whole"), None, CPU)
    parts = loading._load_captioner(write_blip2(tmp_path / "parts", shards="20KB"), None, CPU)
    assert len(list((tmp_path / "parts").glob("model-*.safetensors"))) > 1
    assert parts.captions(pictures, how) == whole.captions(pictures, how)


def test_a_model_that_writes_no_captions_is_refused(tmp_path):
    from transformers import BertConfig, BertModel

    BertModel(
        BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2)
    ).save_pretrained(tmp_path)
    with pytest.raises(InterrogatorError, match="cannot be loaded as a captioner"):
        loading._load_captioner(str(tmp_path), None, CPU)


def test_a_question_is_asked_of_models_that_chat(captioner, pictures):
    asked = []

    class Chatting:
        chat_template = "{{ messages }}"

        def apply_chat_template(self, messages, add_generation_prompt):
            assert add_generation_prompt
            return "<image> " + messages[0]["content"][1]["text"]

        def __call__(self, images, text, return_tensors):
            asked.extend(text)
            made = captioner.processor(images=[i for (i,) in images], return_tensors=return_tensors)
            made["input_ids"] = torch.tensor([[7, 8]] * len(text))
            return made

        def __getattr__(self, name):
            return getattr(captioner.processor, name)

    chatting = copy.copy(captioner)
    object.__setattr__(chatting, "processor", Chatting())
    chatting.inputs(pictures[:2])
    assert asked == ["<image> Describe this picture in one plain sentence."] * 2


@pytest.mark.parametrize(
    ("write", "kind"), [(write_git, "CLIPImageProcessor"), (write_blip, "BlipImageProcessor")]
)
def test_folders_as_older_transformers_wrote_them_are_read(tmp_path, pictures, write, kind):
    """The repositories of GIT and BLIP have the pictures' part in a file of its own, no other."""
    write(tmp_path / "new")
    write(tmp_path / "old")
    together = tmp_path / "old" / "processor_config.json"
    images = json.loads(together.read_text())["image_processor"]
    images = {**images, "image_processor_type": kind, "feature_extractor_type": kind}
    (tmp_path / "old" / "preprocessor_config.json").write_text(json.dumps(images))
    together.unlink()
    how = Captioning(fewest=4, most=6)
    new, old = (
        loading._load_captioner(str(tmp_path / age), None, CPU).captions(pictures, how)
        for age in ("new", "old")
    )
    assert old == new


def test_florence_is_given_the_task_of_the_detail(tmp_path, pictures):
    captioner = loading._load_captioner(write_florence(tmp_path / "florence"), None, CPU)
    processor, asked = captioner.processor, []
    tell = type(processor)._construct_prompts
    processor._construct_prompts = lambda text: asked.extend(text) or tell(processor, text)
    for detail, most in (("short", 9), ("detailed", 58), ("more", 58)):
        how = Captioning(beams=1, most=9, detail=detail)
        captioner.captions(pictures[:1], how)
        assert how.for_generate(58)["max_new_tokens"] == most
    assert asked == ["<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"]
    with pytest.raises(InterrogatorError, match="choose one of short, detailed, more"):
        Captioning(detail="endless")
