"""Prompts are true: what is chosen, left out, and said of it, with the embedded CLIP."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from interrogator.explanation import Judge
from interrogator.prompts.modes import Task, claims_of
from interrogator.prompts.ranking import PLAUSIBLE, RankedPhrase, rank
from interrogator.prompts.rules import Prompt, Rules, says
from interrogator.settings import Settings
from interrogator.vocabulary.lists import EXCLUSIVE, bare
from training.painter import choose, paint

UNSEEN = range(13_000_000, 13_000_012)  # of no training, examination or benchmark


@pytest.fixture(scope="module")
def painted():
    return [(choose(seed), paint(choose(seed), 128)) for seed in UNSEEN]


@pytest.mark.parametrize("mode", ["best", "fast", "classic"])
def test_only_plausible_phrases_stand_behind_the_caption_one_of_a_kind(demo, painted, mode):
    lists = demo.table.vocabulary.categories
    for _, picture in painted:
        done = demo.run(picture, Settings(mode))
        confidence = {p.text: p.confidence for group in done.ranked.values() for p in group}
        assert all(confidence[p.text] >= PLAUSIBLE for p in done.phrases), done.prompt
        assert not any(says(done.caption, p.text) for p in done.phrases), done.prompt
        for category in EXCLUSIVE:
            named = [p.text for p in done.phrases if p.category == category]
            claimed = any(says(done.caption, bare(category, p)) for p in lists[category])
            assert len(named) + claimed <= 1, done.prompt


def test_daring_widens_what_the_search_may_say(demo, painted):
    sure, most_similar = (
        [demo.run(picture, Settings("best", rules=Rules(daring=daring))) for _, picture in painted]
        for daring in (0.0, 1.0)
    )
    assert all(a.tried < b.tried for a, b in zip(sure, most_similar, strict=True))
    assert all(b.similarity >= a.similarity - 1e-5 for a, b in zip(sure, most_similar, strict=True))

    def true_share(several):
        pairs = [
            (s, p) for (s, _), done in zip(painted, several, strict=True) for p in done.phrases
        ]
        return sum(p.text in spec.phrases.values() for spec, p in pairs) / len(pairs)

    assert true_share(sure) > true_share(most_similar) + 0.03


def test_the_caption_is_the_likeliest_by_captioner_and_clip_together(demo, painted):
    clip, captioner = demo.models.clip, demo.models.captioner
    changed = 0
    for _, picture in painted:
        done = demo.run(picture)
        captions = captioner.candidates(picture)
        assert {done.caption, *done.other_captions} == {c.text for c in captions}
        image = clip.encode_picture(picture)
        ranking = rank(image, demo.table, clip.logit_scale, clip.encode_pair(picture)[0])

        def worth(caption, image=image, ranking=ranking):
            cosine = float(clip.encode_text([caption.text])[0] @ image)
            claims = claims_of(caption.text, ranking).values()
            claimed = sum(math.log(max(confidence, 0.01)) for confidence in claims)
            return caption.log_likelihood + clip.logit_scale * cosine + claimed

        assert done.caption == max(captions, key=worth).text
        changed += done.caption != captions[0].text
    assert changed < len(painted)


def test_a_typed_caption_leaves_the_models_own_at_hand(demo, painted):
    _, picture = painted[0]
    first = demo.run(picture)
    second = demo.run(picture, Settings(caption="two words"), features=first.features)
    assert second.caption == "two words"
    assert set(second.other_captions) == {first.caption, *first.other_captions}


def noise(seed):
    values = np.random.default_rng(seed).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize(
    "picture",
    [
        noise(1),
        noise(2),
        Image.linear_gradient("L").convert("RGB"),
        Image.radial_gradient("L").convert("RGB"),
    ],
)
def test_what_is_unlike_all_that_was_taught_gets_no_artist_no_movement_and_a_note(demo, picture):
    for mode in ("best", "fast", "classic"):
        done = demo.run(picture, Settings(mode))
        assert [p for p in done.phrases if p.category in ("artists", "movements")] == []
        assert any("unlike all that these models were taught" in note for note in done.notes)


def test_a_doubtful_claim_of_the_caption_is_noted_and_no_second_one_is_made(demo, painted):
    spec, picture = next(p for p in painted if p[0].medium == "oil painting")
    done = demo.run(picture, Settings(caption=f"a pixel art of a {spec.subject}"))
    assert any(note.startswith("The caption says “pixel art”") for note in done.notes)
    assert [p for p in done.phrases if p.category == "mediums"] == []


class OfAPair:
    """A CLIP that adds up what each word gains with picture and mirror image; a nat is .1."""

    token_limit, logit_scale = 77, 10.0

    def __init__(self, gains):
        self.gains = gains

    def token_count(self, text):
        return len(text.split())

    def encode_text(self, texts):
        rows = []
        for text in texts:
            several = [self.gains[word] for word in text.split(", ")[1:]]
            rows.append([sum(g[0] for g in several), sum(g[1] for g in several)])
        return torch.tensor(rows, dtype=torch.float32)


def test_what_is_plausible_is_said_unless_it_clearly_makes_the_prompt_less_similar():
    gains = {"ink": (0.2, 0.1), "fog": (-0.05, -0.05), "dawn": (-0.3, -0.1), "noir": (-0.2, -0.2)}
    phrases = [RankedPhrase(text, "styles", 0.0, 0.9, 0.0) for text in gains]
    task = Task("a cat", None, None, OfAPair(gains), Rules(), pair=torch.eye(2))
    task.__dict__["likely"] = phrases
    # The noise is .1 and half the difference of the two: .1 for fog, .2 for dawn, .1 for noir.
    done = task.completed(Prompt("a cat", tuple(phrases[:1])))
    assert [p.text for p in done.phrases] == ["ink", "fog", "dawn"]


def test_the_judge_that_ships_is_another_clip(service, demo, painted):
    judge = service.store.load_judge("demo-judge", demo.models.names)
    assert judge.fingerprint != demo.models.clip.fingerprint
    texts = ["a cat", "a lighthouse"]
    assert len(Judge("demo-judge", judge).scores(painted[0][1], texts)) == 2
