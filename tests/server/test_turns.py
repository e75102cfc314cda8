"""The queue: who is let in, whose turn it is, and that nothing is kept of those who were served."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from gradio_client import Client

from server import turns
from tests.server.conftest import API


def until(condition):
    """Wait for what another thread is about to do; pytest's limit ends it."""
    while not condition():
        time.sleep(0.005)


def call(url, function, name):
    """Call the API as a program that names no session; return its event and the whole answer."""
    event = httpx.post(f"{url}{API}/call/{function}", json={"data": [name]}).json()["event_id"]
    return event, httpx.get(f"{url}{API}/call/{function}/{event}", timeout=60).text


def kept(small):
    """Everything that Gradio and we remember of requests and sessions."""
    queue, app = small.turns, small.blocks.server_app
    queue.forget_old()
    return {
        "sessions": len(app.state_holder.session_data),
        "times": len(app.state_holder.time_last_used),
        "mailboxes": len(queue.pending_messages_per_session),
        "pending": len(queue.pending_event_ids_session),
        "events": len(queue.event_ids_to_events),
        "iterators": len(app.iterators),
        "to reset": len(app.iterators_to_reset),
        "records": len(queue.event_analytics),
        "diffs": len(small.blocks.pending_diff_streams),
        "ended": len(queue._ended),
    }


def settled(small):
    """The names of what is kept, once nothing is under way and nobody reads."""
    until(lambda: not small.turns.event_ids_to_events and not small.turns._readers)
    return {name for name, number in kept(small).items() if number}


def test_nothing_is_kept_of_calls_that_name_no_session(serve):
    small = serve()
    small.work.hold.set()
    for number in range(5):
        for function in ("held", "steps"):
            assert f'"done {number}' in call(small.url, function, str(number))[1]
        assert "It must not be odd." in call(small.url, "refuse", "odd")[1]
        assert "light" in call(small.url, "light", "a")[1]
    assert settled(small) == set()


def test_answers_that_nobody_fetches_are_dropped_the_oldest_first(serve, monkeypatch):
    monkeypatch.setattr(turns, "MOST_KEPT", 3)
    small = serve()
    small.work.hold.set()
    events = []
    for number in range(10):
        joined = httpx.post(f"{small.url}{API}/call/light", json={"data": [str(number)]})
        events.append(joined.json()["event_id"])
        until(lambda: not small.turns.event_ids_to_events)
    assert kept(small)["mailboxes"] == 3
    latest = httpx.get(f"{small.url}{API}/call/light/{events[-1]}").text
    assert "light 9" in latest
    monkeypatch.setattr(turns, "KEPT_SECONDS", 0.0)
    assert settled(small) == set()


def test_a_browser_that_goes_in_mid_stream_frees_its_turn_and_leaves_nothing(serve, monkeypatch):
    small = serve()
    gone, next_one = small.visitor("gone"), small.visitor("next")
    assert gone.join("steps", "a").status_code == 200
    with closing(gone.messages()) as stream:
        assert next(message for message in stream if message["msg"] == "process_starts")
        until(lambda: small.work.began)
    assert next_one.join("held", "b").status_code == 200
    small.work.hold.set()
    assert next_one.answer()["output"]["data"] == ["done b"]
    assert small.work.began[0] == "a0"
    assert "a2" not in small.work.began  # the rest of what was asked is not computed
    monkeypatch.setattr(turns, "KEPT_SECONDS", 0.0)
    assert settled(small) == {"sessions", "times"}  # a browser may come back within the hour
    assert kept(small)["sessions"] == 2


def test_a_stream_that_begins_when_all_is_said_hears_of_what_is_asked_next(serve):
    small = serve()
    late = small.visitor("late")
    late.join("light", "a")
    assert late.answer()["success"]
    until(lambda: "late" not in small.turns.pending_messages_per_session)
    with ThreadPoolExecutor() as pool:
        heard = pool.submit(late.answer)
        until(lambda: "late" in small.turns.pending_messages_per_session)
        late.join("light", "b")
        assert heard.result()["output"]["data"] == ["light b"]
    until(lambda: "late" not in small.turns.pending_messages_per_session)
    assert next(small.visitor("nobody").messages())["session_not_found"]


def test_who_goes_while_waiting_is_never_computed(serve):
    small = serve()
    first, gone = small.visitor("first"), small.visitor("gone")
    first.join("held", "a")
    until(lambda: small.work.began)
    for session in ("gone", "gone too"):
        gone = small.visitor(session)
        gone.join("held", "b")
        gone.until("estimation", "process_starts")
    until(lambda: not any(event.alive for event in small.turns.event_ids_to_events.values()
                          if event.session_hash != "first"))  # fmt: skip
    small.work.hold.set()
    assert first.answer()["success"]
    until(lambda: not small.turns.event_ids_to_events)
    assert small.work.began == ["a"]


