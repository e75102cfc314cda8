"""What does not fit into memory is refused with a sentence before anything is asked or fetched."""

from types import SimpleNamespace

import pytest

from interrogator.errors import InterrogatorError
from interrogator.hub import client
from interrogator.models import memory, registry
from interrogator.models.choice import active_notice, choose_names
from interrogator.models.files import default_names
from interrogator.models.registry import PRESETS

GIB = 2**30


V1 = "3:cpuset:/\n4:cpu,memory:/docker/abc\n0::/\n"


@pytest.mark.parametrize(
    ("groups", "files", "gib"),
    [
        ("", {}, 64),
        ("0::/\n", {"memory.max": 16 * GIB}, 16),
        ("0::/\n", {"memory.max": "max"}, 64),
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": 8 * GIB}, 8),
        ("0::/a/b\n", {"a/b/memory.max": 4 * GIB, "a/memory.max": 8 * GIB}, 4),
        ("0::/a/b\n", {"memory.max": 2 * GIB}, 2),
        ("0::/\n", {"memory.max": 128 * GIB}, 64),
        (V1, {"memory/docker/abc/memory.limit_in_bytes": 3 * GIB}, 3),
        (V1, {"memory/memory.limit_in_bytes": 5 * GIB}, 5),
        (V1, {"memory/memory.limit_in_bytes": 9223372036854771712}, 64),
    ],
)
def test_the_limit_is_the_least_of_machine_and_groups(tmp_path, monkeypatch, groups, files, gib):
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory, "_MOUNT", tmp_path / "mount")
    total = SimpleNamespace(total=64 * GIB)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: total)
    (tmp_path / "groups").write_text(groups)
    for name, value in files.items():
        path = tmp_path / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    assert memory.limit() * 1e9 == gib * GIB


def test_this_machine_has_a_limit():
    assert 0.5 < memory.limit() < 1e6


def test_what_is_needed_is_counted_for_known_models_alone():
    assert memory.needed("org/mine", "local-dir:/clip") == 0
    assert memory.needed("Salesforce/blip2-opt-2.7b") == pytest.approx(2 * 3.745 + 1)
    pinned = memory.needed("Salesforce/blip2-opt-2.7b@v1", "ViT-B-32/openai@v2")
    assert pinned == pytest.approx(2 * (3.745 + 0.151) + 1)
    assert memory.needed("ViT-B-32/openai", "ViT-B-32/openai") == pytest.approx(2 * 0.151 + 1)


def has(monkeypatch, gigabytes):
    monkeypatch.setattr(memory, "limit", lambda: gigabytes)


def test_what_does_not_fit_is_refused_with_what_does(monkeypatch):
    has(monkeypatch, 4.0)
    with pytest.raises(InterrogatorError) as told:
        choose_names(caption="Salesforce/blip2-opt-2.7b@v1")
    assert str(told.value) == (
        "Salesforce/blip2-opt-2.7b and ViT-L-14/openai need about 9.3 GB of memory, and 4.0 GB are "
        "to be had here. Choose smaller models; these presets fit: quality, light, demo, sd2."
    )
    with pytest.raises(InterrogatorError, match=r"ViT-bigG-14.* need about 7.0 GB"):
        choose_names("sdxl")
    with pytest.raises(InterrogatorError, match=r"^ViT-bigG-14.* needs about 6.1 GB"):
        choose_names("demo", clip="ViT-bigG-14/laion2b_s39b_b160k")  # as a judge is chosen
    has(monkeypatch, 9.4)
    assert choose_names(caption="Salesforce/blip2-opt-2.7b").preset == "custom"


def test_what_is_not_known_is_not_refused(monkeypatch):
    has(monkeypatch, 0.1)
    assert choose_names("demo") == PRESETS["demo"]
    assert choose_names(caption="org/mine", clip="hf-hub:org/clip").caption == "org/mine"


def test_the_default_is_what_fits(monkeypatch):
    monkeypatch.setattr(client, "cached_folder", lambda repository: registry.EMBEDDED)
    for gigabytes, preset in ((16.0, "quality"), (2.0, "light")):
        has(monkeypatch, gigabytes)
        assert default_names() == (PRESETS[preset], "")
    has(monkeypatch, 1.0)
    names, reason = default_names()
    assert names == PRESETS["demo"]
    assert "need about 1.8 GB of memory, and 1.0 GB are to be had here" in reason
    notice = active_notice(names, reason)
    assert notice.endswith("For the real models, take a machine with more memory.")
    assert "hub" not in notice
