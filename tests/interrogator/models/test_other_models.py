"""A captioner that is not BLIP and a CLIP that is not the default, the whole way, small and random.

The words mean nothing; that they come from these models, through page and command, is what counts.
"""

import json
import re
from html import unescape

import pytest

from interrogator.errors import InterrogatorError
from interrogator.hub import client
from interrogator.hub.download import Transfers
from interrogator.models import registry
from interrogator.models.choice import check_offered, choose_names
from interrogator.models.files import SHARDS, download_bytes, fetch
from interrogator.models.registry import ASSETS, PRESETS
from interrogator.web.views import known_models
from tests.interrogator.fake_hub import FakeHub, Trouble
from tests.interrogator.one_model import use
from tests.interrogator.small_captioners import write_blip2, write_custom_clip, write_git
from tests.interrogator.test_command import run

CAT = ASSETS / "examples" / "cat-pop-art.jpg"
MINE = "dots\nstripes\nink drawing\nfog\n"


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """A GIT and a BLIP-2; a CLIP like SigLIP, not causal, and a causal one built in another way."""
    folder = tmp_path_factory.mktemp("others")
    return {
        "git": write_git(folder / "git"),
        "blip2": write_blip2(folder / "blip2"),
        "siglip": write_custom_clip(folder / "siglip", causal=False),
        "custom": write_custom_clip(folder / "custom", pool="argmax"),
    }


def values(**chosen):
    return {
        "mode": "best", "fewest": 1, "most": 3, "own_words": MINE, "own_lists": "replace",
        "caption_fewest": 4, "caption_most": 8, **chosen,
    }  # fmt: skip


@pytest.mark.parametrize(("captioner", "clip"), [("git", "siglip"), ("blip2", "custom")])
def test_the_page_draws_what_other_models_say(handlers, others, captioner, clip):
    request = handlers.request(values(caption_model=others[captioner], clip=others[clip]))
    *_, last = handlers.draw(str(CAT), request)
    assert "Done in" in last.status
    told = json.loads(unescape(re.search(r'data-result="([^"]*)"', last.phrases)[1]))
    assert told["models"]["caption"] == others[captioner]
    assert told["models"]["clip"] == others[clip]
    assert told["models"]["preset"] == "custom"
    assert told["models"]["embedded"] is False
    assert 3 <= len(told["caption"].split()) <= 8
    assert told["prompt"].startswith(told["caption"])
    assert "data-phrase=" in last.phrases
    whole = "This CLIP reads texts only as a whole, so that searching takes longer."
    assert (whole in last.notes) is (clip == "siglip")


def test_another_captioner_beside_the_default_clip_ranks_the_words_that_it_knows(handlers, others):
    chosen = values(caption_model=others["git"], mode="fast", own_words="", own_lists="add")
    done = handlers.interrogate(str(CAT), chosen)
    assert done["models"]["clip"] == "embedded"
    assert done["models"]["caption"] == others["git"]
    assert done["ranked"]["movements"][0]["text"] == "pop art"
    assert done["vocabulary"]["name"] == "demo"


def test_analyze_and_score_take_another_clip(handlers, others):
    ranked = handlers.analyze(str(CAT), {"preset": "demo", "top": 2, "clip": others["custom"]})
    assert ranked["models"]["clip"] == others["custom"]
    scored = handlers.score(str(CAT), "a cat, dots", {"preset": "demo", "clip": others["custom"]})
    assert scored["models"]["clip"] == others["custom"]


def test_the_command_line_takes_other_models(command, others, tmp_path):
    (tmp_path / "mine.txt").write_text(MINE)
    done = command(
        CAT, "--caption-model", others["git"], "--clip", others["siglip"], "--mode", "best",
        "--vocabulary", tmp_path, "--caption-beams", 1, "--caption-fewest", 4,
        "--caption-most", 6, "--dtype", "float32", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert line["models"]["caption"] == others["git"]
    assert line["models"]["clip"] == others["siglip"]
    assert line["models"]["dtype"] == "float32"
    assert 3 <= len(line["caption"].split()) <= 6
    assert set(line["ranked"]) == {"mine"}


def test_the_command_line_lists_the_known_models_at_once():
    done = run("--models")
    assert done.returncode == 0
    assert done.stdout.strip() == registry.as_text()
    for model in (*registry.CAPTIONERS, *registry.CLIPS):
        assert model.name in done.stdout
        assert model.name in known_models()
        assert model.licence in done.stdout


def test_a_number_of_the_caption_that_cannot_be_is_a_sentence_and_status_2(command):
    done = command(CAT, "--preset", "demo", "--caption-beams", "99")
    assert (done.returncode, done.stdout) == (2, "")
    assert "caption_beams is from 1 to 10, not 99." in done.stderr


def test_every_preset_is_of_known_models():
    captioners = {model.name for model in registry.CAPTIONERS}
    clips = {model.name for model in registry.CLIPS}
    for names in PRESETS.values():
        if not names.embedded:
            assert names.caption in captioners
            assert names.clip in clips


def test_the_parameters_told_are_those_of_the_architecture():
    import open_clip
    import torch

    for model in registry.CLIPS:
        config = open_clip.get_model_config(model.name.partition("/")[0])
        custom = config.pop("custom_text", False)
        kind = open_clip.model.CustomTextCLIP if custom or "SigLIP" in model.name else None
        with torch.device("meta"):
            built = (kind or open_clip.model.CLIP)(**config)
        millions = sum(p.numel() for p in built.parameters()) / 1e6
        assert model.parameters == round(millions), model.name


def test_a_space_offers_the_known_models_alone(monkeypatch, handlers, others):
    monkeypatch.setenv("SPACE_ID", "somebody/something")
    check_offered("", "ViT-B-32/openai", "microsoft/git-base-coco")
    for place in ("caption_model", "clip", "judge"):
        with pytest.raises(InterrogatorError, match="not offered on this server; choose one of"):
            handlers.interrogate(str(CAT), values(**{place: others["siglip"]}))
    assert "not offered" in handlers.describe_models(
        {"preset": "demo", "caption_model": others["git"]}
    )
    monkeypatch.setenv("INTERROGATOR_MODELS", "any")
    check_offered(others["git"])


@pytest.mark.parametrize("said", ["", "Known", "KNOWN", " known", "anything", "all"])
def test_a_space_offers_all_only_where_it_is_said_exactly(monkeypatch, said):
    monkeypatch.setenv("SPACE_ID", "somebody/something")
    monkeypatch.setenv("INTERROGATOR_MODELS", said)
    with pytest.raises(InterrogatorError, match="not offered on this server"):
        check_offered("org/of-mine")


@pytest.mark.parametrize("said", ["any", "Any", "ANY"])
def test_any_model_can_be_allowed_on_a_space(monkeypatch, said):
    monkeypatch.delenv("INTERROGATOR_MODELS", raising=False)
    monkeypatch.setenv("SPACE_ID", "somebody/something")
    with pytest.raises(InterrogatorError):
        check_offered("org/of-mine")
    monkeypatch.setenv("INTERROGATOR_MODELS", said)
    assert check_offered("org/of-mine") is None


def test_what_is_misspelt_counts_as_nothing_said_and_is_warned_of_once(monkeypatch, caplog):
    caplog.set_level("WARNING")  # a command in this process may have raised it
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setenv("INTERROGATOR_MODELS", "nkown")
    for _ in range(3):
        check_offered("org/of-mine")
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "INTERROGATOR_MODELS is 'any' or 'known', not 'nkown'; it counts as 'any' here."
    ]


