import hashlib
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from interrogator.errors import InterrogatorError
from interrogator.models import choice, files, loading, registry
from interrogator.models import store as model_store
from interrogator.networks.libraries import open_clip
from interrogator.networks.runtime import Runtime, bfloat16_gain, choose_runtime
from tests.interrogator.small_models import (
    BORROWING,
    shape_borrowing,
    shrink_clips,
    write_blip,
    write_borrowing,
    write_clip,
)

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
    clip = loading._load_clip(name, folders, CPU)
    blocks = 3  # one in the picture tower, two in the text tower
    assert quick_gelus(clip.model) == (blocks if quick else 0)
    # The vectors are those of the model that the weights were written from.
    tokens = clip.tokenizer(["a lighthouse"])
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(written.eval().encode_text(tokens), dim=-1)
    assert torch.allclose(clip.encode_text(["a lighthouse"]), expected, atol=1e-5)


def test_the_presets_of_this_app_are_quick_gelu_clips():
    for preset in ("quality", "light"):
        architecture, tag = registry.PRESETS[preset].clip.split("/")
        assert open_clip.get_pretrained_cfg(architecture, tag)["quick_gelu"] is True


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_borrowed_text_tower_computes_in_half_precision(tmp_path, small, dtype):
    shape_borrowing(tmp_path / "shapes")
    write_borrowing(tmp_path)
    repository = files.clip_repository(BORROWING).name
    folders = {name: tmp_path / name for name in ("roberta-base", repository)}
    single = loading._load_clip(BORROWING, folders, CPU).encode_text(["a b", "b a a"])
    half = loading._build_clip(BORROWING, folders, Runtime(CPU.device, dtype))
    assert ((single * half.encode_text(["a b", "b a a"])).sum(dim=1) > 0.999).all()


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
        loading._load_clip("ViT-B-32/openai", folders, CPU)


def test_a_clip_without_weights_is_an_error(tmp_path):
    write_clip(tmp_path / "clip")
    (tmp_path / "clip" / "open_clip_model.safetensors").unlink()
    with pytest.raises(InterrogatorError, match="cannot be loaded"):
        loading._load_clip(f"local-dir:{tmp_path / 'clip'}", {}, CPU)


def test_a_blip_without_all_its_weights_is_an_error(tmp_path):
    write_blip(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: w for name, w in weights.items() if not name.startswith("text_decoder")}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InterrogatorError, match="not all of them"):
        loading._load_captioner(str(tmp_path), None, CPU)


@pytest.mark.parametrize("name", ["./nofolder", "/no/such", "a/b/c"])
def test_a_caption_model_that_is_neither_folder_nor_repository_gets_a_sentence(name):
    with pytest.raises(InterrogatorError, match="neither a folder here nor a repository"):
        loading.load(choice.choose_names(caption=name), CPU)


@pytest.mark.parametrize("name", ["local-dir:/no/such/folder", "local-dir:"])
def test_a_folder_that_is_not_there_is_an_error(name):
    with pytest.raises(InterrogatorError, match="cannot be loaded"):
        loading._load_clip(name, {}, CPU)


