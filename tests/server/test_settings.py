"""What is read from the environment, and what is refused."""

import pytest

from server.settings import Settings, read


def test_without_anything_the_server_is_reached_from_this_machine_alone():
    assert read({}) == Settings("127.0.0.1", 7860, False, "", None, "'self'")


def test_what_is_set_is_read():
    given = {
        "HOST": "0.0.0.0", "PORT": "80", "GRADIO_SERVER_PORT": "81", "LOG_FORMAT": "json",
        "APP_PASSWORD": "sesame", "VISITOR_LIMIT": "30", "FRAME_ANCESTORS": "https://example.org",
    }  # fmt: skip
    expected = Settings("0.0.0.0", 80, True, "sesame", 30, "'self' https://example.org")
    assert read(given) == expected


def test_a_space_is_shown_in_the_hubs_frames():
    ancestors = read({"SPACE_ID": "someone/name", "GRADIO_SERVER_PORT": "7861"}).frame_ancestors
    assert ancestors.split()[:2] == ["'self'", "https://huggingface.co"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("LOG_FORMAT", "xml", "LOG_FORMAT is text or json, not 'xml'"),
        ("VISITOR_LIMIT", "0", "VISITOR_LIMIT is a whole number from 1 on, not '0'"),
        ("VISITOR_LIMIT", "-1", "VISITOR_LIMIT is a whole number"),
        ("PORT", "http", "PORT is a whole number from 0 on, not 'http'"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(name, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        read({name: value})