@pytest.mark.parametrize("name", ["x" * 201, "org/" + "é" * 300, "a\0b", "a\nb", "\ud800"])
def test_what_can_be_no_name_gets_a_sentence(handlers, name):
    for place in ("caption_model", "clip", "judge"):
        with pytest.raises(InterrogatorError, match="is no name of a model") as told:
            handlers.interrogate(str(CAT), values(**{place: name}))
        assert len(str(told.value)) < 200
    assert "is no name of a model" in handlers.describe_models({"preset": "demo", "clip": name})


@pytest.mark.parametrize("name", ["/" + "x" * 199, "ä" * 200])
def test_a_name_that_no_disk_could_have_is_looked_for_all_the_same(name):
    with pytest.raises(InterrogatorError, match=r"neither a folder here|HF_HUB_OFFLINE forbids"):
        download_bytes(choose_names("demo", caption=name))


def test_the_note_tells_what_chosen_models_mean(handlers, others):
    chosen = {"preset": "demo", "caption_model": others["git"], "clip": others["custom"]}
    note = handlers.describe_models(chosen)
    assert others["git"] in note
    assert "on this machine already" in note
    assert "embedded" in handlers.describe_models(
        {"preset": "demo", "caption_model": others["git"]}
    )


@pytest.fixture
def split(tmp_path, monkeypatch):
    """A hub with a captioner whose weights are split in two; the bytes of its files by name."""
    sizes = {"model-00001-of-00002.safetensors": 50_000, "model-00002-of-00002.safetensors": 30_000}
    names = ("config.json", "preprocessor_config.json", "tokenizer.json")
    contents = {name: json.dumps({"name": name}).encode() for name in names}
    weights = {f"layer.{i}": shard for i, shard in enumerate(sizes)}
    index = {"metadata": {"total_size": 80_000}, "weight_map": weights}
    contents[SHARDS] = json.dumps(index).encode()
    contents |= {name: bytes([i]) * size for i, (name, size) in enumerate(sizes.items())}
    folder = tmp_path / "hub" / "org" / "split"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with FakeHub(tmp_path / "hub") as server:
        use(monkeypatch, server.url, tmp_path / "cache")
        server.sizes = {name: len(content) for name, content in contents.items()}
        yield server


@pytest.mark.parametrize("name", ["org/split", "org/split@v1"])
def test_split_weights_are_counted_before_and_after_their_index_is_here(split, name):
    names = choose_names("demo", caption=name)
    shards = [file for file in split.sizes if file.startswith("model-")]
    assert download_bytes(names) == sum(split.sizes.values())
    assert split.got(shards[0]) == []
    split.trouble[shards[1]] = Trouble(status=404, times=1)
    with pytest.raises(InterrogatorError, match="does not give out"):
        fetch(names, Transfers(), lambda text, share: None)
    assert download_bytes(names) == split.sizes[shards[1]]
    fetch(names, Transfers(), lambda text, share: None)
    split.asked.clear()
    assert download_bytes(names) == 0
    assert split.asked == []


@pytest.mark.parametrize("index", [b"[]", b"{", b'{"weight_map": {"a": "../../up.safetensors"}}'])
def test_an_index_that_says_nothing_is_told_and_no_size(split, index):
    (split.folder / "org" / "split" / SHARDS).write_bytes(index)
    with pytest.raises(InterrogatorError, match="index of the weights of org/split is damaged"):
        download_bytes(choose_names("demo", caption="org/split"))


def test_an_endless_index_is_not_read(split, monkeypatch):
    monkeypatch.setattr(client, "MOST_READ", 100)
    with pytest.raises(InterrogatorError, match="larger than"):
        download_bytes(choose_names("demo", caption="org/split"))
