"""On a Ray cluster everything is as on this machine, whoever is lost on the way."""

import json
import os
import sys
import time
from dataclasses import replace

import psutil
import pytest

from interrogator.batch.cluster import Cluster
from interrogator.batch.job import Job, run
from interrogator.batch.outputs import Sidecars
from interrogator.batch.pictures.sources import open_source
from interrogator.errors import InterrogatorError
from interrogator.models.registry import PRESETS
from interrogator.request import Request
from interrogator.settings import Settings


@pytest.fixture(scope="module")
def job(painted, tmp_path_factory):
    """Thirty-six pictures that differ in a byte behind their end, and a broken one."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(36):
        data = list(painted.values())[number % 12]
        (folder / f"{number:02}.png").write_bytes(data + bytes([number]))
    (folder / "broken.png").write_bytes(b"broken")
    place = tmp_path_factory.mktemp("local")
    request = Request(PRESETS["demo"], Settings("best"))
    source = open_source(str(folder))
    return Job(source, place, request, Sidecars(place), ("txt", "jsonl"), size=3, threads=2)


def lines(job):
    text = (job.place / "prompts.jsonl").read_text("utf-8")
    return [json.loads(line) | {"seconds": 0} for line in text.splitlines()]


@pytest.fixture(scope="module")
def expected(job, service):
    run(job, service)
    return lines(job)


@pytest.fixture(scope="module")
def ray():
    os.environ.setdefault("RAY_worker_niceness", "0")  # or its workers wait for all other tests
    return pytest.importorskip("ray", reason="ray is not installed: no cluster is tested")


@pytest.fixture
def elsewhere(job, tmp_path):
    return replace(job, place=tmp_path, sidecars=Sidecars(tmp_path))


@pytest.fixture(scope="module")
def here(ray):
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_without_ray_a_sentence_says_how_to_get_it(elsewhere, service, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InterrogatorError, match=r"pip install .*\[cluster\]"):
        run(elsewhere, service, Cluster())


class Killer:
    """Kills something after the first chunk."""

    def __init__(self, kill):
        self.kill, self.killed = kill, False

    def __call__(self, progress):
        if not self.killed:
            self.killed = True
            self.kill()


def kill_an_actor():
    processes = psutil.process_iter(["cmdline"])
    actors = [p for p in processes if "ray::MapWorker" in " ".join(p.info["cmdline"] or ())]
    ours = [p for p in actors if os.getpid() in (parent.pid for parent in p.parents())]
    ours[0].kill()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_two_actors_give_the_rows_of_this_machine(here, elsewhere, service, expected):
    summary = run(elsewhere, service, Cluster(actors=2))
    assert (summary.computed, summary.failed) == (37, 1)
    assert lines(elsewhere) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_worker_that_is_killed_changes_nothing(here, elsewhere, service, expected):
    killer = Killer(kill_an_actor)
    run(elsewhere, service, Cluster(actors=2), killer)
    assert killer.killed
    assert lines(elsewhere) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_of_three_nodes_loses_one(ray, elsewhere, service, expected):
    from ray.cluster_utils import Cluster as Nodes

    ray.shutdown()
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1})
    workers = [nodes.add_node(num_cpus=1) for _ in range(2)]
    try:
        killer = Killer(lambda: nodes.remove_node(workers[0], allow_graceful=False))
        run(elsewhere, service, Cluster(nodes.address, actors=2), killer)
        assert killer.killed
        end = time.monotonic() + 60  # Ray takes its time to notice
        while (alive := sum(node["Alive"] for node in ray.nodes())) > 2 and time.monotonic() < end:
            time.sleep(0.2)
        assert alive == 2
        assert lines(elsewhere) == expected
    finally:
        ray.shutdown()
        nodes.shutdown()
