"""What the tests of the race share: no hub, and a page with the tab on it."""

import pytest


@pytest.fixture(scope="session")
def limits_folder(tmp_path_factory):
    """Where the limits of this machine are kept while the tests run."""
    return tmp_path_factory.mktemp("limits")


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch, limits_folder):
    """Workers read this when they start; pictures of digits are then painted."""
    monkeypatch.setenv("MATMUL_CACHE", str(limits_folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MNIST_DIR", raising=False)


@pytest.fixture
def threads(monkeypatch):
    """Races run in threads of this process, on a machine whose limits need no measurement."""
    from matmul_demo.racing import race, sweep, worker
    from matmul_demo.web.teaching import job
    from tests.matmul_demo.racing.thread_worker import MACHINE, ThreadWorker

    monkeypatch.setattr(race, "Worker", ThreadWorker)
    monkeypatch.setattr(sweep, "Worker", ThreadWorker)
    monkeypatch.setattr(job, "Worker", ThreadWorker)
    monkeypatch.setattr(worker.roofline, "measure_machine", lambda *_: MACHINE)
    ThreadWorker.started = ThreadWorker.alive = ThreadWorker.most = 0
    return ThreadWorker


@pytest.fixture(scope="session")
def blocks():
    """The tab in a small app of its own, not yet served."""
    import gradio as gr

    from matmul_demo.web import tab

    with gr.Blocks() as demo:
        tab.build("compute")
    return demo


@pytest.fixture(scope="session")
def url(blocks):
    """The address of the tab, served."""
    _, url, _ = blocks.launch(
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        css_paths=["assets/style.css", "assets/race.css"],
    )
    yield url
    blocks.close()
