"""What the tests of the race share: no hub, a page with the tab on it, a real browser."""

import gc
import os
import shutil
from types import SimpleNamespace

import pytest

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch):
    """Workers read this when they start; pictures of digits are then painted."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MNIST_DIR", raising=False)


@pytest.fixture(scope="module")
def page():
    """The tab in a small app of its own: `url` and the concurrency id that it was built with."""
    import gradio as gr

    from matmul_demo import ui

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    with gr.Blocks() as demo:
        ui.build("compute")
    _, url, _ = demo.launch(
        prevent_thread_lock=True, quiet=True, show_error=False, css_paths=["assets/style.css"]
    )
    yield SimpleNamespace(url=url, demo=demo)
    demo.close()
    gc.collect()


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium from the PATH; tests are skipped where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield running
        running.close()
