"""What those who run the server are told: /healthz and /metrics."""

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from prometheus_client.parser import text_string_to_metric_families

from interrogator.models.registry import ASSETS

CAT = ASSETS / "examples" / "cat-pop-art.jpg"


def numbers(url):
    """Every sample of /metrics, by name and the values of its labels."""
    answer = httpx.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_healthz_says_what_is_there(app_url):
    Client(app_url, verbose=False).predict(handle_file(CAT), preset="demo", api_name="/interrogate")
    answer = httpx.get(f"{app_url}/healthz")
    health = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert health["status"] == "up"
    assert "demo" in health["models"]  # other tests may have had others loaded
    assert health["queue"] == {"running": 0, "waiting": 0, "most_waiting": 64}
    assert health["memory_bytes"] > 100e6
    assert health["disk_free_bytes"] > 0


def test_metrics_count_requests_by_outcome_and_time_steps(app_url):
    client = Client(app_url, verbose=False)
    before = numbers(app_url)

    def grown(*key):
        return numbers(app_url).get(key, 0) - before.get(key, 0)

    done = client.predict(handle_file(CAT), preset="demo", api_name="/interrogate")
    with pytest.raises(AppError, match="must lie between 1 and"):
        client.predict(shape="0x0x0", api_name="/race")
    assert grown("app_requests_total", "done", "interrogate") == 1
    assert grown("app_requests_total", "refused", "race") == 1
    assert grown("app_step_seconds_count", "caption") == 1
    assert abs(grown("app_step_seconds_sum", "total") - done["seconds"]["total"]) < 0.001
    now = numbers(app_url)
    assert now["process_resident_memory_bytes",] > 100e6
    assert now["app_sessions",] >= 1
    assert now["app_queue_waiting",] == 0
    assert not any("cat" in word for key in now for word in map(str, key))
