"""The tower run our way, against `encode_text`, for every kind of causal tower."""

import gc
import random
import weakref
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from interrogator.networks.clip import Clip
from interrogator.networks.libraries import open_clip
from interrogator.networks.runtime import Runtime
from interrogator.networks.text_tower import KNOWN, MEMORY, Memory, TextTower
from interrogator.networks.token_tree import trees
from interrogator.prompts.scorer import TOO_LONG, Scorer

VISION = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 3}
TOWERS = {
    "CLIP": (open_clip.model.CLIP, {}),
    "QuickGELU": (open_clip.model.CLIP, {"quick_gelu": True}),
    "CustomTextCLIP": (open_clip.model.CustomTextCLIP, {}),
    "pooled at the end's id": (
        open_clip.model.CustomTextCLIP, {"pool_type": "eos", "eos_id": 49407},
    ),
    "pooled at the last place": (open_clip.model.CustomTextCLIP, {"pool_type": "last"}),
    "projected by a layer": (open_clip.model.CustomTextCLIP, {"proj_bias": True}),
    "layers scaled": (open_clip.model.CLIP, {"ls_init_value": 0.3}),
    "queries normed": (
        open_clip.model.CustomTextCLIP, {"text": {"qk_norm": True, "scale_attn": True}},
    ),
}  # fmt: skip
PHRASES = (
    "oil painting", "by Utagawa Hiroshige", "golden hour", "8k", "!", "l'art", "(x)", "浮世絵",
    "🌊", "<end_of_text>", "a&amp;b", "A" * 200, "very " * 80, "it's", "—", "ALİ", "पहा\u095c",
    "a＆copy", "xÂ¡x", "xÃ…x", "ｱﾞ",
)  # fmt: skip
PROMPTS = (
    "", "a cat", "a cat.", "a (cat)", "it's", "🌊", "a <end_of_text> b", "x " * 40,
    " ".join(["word"] * 72), " ".join(["word"] * 90),
)  # fmt: skip


def clip_of(kind, dtype=torch.float32):
    torch.manual_seed(0)
    build, options = TOWERS[kind]
    options = dict(options)
    quick = options.pop("quick_gelu", False)
    text = {**TEXT, **options.pop("text", {}), **options}
    model = build(embed_dim=16, vision_cfg=VISION, text_cfg=text, quick_gelu=quick).eval()
    for parameter in model.parameters():  # what starts at 0 or 1 would hide a mistake
        torch.nn.init.normal_(parameter, std=0.3) if parameter.ndim > 1 else None
    if dtype != torch.float32:
        open_clip.model.convert_weights_to_lp(model, dtype)
    return Clip(
        model, lambda p: p, open_clip.SimpleTokenizer(), Runtime(torch.device("cpu"), dtype)
    )


def unit(width):
    return F.normalize(torch.randn(width, generator=torch.Generator().manual_seed(1)), dim=0)


@torch.inference_mode()
def as_the_model_does(clip, texts):
    return F.normalize(clip.model.encode_text(clip.tokenizer(texts)).float(), dim=-1)


def scored(scorer, several):
    scores = torch.full((len(several),), torch.nan)
    for places, values in scorer.scores(several):
        assert scores[places].isnan().all()  # each once
        scores[places] = values
    return scores


def each(phrases):
    return [(place,) for place in range(len(phrases))]


def assert_scored_as_the_model_does(scorer, several):
    clip, texts = scorer.clip, [scorer.text(chosen) for chosen in several]
    expected = as_the_model_does(clip, texts) @ scorer.image
    scores = scored(scorer, several)
    for text, score, truth in zip(texts, scores.tolist(), expected.tolist(), strict=True):
        if clip.token_count(text) > clip.token_limit:
            assert score == TOO_LONG
        else:
            assert score == pytest.approx(truth, abs=1e-5), text


@pytest.mark.parametrize("kind", TOWERS)
def test_every_kind_of_tower_gives_the_vectors_of_encode_text(kind):
    clip = clip_of(kind)
    assert clip.tower is not None
    texts = [*PHRASES, *PROMPTS]
    assert torch.allclose(clip.encode_text(texts), as_the_model_does(clip, texts), atol=1e-5)


@pytest.mark.parametrize("kind", TOWERS)
@pytest.mark.parametrize("caption", PROMPTS)
def test_prompts_score_as_the_model_scores_them(kind, caption):
    scorer = Scorer(clip_of(kind), unit(16), caption, PHRASES)
    assert_scored_as_the_model_does(scorer, list(reversed(each(PHRASES))))
    rng = random.Random(0)
    several = [tuple(rng.sample(range(len(PHRASES)), rng.randint(0, 5))) for _ in range(60)]
    assert_scored_as_the_model_does(scorer, several)
    assert_scored_as_the_model_does(scorer, [several[0]])
    assert_scored_as_the_model_does(scorer, [several[1], several[1]])


@pytest.mark.parametrize("slots", [0, 20, 60, 100_000])
def test_what_is_forgotten_is_run_again(slots, monkeypatch):
    clip, rng = clip_of("CLIP"), random.Random(0)
    monkeypatch.setitem(MEMORY, "cpu", 2**16)  # several trees a time
    scorer = Scorer(clip, unit(16), "a cat", PHRASES)
    assert not clip.tower.fits(40, 0)
    scorer._memory.trie.size = min(slots, scorer._memory.trie.size)
    chosen = ()
    for place in rng.sample(range(6), 6):
        several = [(*chosen, other) for other in range(len(PHRASES)) if other not in chosen]
        assert_scored_as_the_model_does(scorer, several)
        chosen = (*chosen, place)


