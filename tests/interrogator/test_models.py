import pytest
import torch
from safetensors.torch import load_file, save_file

from interrogator import catalogue, models
from interrogator.errors import InterrogatorError
from interrogator.runtime import Runtime, bfloat16_gain, choose_runtime
from tests.interrogator.small_models import shrink_clips, write_blip, write_clip

import open_clip  # isort: skip

CPU = Runtime(torch.device("cpu"), torch.float32)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The presets' architectures in a small shape, undone afterwards."""
    import open_clip.factory as factory

    monkeypatch.setattr(factory, "_MODEL_CONFIGS", dict(factory._MODEL_CONFIGS))
    monkeypatch.setattr(factory, "_MODEL_CONFIG_PATHS", list(factory._MODEL_CONFIG_PATHS))
    shrink_clips(tmp_path / "shapes")


def quick_gelus(model):
    return sum(type(part).__name__ == "QuickGELU" for part in model.modules())


@pytest.mark.parametrize(
    ("name", "quick"),
    [("ViT-L-14/openai", True), ("ViT-B-32/openai", True), ("ViT-B-32/laion2b_s34b_b79k", False)],
)
def test_every_clip_gets_the_activation_that_its_weights_were_trained_with(
    tmp_path, small, name, quick
):
    architecture, tag = name.split("/")
    record = open_clip.get_pretrained_cfg(architecture, tag)
    assert bool(record.get("quick_gelu")) is quick
    written = write_clip(tmp_path / "weights", quick_gelu=quick)
    folders = {record["hf_hub"].rpartition("/")[0]: tmp_path / "weights"}
    clip = models._load_clip(name, folders, CPU)
    blocks = 3  # one in the picture tower, two in the text tower
    assert quick_gelus(clip.model) == (blocks if quick else 0)
    # The vectors are those of the model that the weights were written from.
    tokens = clip.tokenizer(["a lighthouse"])
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(written.eval().encode_text(tokens), dim=-1)
    assert torch.allclose(clip.encode_text(["a lighthouse"]), expected, atol=1e-5)


def test_the_presets_of_this_app_are_quick_gelu_clips():
    for preset in ("quality", "light"):
        architecture, tag = catalogue.PRESETS[preset].clip.split("/")
        assert open_clip.get_pretrained_cfg(architecture, tag)["quick_gelu"] is True


def test_a_mismatched_activation_is_an_error(tmp_path, small, monkeypatch):
    record = open_clip.get_pretrained_cfg("ViT-B-32", "openai")
    write_clip(tmp_path / "weights")
    folders = {record["hf_hub"].rpartition("/")[0]: tmp_path / "weights"}
    real = open_clip.create_model_from_pretrained
    monkeypatch.setattr(
        open_clip,
        "create_model_from_pretrained",
        lambda *args, **kwargs: real(*args, **{**kwargs, "force_quick_gelu": False}),
    )
    with pytest.raises(InterrogatorError, match="activation"):
        models._load_clip("ViT-B-32/openai", folders, CPU)


def test_a_clip_without_weights_is_an_error(tmp_path):
    write_clip(tmp_path / "clip")
    (tmp_path / "clip" / "open_clip_model.safetensors").unlink()
    with pytest.raises(InterrogatorError, match="cannot be loaded"):
        models._load_clip(f"local-dir:{tmp_path / 'clip'}", {}, CPU)


def test_a_blip_without_all_its_weights_is_an_error(tmp_path):
    write_blip(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: w for name, w in weights.items() if not name.startswith("text_decoder")}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InterrogatorError, match="not all of them"):
        models._load_blip(str(tmp_path), None, CPU)


@pytest.mark.parametrize("name", ["./nofolder", "/no/such", "a/b/c"])
def test_a_caption_model_that_is_neither_folder_nor_repository_gets_a_sentence(name):
    with pytest.raises(InterrogatorError, match="neither a folder here nor a repository"):
        models.load(catalogue.choose_names(caption=name), CPU)


@pytest.mark.parametrize("name", ["local-dir:/no/such/folder", "local-dir:"])
def test_a_folder_that_is_not_there_is_an_error(name):
    with pytest.raises(InterrogatorError, match="cannot be loaded"):
        models._load_clip(name, {}, CPU)


def test_a_damaged_weights_file_is_an_error(tmp_path):
    write_clip(tmp_path / "clip")
    (tmp_path / "clip" / "open_clip_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(InterrogatorError, match="cannot be loaded"):
        models._load_clip(f"local-dir:{tmp_path / 'clip'}", {}, CPU)


def test_local_folders_of_any_kind_can_be_named(tmp_path):
    write_clip(tmp_path / "clip", quick_gelu=False)
    write_blip(tmp_path / "blip")
    names = catalogue.choose_names(
        caption=str(tmp_path / "blip"), clip=f"local-dir:{tmp_path / 'clip'}"
    )
    loaded = models.load(names, CPU)
    assert names.preset == "custom"
    assert not names.embedded
    assert loaded.clip.encode_text(["a", "b c d"]).shape == (2, 16)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"preset": "best"}, "choose one of quality, light, demo"),
        ({"clip": "ViT-B-32"}, "its tags are"),
        ({"clip": "ViT-B-32/none"}, "its tags are"),
        ({"clip": "nothing"}, "ARCHITECTURE/TAG"),
    ],
)
def test_unknown_names_get_a_sentence_with_the_choices(arguments, says):
    with pytest.raises(InterrogatorError, match=says):
        catalogue.repositories(catalogue.choose_names(**arguments))


def test_the_store_loads_once_and_keeps_the_latest(monkeypatch):
    loaded = []
    monkeypatch.setattr(
        models, "load", lambda names, runtime, report: loaded.append(names) or object()
    )
    store = models.ModelStore(CPU)
    a, b, c = (catalogue.ModelNames(name, "x", "y") for name in "abc")
    first = store.load(a)
    assert store.load(a) is first
    for names in (b, a, c, a):
        store.load(names)
    assert [n.preset for n in loaded] == ["a", "b", "c"]  # a was used last, so b made room for c
    assert not store.is_loaded(b)


def test_what_is_loaded_does_not_wait_for_what_is_loading(monkeypatch):
    monkeypatch.setattr(models, "load", lambda names, runtime, report: object())
    store = models.ModelStore(CPU)
    a = catalogue.ModelNames("a", "x", "y")
    first = store.load(a)
    with store._loading:  # somebody else downloads for an hour
        assert store.load(a) is first


def test_the_embedded_models_compute_in_float32_whatever_the_rest_does():
    half = Runtime(torch.device("cpu"), torch.bfloat16)
    assert models.load(catalogue.PRESETS["demo"], half).runtime.dtype == torch.float32


def test_the_runtime_is_the_faster_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for gain, dtype in ((3.0, torch.bfloat16), (0.5, torch.float32)):
        monkeypatch.setattr("interrogator.runtime.bfloat16_gain", lambda gain=gain: gain)
        assert choose_runtime() == Runtime(torch.device("cpu"), dtype)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_runtime() == Runtime(torch.device("cuda"), torch.float16)


def test_the_gain_is_a_positive_ratio():
    assert 0 < bfloat16_gain(size=64, repeats=3) < 1000
