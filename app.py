"""The app: two tabs, one queue, one look. Everything else lives in the two packages."""

from __future__ import annotations

import errno
import inspect
import logging
import os
import re
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

import interrogator.ui
import matmul_demo.web.tab
from interrogator import images
from interrogator.workshop import Workshop

TITLE = "Prompt interrogator & matmul race"
ASSETS = Path(__file__).parent / "assets"
QUEUE = "compute"  # one computation at a time: a caption must not spoil a race
MAX_WAITING = 64  # visitors in the queue
HOUR = 3600  # seconds

THEME = gr.themes.Base(
    primary_hue="blue",
    neutral_hue="slate",
    font=["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"],
    font_mono=["ui-monospace", "Consolas", "monospace"],
    radius_size="md",
)


def build() -> gr.Blocks:
    """Return the app with its queue; nothing is loaded until a visitor asks for it."""
    workshop = Workshop()
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(HOUR, HOUR)) as app:
        gr.HTML(
            f"<h1>{TITLE}</h1><p>What words would paint this picture? "
            "And how fast can this machine multiply?</p>",
            elem_id="masthead",
        )
        with gr.Tab("Prompt interrogator", id="interrogator"):
            interrogator.ui.build(workshop, QUEUE)
        with gr.Tab("Matmul race", id="race"):
            matmul_demo.web.tab.build(QUEUE)
    for event in app.fns.values():
        if event.api_visibility == "public" and event.fn:
            event.fn.__doc__ = flowing(event.fn.__doc__ or "")
    return app.queue(max_size=MAX_WAITING)


def flowing(docstring: str) -> str:
    """Return a docstring with one line for each argument, as Gradio's API pages read them."""
    text = re.sub(r"\n {8,}", " ", inspect.cleandoc(docstring))
    head, _, rest = text.partition("Returns:\n")
    returned = " ".join(rest.partition("\n\n")[0].split())
    return f"{head}Returns:\n    {returned}" if rest else head


def disk_is_full(_: Request, error: Exception) -> Response:
    """Answer an upload that finds no room with a sentence; any other error stays one."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    logging.getLogger(__name__).error("the disk for uploads is full: %s", error)
    return PlainTextResponse("The disk of this server is full. Try again in an hour.", 507)


def launch_settings() -> dict:
    """Return what `Blocks.launch` is told; HOST and PORT come from the environment."""
    return {
        "theme": THEME,
        "css_paths": [ASSETS / "style.css"],
        "max_file_size": images.MAX_BYTES,
        "enable_monitoring": False,
        "show_error": False,
        "run_history": False,
        "footer_links": ["api"],
        "ssr_mode": False,
        "app_kwargs": {"exception_handlers": {OSError: disk_is_full}},
        "mcp_server": find_spec("mcp") is not None,  # an extra: requirements-mcp.txt
    }


def main() -> None:
    """Serve the app until it is stopped."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for package in (interrogator, matmul_demo):  # not the root, through which libraries chatter
        logging.getLogger(package.__name__).setLevel(logging.INFO)
    host = os.environ.get("HOST") or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    port = int(os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or 7860)
    build().launch(server_name=host, server_port=port, **launch_settings())


if __name__ == "__main__":
    main()