def test_a_damaged_weights_file_is_an_error(tmp_path):
    write_clip(tmp_path / "clip")
    (tmp_path / "clip" / "open_clip_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(InterrogatorError, match="cannot be loaded"):
        loading._load_clip(f"local-dir:{tmp_path / 'clip'}", {}, CPU)


def test_local_folders_of_any_kind_can_be_named(tmp_path):
    write_clip(tmp_path / "clip", quick_gelu=False)
    write_blip(tmp_path / "blip")
    names = choice.choose_names(
        caption=str(tmp_path / "blip"), clip=f"local-dir:{tmp_path / 'clip'}"
    )
    loaded = loading.load(names, CPU)
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
        files.repositories(choice.choose_names(**arguments))


@pytest.fixture
def store(monkeypatch):
    """A store of models that are names; what it fetched and loaded is noted."""
    store = model_store.ModelStore(CPU)
    store.fetched, store.made = [], []
    monkeypatch.setattr(model_store, "fetch", lambda names, *_: store.fetched.append(names.preset))
    monkeypatch.setattr(model_store, "load", lambda names, *_: store.made.append(names) or object())
    return store


def test_the_store_loads_once_and_keeps_the_latest(store):
    a, b, c = (registry.ModelNames(name, "x", "y") for name in "abc")
    first = store.load(a)
    assert store.load(a) is first
    for names in (b, a, c, a):
        store.load(names)
    assert [n.preset for n in store.made] == ["a", "b", "c"]  # a was used last: b made room for c
    assert not store.is_loaded(b)


def test_the_oldest_go_where_memory_would_not_hold_them_too(store, monkeypatch):
    """quality takes 3.5 GB in float32, light 1.5, and the program 1."""
    monkeypatch.setattr("interrogator.models.memory.limit", lambda: 6.2)
    quality, light = registry.PRESETS["quality"], registry.PRESETS["light"]
    first = store.load(light)
    store.load(quality)
    assert store.load(light) is first
    monkeypatch.setattr("interrogator.models.memory.limit", lambda: 5.0)
    store.load(registry.ModelNames("third", light.caption, quality.clip))
    assert [names.preset for names in store._loaded] == ["light", "third"]
    monkeypatch.setattr("interrogator.models.memory.limit", lambda: 4.0)
    with pytest.raises(InterrogatorError, match=r"need about 4\.5 GB of memory"):
        store.load(quality)


def test_a_judge_has_to_fit_beside_the_models_in_use(store, monkeypatch):
    """quality takes 3.5 GB in float32, light 1.5, ViT-H 3.9 and the program 1."""
    monkeypatch.setattr(model_store, "load_clip", lambda name, *_: name)
    monkeypatch.setattr("interrogator.models.memory.limit", lambda: 8.5)
    quality, light = registry.PRESETS["quality"], registry.PRESETS["light"]
    judge = "ViT-H-14/laion2b_s32b_b79k"
    store.load(light)
    store.load(quality)
    assert store.load_judge(judge, quality) == judge
    assert list(store._loaded) == [quality]  # light had to go
    monkeypatch.setattr("interrogator.models.memory.limit", lambda: 8.0)
    store._clips = {}
    with pytest.raises(InterrogatorError, match=r"ViT-H-14.* need about 8\.4 GB of memory"):
        store.load_judge(judge, quality)


def test_all_downloads_together_are_waited_for_no_longer_than_asked(store, monkeypatch):
    ends = []
    monkeypatch.setattr(
        model_store, "fetch", lambda names, transfers, report, end: ends.append(end)
    )
    before = time.monotonic()
    store.fetch(registry.PRESETS["light"], "ViT-L-14/openai", patience=30.0)
    assert ends[0] == ends[1]
    assert before + 30 <= ends[0] <= time.monotonic() + 30


def test_what_is_loaded_does_not_wait_for_what_is_loading(store):
    a = registry.ModelNames("a", "x", "y")
    first = store.load(a)
    with store._loading:
        assert store.load(a) is first


def test_a_download_keeps_nobody_from_loading(store, monkeypatch):
    hold, began = threading.Event(), threading.Event()

    def slow(names, *_):
        if names.preset == "slow":
            began.set()
            hold.wait(20)

    monkeypatch.setattr(model_store, "fetch", slow)
    slow_one, other = (registry.ModelNames(name, "x", "y") for name in ("slow", "other"))
    asker = threading.Thread(target=store.load, args=(slow_one,))
    asker.start()
    assert began.wait(20)
    assert store.load(other)
    assert not store.is_loaded(slow_one)
    hold.set()
    asker.join(20)
    assert store.is_loaded(slow_one)


def test_what_is_in_memory_is_not_fetched(store):
    a = registry.ModelNames("a", "x", "y")
    store.load(a)
    store.fetch(a, None)
    assert store.fetched == ["a"]
    store.fetch(a, "ViT-B-32/openai")
    assert store.fetched == ["a", "custom"]


class Malice:
    """What a weights file can do to who unpickles it: here, no more than leave a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_no_weights_are_unpickled(tmp_path):
    mark, clip, blip = tmp_path / "mark", tmp_path / "clip", tmp_path / "blip"
    write_clip(clip)
    write_blip(blip)
    for folder, safe, pickled in (
        (clip, "open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
        (blip, "model.safetensors", "pytorch_model.bin"),
    ):
        (folder / safe).unlink()
        torch.save({"weight": Malice(mark)}, folder / pickled)
    with pytest.raises(InterrogatorError, match="cannot be loaded"):
        loading._load_clip(f"local-dir:{clip}", {}, CPU)
    with pytest.raises(InterrogatorError, match="cannot be loaded"):
        loading._load_captioner(str(blip), None, CPU)
    assert not mark.exists()
    # Whoever does unpickle them falls for it, so that the above can fail.
    torch.load(blip / "pytorch_model.bin", weights_only=False)
    assert mark.exists()


def test_pickled_weights_that_are_only_weights_are_read(tmp_path):
    folder = tmp_path / "clip"
    written = write_clip(folder, quick_gelu=False)
    (folder / "open_clip_model.safetensors").unlink()
    torch.save(written.state_dict(), folder / "open_clip_pytorch_model.bin")
    assert loading._load_clip(f"local-dir:{folder}", {}, CPU).encode_text(["a"]).shape == (1, 16)


def test_weights_that_the_disk_damaged_are_removed_and_it_is_said(tmp_path):
    folder, blobs = tmp_path / "snapshots" / "c", tmp_path / "blobs"
    write_clip(folder)
    weights = folder / "open_clip_model.safetensors"
    blobs.mkdir()
    blob = blobs / hashlib.sha256(weights.read_bytes()).hexdigest()
    blob.write_bytes(weights.read_bytes()[:-1000])
    weights.unlink()
    weights.symlink_to(blob)
    with pytest.raises(InterrogatorError, match=r"open_clip_model.safetensors had been damaged"):
        loading._load_clip("hf-hub:org/clip", {"org/clip": folder}, CPU)
    assert not blob.exists()
    assert not weights.is_symlink()


def test_the_embedded_models_compute_in_float32_whatever_the_rest_does():
    half = Runtime(torch.device("cpu"), torch.bfloat16)
    assert loading.load(registry.PRESETS["demo"], half).runtime.dtype == torch.float32


def test_on_a_cpu_a_clip_computes_in_float32_and_only_searches_otherwise():
    half = Runtime(torch.device("cpu"), torch.bfloat16)
    clip = loading.load_clip(f"local-dir:{registry.EMBEDDED / 'clip'}", half)
    assert (clip.runtime.dtype, clip.search_dtype) == (torch.float32, torch.bfloat16)
    assert clip.tower.transformer.get_cast_dtype() == torch.float32
    assert clip.search_tower.transformer.get_cast_dtype() == torch.bfloat16


def test_the_runtime_is_the_faster_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for gain, dtype in ((3.0, torch.bfloat16), (0.5, torch.float32)):
        monkeypatch.setattr("interrogator.networks.runtime.bfloat16_gain", lambda gain=gain: gain)
        assert choose_runtime() == Runtime(torch.device("cpu"), dtype)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_runtime() == Runtime(torch.device("cuda"), torch.float16)


def test_the_gain_is_a_positive_ratio():
    assert 0 < bfloat16_gain(size=64, repeats=3) < 1000
