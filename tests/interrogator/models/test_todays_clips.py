"""MobileCLIP2 and SigLIP 2 from a hub on loopback to a prompt: their architectures, small."""

import pytest
import torch
from PIL import Image

from interrogator.images import decode
from interrogator.models import files
from interrogator.models.choice import choose_names
from interrogator.models.registry import ASSETS, CLIPS
from interrogator.models.store import DefaultModels
from interrogator.networks.runtime import Runtime
from interrogator.serving.service import Service
from interrogator.web.handlers import Handlers
from tests.interrogator import small_clips
from tests.interrogator.fake_hub import FakeHub
from tests.interrogator.one_model import use
from tests.interrogator.small_clips import MOBILECLIP2, SIGLIP2, WORDS

CAT = ASSETS / "examples" / "cat-pop-art.jpg"
BOTH = pytest.mark.parametrize("name", [MOBILECLIP2, SIGLIP2])


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that has both; what was written, by name."""
    (tmp_path / "shapes").mkdir()
    small_clips.shrink(monkeypatch, tmp_path / "shapes")
    models = small_clips.write(tmp_path / "hub")
    with FakeHub(tmp_path / "hub") as server:
        use(monkeypatch, server.url, tmp_path / "cache")
        server.models = models
        yield server


@pytest.fixture
def fresh():
    """Handlers whose service keeps nothing for other tests."""
    service = Service(Runtime(torch.device("cpu"), torch.float32))
    service.defaults = DefaultModels(choose_names("demo"), "The hub is not there.")
    return Handlers(service)


def values(name, **more):
    return {
        "preset": "demo", "clip": name, "own_words": "\n".join(WORDS), "own_lists": "replace",
        **more,
    }  # fmt: skip


def test_both_are_listed_with_their_authors_licences():
    known = {model.name: model for model in CLIPS}
    assert "research only" in known[MOBILECLIP2].licence
    assert known[SIGLIP2].licence == "Apache-2.0"


@pytest.mark.slow
@BOTH
def test_it_is_downloaded_and_writes_a_prompt(hub, fresh, name):
    repository = files.clip_repository(name).name
    size = files.download_bytes(choose_names("demo", clip=name))
    assert size >= (hub.folder / repository / "open_clip_model.safetensors").stat().st_size
    done = fresh.interrogate(str(CAT), values(name, mode="best", fewest=2, most=3))
    assert done["models"]["clip"] == name
    assert [phrase["text"] for phrase in done["phrases"]] != []
    assert done["token_limit"] == {MOBILECLIP2: 77, SIGLIP2: 64}[name]
    assert 0 < done["tokens"] <= done["token_limit"]
    assert any("only as a whole" in note for note in done["notes"])  # neither tower is causal
    scored = fresh.score(str(CAT), done["prompt"], {"preset": "demo", "clip": name})
    assert scored["similarity"] == pytest.approx(done["similarity"], abs=1e-5)
    assert scored["tokens"] == done["tokens"]


@BOTH
def test_its_vectors_are_those_of_the_model_that_was_written(hub, fresh, name):
    clip = fresh.service.store.load(choose_names("demo", clip=name)).clip
    written = hub.models[name]
    texts = ["a cat in dots", "ink drawing, fog"]
    with torch.inference_mode():
        expected = written.encode_text(clip.tokenizer(texts), normalize=True)
        pixels = clip.preprocess(decode.read(CAT)).unsqueeze(0)
        picture = written.encode_image(pixels, normalize=True)
    assert torch.allclose(clip.encode_text(texts), expected, atol=1e-5)
    assert torch.allclose(clip.encode_images([decode.read(CAT)]), picture, atol=1e-5)
    assert pixels.shape == (1, 3, 256, 256)


def test_pixels_are_scaled_as_the_tags_say(hub, fresh):
    """MobileCLIP2 reads 0..1, SigLIP 2 −1..1 and the whole picture, squashed."""
    mobile = fresh.service.store.load(choose_names("demo", clip=MOBILECLIP2)).clip
    siglip = fresh.service.store.load(choose_names("demo", clip=SIGLIP2)).clip
    black, wide = Image.new("RGB", (64, 64)), Image.new("RGB", (300, 100), "white")
    wide.paste((0, 0, 0), (0, 0, 50, 100))
    assert float(mobile.preprocess(black).max()) == 0
    assert float(siglip.preprocess(black).max()) == -1
    assert float(siglip.preprocess(wide)[0, 128, 0]) < -0.9  # the left edge is in it
    assert float(mobile.preprocess(wide)[0, 128, 0]) > 0.9  # cut off


@pytest.mark.parametrize("lost", ["open_clip_model.safetensors", "tokenizer.json"])
def test_one_repository_for_weights_and_tokenizer_is_whole_or_fetched_anew(
    hub, fresh, tmp_path, lost
):
    names, request = choose_names("demo", clip=SIGLIP2), fresh.request(values(SIGLIP2))
    fresh.service.fetch(request)
    assert files.download_bytes(names) == 0
    (file,) = (tmp_path / "cache").glob(f"**/snapshots/*/{lost}")
    file.unlink()
    size = (hub.folder / files.clip_repository(SIGLIP2).name / lost).stat().st_size
    assert files.download_bytes(names) == size
    fresh.service.fetch(request)
    assert file.exists()