@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 0.995), (torch.float16, 0.999)])
def test_half_precision_stays_close(demo, dtype, least):
    model = open_clip.model.CLIP(**_demo_config()).eval()
    model.load_state_dict(demo.models.clip.model.state_dict())
    open_clip.model.convert_weights_to_lp(model, dtype)
    half = Clip(
        model, demo.models.clip.preprocess, demo.models.clip.tokenizer,
        Runtime(torch.device("cpu"), dtype),
    )  # fmt: skip
    assert half.tower is not None
    phrases = demo.table.vocabulary.phrases
    texts = [f"a cat on a sofa, {phrase}" for phrase in phrases]
    tokens, memory = [half.tower.read(half.ids(text)) for text in texts], Memory(half.tower)
    after = torch.empty(len(phrases), half.width)
    with torch.inference_mode():
        for places, tree in trees(tokens, lambda own, known: own < 99, memory.trie):
            after[places] = half.tower.features(tree, memory).float()
    whole = demo.models.clip.encode_text(texts)
    assert (F.normalize(after.float(), dim=-1) * whole).sum(dim=1).min() >= least


def test_a_search_may_compute_in_a_quicker_format_than_what_is_shown(demo):
    clip = demo.models.clip
    quick = replace(clip, search_dtype=torch.bfloat16)
    texts = tuple(demo.table.vocabulary.phrases[:40])
    image = clip.encode_text(["a cat on a sofa"])[0]
    places = [(place,) for place in range(len(texts))]

    def scores(of):
        found = torch.empty(len(places))
        for several, values in Scorer(of, image, "a cat", texts).scores(places):
            found[several] = values
        return found

    exact, near = scores(clip), scores(quick)
    assert 0 < (exact - near).abs().max() < 0.02
    assert torch.equal(quick.encode_text(["a cat"]), clip.encode_text(["a cat"]))


def _demo_config():
    from training.train_clip import MODEL_CFG

    return MODEL_CFG


def test_two_thousand_random_pairs_score_the_same(demo):
    clip, rng = demo.models.clip, random.Random(0)
    words = [word for phrase in demo.table.vocabulary.phrases for word in phrase.split()]
    phrases = tuple(" ".join(rng.choices(words, k=rng.randint(1, 6))) for _ in range(100))
    image = unit(clip.width)
    for _ in range(20):
        prompt = " ".join(rng.choices(words, k=rng.randint(1, 50)))
        scores = scored(Scorer(clip, image, prompt, phrases), each(phrases))
        fits = scores > TOO_LONG
        expected = as_the_model_does(clip, [f"{prompt}, {phrase}" for phrase in phrases]) @ image
        assert (scores - expected)[fits].abs().max() <= 1e-5


def test_a_tower_that_is_not_causal_is_scored_whole(demo):
    model = open_clip.model.CustomTextCLIP(
        embed_dim=16, vision_cfg=VISION, text_cfg={**TEXT, "no_causal_mask": True}
    ).eval()
    clip = Clip(
        model, lambda p: p, open_clip.SimpleTokenizer(), Runtime(torch.device("cpu"), torch.float32)
    )
    assert TextTower.of(model) is None
    assert clip.tower is None
    image = unit(16)
    scores = scored(Scorer(clip, image, "a cat", PHRASES), each(PHRASES))
    expected = as_the_model_does(clip, [f"a cat, {phrase}" for phrase in PHRASES]) @ image
    fits = scores > TOO_LONG
    assert (scores - expected)[fits].abs().max() <= 1e-5
    assert not fits[PHRASES.index("very " * 80)]


def test_nothing_is_run_twice(demo, monkeypatch):
    clip = demo.models.clip
    run = []
    features = TextTower.features

    def counted(self, tree, memory=None):
        run.append(len(tree.tokens))
        return features(self, tree, memory)

    monkeypatch.setattr(TextTower, "features", counted)
    phrases = ("ink", "haze", "oil paint", "oil", "ink wash")
    scorer = Scorer(clip, unit(clip.width), "a cat on a mat in the sun", phrases)
    caption = len(clip.ids(scorer.caption)) - 1
    scored(scorer, each(phrases))
    assert run == [caption + 1 + 3 + 2 + 5]  # the comma, first words, second words, ends
    scored(scorer, [(4, 1), (2, 1)])
    assert run[1:] == [2 * 3]  # behind "ink wash" and "oil paint" alike: comma, "haze", end


def test_a_tree_fills_its_memory_and_no_more():
    tower = clip_of("CLIP").tower
    heads, width = 4, 32 * 4  # bytes
    for known in (0, 70):
        count = next(count for count in range(1, 10_000) if not tower.fits(count + 1, known))
        used = 12 * width * count + 4 * width * known + 16 * heads * count * (known + count)
        assert 0.99 < used / MEMORY["cpu"] <= 1


def test_what_is_kept_is_bounded():
    tower = clip_of("CLIP").tower
    memory = Memory(tower)
    assert memory.keys.nbytes + memory.values.nbytes <= KNOWN["cpu"]
    assert memory.trie.size == memory.keys.shape[2] > 1000


def test_a_clip_that_nobody_holds_is_freed_at_once():
    """A gigabyte that waits for the garbage collector would be missing for the next model."""
    clip = clip_of("CLIP")
    scored(Scorer(clip, unit(16), "a cat", PHRASES), each(PHRASES))
    gone = weakref.ref(clip.model)
    gc.disable()
    try:
        del clip
        assert gone() is None
    finally:
        gc.enable()
