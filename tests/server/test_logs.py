"""What stands in a log's lines of JSON, and what does not."""

import json
import logging

from server.logs import FIELDS, JsonLines

SECRET = "a cat called Minka /home/minka.png 192.0.2.1"


def line(name, message, *values, **more):
    logger = logging.getLogger(name)
    record = logger.makeRecord(name, logging.WARNING, "f.py", 1, message, values, **more)
    return json.loads(JsonLines(["ours"]).format(record))


def test_a_line_says_when_who_and_what():
    got = line("ours.part", "loaded %s", "demo", exc_info=None, extra={FIELDS: {"seconds": 0.2}})
    assert got.pop("time").endswith("+00:00")
    assert got == {
        "level": "warning", "logger": "ours.part", "message": "loaded demo", "seconds": 0.2,
    }  # fmt: skip


def test_an_error_is_written_without_its_words_and_values():
    def fail(prompt):
        raise ValueError(f"cannot read {prompt}")

    try:
        fail(SECRET)
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    for name in ("ours", "uvicorn.error"):
        got = line(name, "a request failed", exc_info=info)
        assert got["error"] == "ValueError"
        assert got["places"][-1].startswith("test_logs.py:")
        assert got["places"][-1].endswith(" fail")
        assert "Minka" not in json.dumps(got)


def test_values_in_other_libraries_messages_are_left_out():
    assert "Minka" not in json.dumps(line("httpx", "GET %s", SECRET, exc_info=None))
