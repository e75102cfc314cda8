"""Sessions: how many, and what each of them holds."""

import pytest

from server.sessions import Sessions, capacity
from tests.server import small_app


@pytest.mark.parametrize(
    ("memory", "sessions"), [(16e9, 3200), (1e9, 200), (4e9, 800), (1e12, 10_000)]
)
def test_how_many_are_kept_follows_from_the_memory_there_is(memory, sessions):
    assert capacity(memory) == sessions


def test_a_session_holds_no_copy_of_the_page_and_the_longest_unused_goes_first():
    blocks, _ = small_app.build(small_app.Work())
    blocks.state_session_capacity = 3
    sessions = Sessions(blocks)
    for name in "abacd":
        assert sessions[name].config_values == {}
    assert list(sessions.session_data) == ["a", "c", "d"]
    assert set(sessions.time_last_used) == {"a", "c", "d"}
    sessions.forget("c")
    assert len(sessions) == 2


def test_what_a_page_changed_is_a_sessions_own():
    blocks, _ = small_app.build(small_app.Work())
    sessions = Sessions(blocks)
    number, text = next(iter(blocks.blocks.items()))
    assert sessions["a"][number] is text
    sessions["a"]._update_value_in_config(number, "typed")
    sessions["a"][number] = changed = type(text)("other")
    assert sessions["a"][number] is changed
    assert sessions["b"][number] is text
