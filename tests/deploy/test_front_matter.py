import pytest

from deploy import front_matter
from deploy.outcome import ROOT, Outcome

README = (ROOT / "README.md").read_text("utf-8")


def test_ours_is_right():
    assert front_matter.check().problems == ()


@pytest.mark.parametrize(
    ("line", "becomes", "says"),
    [
        ("sdk: gradio", "skd: gradio", "skd: there is no such field"),
        ("sdk: gradio", "skd: gradio", "sdk: missing"),
        ("sdk: gradio", "sdk: flask", "'flask' is not gradio, docker or static"),
        ("colorFrom: blue", "colorFrom: mauve", "'mauve' is not one of red"),
        ("emoji: 🖼️", "emoji: x", "'x' is not an emoji"),
        ("sdk_version: 6.31.0", "sdk_version: 6.3", "6.3 is not a version of Gradio"),
        ('python_version: "3.12"', "python_version: 3.12", "3.12 is not a version such as"),
        ('python_version: "3.12"', 'python_version: "3.10"', "older than this project runs on"),
        ("app_file: app.py", "app_file: main.py", "there is no main.py"),
        ("suggested_hardware: cpu-basic", "suggested_hardware: cpu", "'cpu' is not one of"),
        ("license: mit", "license: MIT", "'MIT' is not the identifier"),
        ("thumbnail: https", "thumbnail: http", "is not the address of a picture"),
        ("short_description: P", "short_description: " + "P" * 20, "at most 60 characters"),
        (",model.safetensors", "", "needs model.safetensors or"),
        (" open_clip_model.safetensors", " other.bin", "needs open_clip_model.safetensors or"),
        (
            "  - timm/vit_large_patch14_clip_224.openai\n",
            "",
            "models: timm/vit_large_patch14_clip_224.openai is preloaded and not listed",
        ),
    ],
)
def test_what_is_wrong_is_named(line, becomes, says):
    assert line in README
    fields = front_matter.read(README.replace(line, becomes, 1))
    assert any(says in problem for problem in front_matter.problems(fields))


@pytest.mark.parametrize("text", ["# no block", "---\n- a list\n---\n", "---\na: b: c\n---\n"])
def test_a_block_that_is_none_is_reported(text):
    with pytest.raises(ValueError, match="block"):
        front_matter.read(text)


def test_an_outcome_says_what_to_read_first():
    assert str(Outcome("x", "fine")) == "ok       x: fine"
    assert str(Outcome("x", skipped="offline")) == "skipped  x: offline"
    assert str(Outcome("x", "fine", ("bad",))) == "WRONG    x\n         bad"
