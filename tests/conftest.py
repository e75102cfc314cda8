"""Shared fixtures, and what libraries read when they are imported: no network, one thread."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Two tests run at a time: threads of one that wait in a loop for each other would take the cores of
# the other, and make both many times slower. The race sets the threads of its lanes by itself.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import shutil
from collections import Counter

import pytest

CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no worker ends long after the other."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (-slow[item.path], -tests[item.path]))


class FailuresAtOnce:
    """Tells a failure when it happens: a run that is cut short has told it, too."""

    def __init__(self, plugins):
        self.plugins = plugins

    def pytest_runtest_logreport(self, report):
        if report.failed:
            reason = report.longreprtext.strip().splitlines()[-1]
            terminal = self.plugins.get_plugin("terminalreporter")
            terminal.write_line(f"\n{report.nodeid} ({report.when}): {reason}")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist has no terminal
        config.pluginmanager.register(FailuresAtOnce(config.pluginmanager))


@pytest.fixture(autouse=True)
def log_as_before():
    """Commands choose what is logged as if the process were their own."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Keep every cached table, and every measured limit, of the tests in a folder of theirs."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["INTERROGATOR_CACHE"] = os.environ["MATMUL_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def service():
    """A service on the CPU in float32, as the demo uses it."""
    import torch

    from interrogator.models.registry import PRESETS
    from interrogator.models.store import DefaultModels
    from interrogator.networks.runtime import Runtime
    from interrogator.serving.service import Service

    service = Service(Runtime(torch.device("cpu"), torch.float32))
    service.defaults = DefaultModels(PRESETS["demo"], "The hub is not there.")
    return service


@pytest.fixture(scope="session")
def demo(service):
    """The interrogator with the embedded models."""
    from interrogator.models.registry import PRESETS
    from interrogator.request import Request

    return service.prepare(Request(PRESETS["demo"]))[0]


@pytest.fixture(scope="session")
def app_url(own_cache):
    """The whole app, served on a free port."""
    import app

    blocks = app.build()
    _, url, _ = blocks.launch(
        prevent_thread_lock=True, **{**app.launch_settings(blocks), "quiet": True}
    )
    yield url.rstrip("/")
    blocks.close()


@pytest.fixture(scope="module")  # an open one keeps an event loop running beside other tests
def chromium():
    """A running headless Chromium; skips where the machine has none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium on the PATH: the page is not looked at")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