@pytest.mark.parametrize("first", ["request", "wish"])
def test_who_stops_before_he_knows_what_he_stops_is_understood(serve, first):
    small = serve()
    other, hasty = small.visitor("other"), small.visitor("hasty")
    other.join("held", "a")
    until(lambda: small.work.began)
    asking, stopping = (
        threading.Thread(target=hasty.join, args=("held", "b")),
        threading.Thread(target=hasty.cancel, args=("held", None)),
    )
    for thread in (asking, stopping) if first == "request" else (stopping, asking):
        thread.start()
    stopping.join()
    asking.join()
    until(lambda: len(small.turns.event_ids_to_events) == 1)
    small.work.hold.set()
    assert other.answer()["success"]
    assert small.work.began == ["a"]


def test_a_wish_to_stop_nothing_and_one_that_is_none_harm_nobody(serve, monkeypatch):
    monkeypatch.setattr(turns, "ARRIVAL_SECONDS", 0.1)
    small = serve()
    visitor = small.visitor("a")
    assert visitor.cancel("held", None).status_code == 200
    url = f"{API}/cancel"
    for body in (b"", b"{", b"[]", b"null", b'{"event_id": null}'):
        assert visitor.client.post(url, content=body).status_code == 422
    odd = {"event_id": None, "session_hash": ["a"], "fn_index": {}}
    assert visitor.client.post(url, json=odd).status_code == 422


@pytest.mark.parametrize("function", ["held", "steps"])
def test_the_next_begins_when_what_was_cancelled_has_really_ended(serve, function):
    small = serve()
    stopped, after = small.visitor("stopped"), small.visitor("after")
    event = stopped.join(function, "a").json()["event_id"]
    until(lambda: small.work.began)
    after.join("held", "b")
    cancelling = threading.Thread(target=stopped.cancel, args=(function, event))
    cancelling.start()
    assert stopped.answer()["success"]
    assert len(small.work.began) == 1  # the turn is free, but a thread computes still
    small.work.hold.set()
    assert after.answer()["output"]["data"] == ["done b"]
    cancelling.join()
    (_, _, end), *others = sorted(small.work.intervals, key=lambda one: one[1])
    assert [name for name, *_ in others] == ["b"]
    assert others[0][1] >= end


def test_the_queue_refuses_with_a_sentence_when_full_and_serves_what_computes_nothing(serve):
    small = serve(most_waiting=2)
    for number in range(3):
        assert small.visitor(f"v{number}").join("held", str(number)).status_code == 200
        until(lambda: small.work.began)
    refused = small.visitor("late").join("held", "late")
    assert refused.status_code == 503
    assert refused.json()["detail"].startswith("2 requests wait for their turn")
    light = small.visitor("light")
    assert light.join("light", "a").status_code == 200
    assert light.answer()["output"]["data"] == ["light a"]
    health = httpx.get(f"{small.url}/healthz").json()
    assert health["queue"] == {"running": 1, "waiting": 2, "most_waiting": 2}
    small.work.hold.set()
    assert all(small.visitor(f"v{number}").answer()["success"] for number in range(3))


def test_the_page_and_its_health_answer_while_something_computes(serve):
    small = serve()
    visitor = small.visitor()
    visitor.join("held", "a")
    until(lambda: small.work.began)
    for path in ("/healthz", "/metrics", "/", "/theme.css", "/config"):
        assert httpx.get(f"{small.url}{path}").status_code == 200
    small.work.hold.set()
    assert visitor.answer()["success"]


def test_an_estimate_is_what_those_ahead_take_and_oneself(serve):
    small = serve()
    client = Client(small.url, verbose=False)
    held = next(event for event in small.blocks.fns.values() if event.api_name == "held")
    jobs = [client.submit("a", api_name="/held")]
    until(lambda: small.work.began)
    for seconds in [999.0, *[10.0] * turns.RECENT]:  # what was long ago counts no more
        small.turns._computed[held].add(seconds)
    jobs += [client.submit("b", api_name="/held") for _ in range(3)]

    def waiting():
        states = (job.status() for job in jobs)
        return sorted((one.rank, one.eta) for one in states if one.rank is not None)

    until(lambda: [rank for rank, _ in waiting()] == [1, 2])  # one is let in, and waits as well
    (_, first), (_, second) = waiting()
    assert 20 < first <= 30  # the rest of the one that computes, the one let in, and itself
    assert 30 < second <= 40
    small.work.hold.set()
    assert [job.result(60) for job in jobs] == ["done a", *["done b"] * 3]


def test_a_bug_is_a_sentence_without_the_errors_words(serve, caplog):
    small = serve()
    visitor = small.visitor()
    visitor.join("fail", "words")
    answer = visitor.answer()
    assert not answer["success"]
    assert answer["output"]["error"].startswith("Something went wrong on our side")
    assert "secret" not in str(answer)
    assert "a request failed" in caplog.text


def test_there_is_no_way_around_the_queue(serve):
    small = serve()
    for path in ("run", "api"):
        answer = httpx.post(f"{small.url}{API}/{path}/held", json={"data": ["a"]})
        assert answer.status_code == 404
    assert small.work.began == []
