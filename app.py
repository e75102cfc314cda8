"""The app: two tabs, one queue, one look. Everything else lives in the packages below."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr

import interrogator.web.tab
import matmul_demo.web.tab
from interrogator.errors import InterrogatorError
from interrogator.images import decode
from interrogator.models import memory
from interrogator.serving.service import Service
from matmul_demo.errors import RaceError
from server import lifetime, logs, settings, uploads
from server.calls import sentences, take_over, within
from server.metrics import Metrics
from server.operation import Operation

TITLE = "Prompt interrogator & matmul race"
ASSETS = Path(__file__).parent / "assets"
QUEUE = "compute"  # one computation at a time: a caption must not spoil a race
MAX_WAITING = 64  # visitors in the queue
HOUR = 3600  # seconds
REFUSALS = (InterrogatorError, RaceError)  # what a person caused, in a sentence

THEME = gr.themes.Base(
    primary_hue="blue", neutral_hue="slate", radius_size="md",
    font=["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"],
    font_mono=["ui-monospace", "Consolas", "monospace"],
)  # fmt: skip


def build() -> gr.Blocks:
    """Return the app with its queue; nothing is loaded until a visitor asks for it."""
    service = Service()
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(HOUR, HOUR)) as app:
        gr.HTML(
            f"<h1>{TITLE}</h1><p>What words would paint this picture? "
            "And how fast can this machine multiply?</p>",
            elem_id="masthead",
        )
        with gr.Tab("Prompt interrogator", id="interrogator"):
            interrogator.web.tab.build(service, QUEUE)
        with gr.Tab("Matmul race", id="race"):
            matmul_demo.web.tab.build(QUEUE)
    # No way around the queue; those who wait hear of it each second, not at everybody's turn.
    app.queue(max_size=MAX_WAITING, api_open=False, status_update_rate=1.0)
    app.operation = _operation(app, service)
    return app


def _operation(app: gr.Blocks, service: Service) -> Operation:
    """Return the server around the app; count what is computed, and let errors be sentences."""
    metrics = Metrics(REFUSALS)
    operation = Operation(
        app, settings.read(), metrics, QUEUE, service.store.loaded, memory.limit() * 1e9,
        largest=2 * decode.MAX_BYTES + 2**20,  # a picture as text, with what belongs to it
    )  # fmt: skip
    for task in ("interrogate", "analyze"):
        timed = metrics.steps(getattr(service, task), lambda last: getattr(last, "seconds", {}))
        setattr(service, task, timed)
    for event in app.fns.values():
        if event.fn and event.concurrency_id == QUEUE:
            page = "" if event.api_visibility == "public" else "page_"
            watched = metrics.watched(page + event.fn.__name__, event.fn)
            event.fn = within(operation.turns.alone, watched, take_over(event))
    app.process_api = within(sentences(REFUSALS), app.process_api)  # type: ignore[method-assign]
    return operation


def launch_settings(blocks: gr.Blocks) -> dict[str, Any]:
    """Return the arguments of `Blocks.launch`."""
    operation: Operation = blocks.operation  # type: ignore[attr-defined]
    mcp = find_spec("mcp") is not None  # an extra: requirements-mcp.txt
    return {
        "theme": THEME,
        "css_paths": [ASSETS / "style.css", ASSETS / "race.css"],
        "max_file_size": decode.MAX_BYTES,
        "state_session_capacity": operation.capacity,
        "enable_monitoring": False,
        "show_error": False,
        "run_history": False,
        "footer_links": ["api"],
        "ssr_mode": False,
        "share": False,
        "quiet": operation.settings.json_log,
        "app_kwargs": operation.app_kwargs(),
        # Its tools call the app without a password.
        "mcp_server": mcp and not operation.settings.password,
    }


def main() -> None:
    """Serve the app until it is stopped."""
    try:
        given = settings.read()
    except ValueError as error:
        sys.exit(str(error))
    ours = (interrogator.__name__, matmul_demo.__name__, __name__)
    logs.configure(ours, given.json_log)
    with uploads.own_folder():
        blocks = build()
        where = {"server_name": given.host, "server_port": given.port}
        lifetime.serve(blocks, blocks.operation, **where, **launch_settings(blocks))  # type: ignore
    lifetime.leave()


if __name__ == "__main__":
    main()
