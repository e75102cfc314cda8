"""What the tests of the race share: no hub, and a page with the tab on it."""

import gc
import os
from types import SimpleNamespace

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


@pytest.fixture(scope="module")
def page():
    """The tab in a small app of its own: `url` and the concurrency id that it was built with."""
    import gradio as gr

    from matmul_demo.web import tab as ui

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    with gr.Blocks() as demo:
        ui.build("compute")
    _, url, _ = demo.launch(
        prevent_thread_lock=True, quiet=True, show_error=False, css_paths=["assets/style.css"]
    )
    yield SimpleNamespace(url=url, demo=demo)
    demo.close()
    gc.collect()
