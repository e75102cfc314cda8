"""The app: two tabs, one queue, one look. Everything else lives in the two packages."""

from __future__ import annotations

import errno
import functools
import inspect
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

import interrogator.web.tab
import matmul_demo.web.tab
from interrogator.errors import InterrogatorError
from interrogator.images import decode
from interrogator.serving.service import Service
from matmul_demo.errors import RaceError

TITLE = "Prompt interrogator & matmul race"
ASSETS = Path(__file__).parent / "assets"
QUEUE = "compute"  # one computation at a time: a caption must not spoil a race
MAX_WAITING = 64  # visitors in the queue
HOUR = 3600  # seconds

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
    for event in app.fns.values():
        if event.api_visibility == "public" and event.fn:
            event.fn = in_sentences(event.fn)
    for block in app.blocks.values():
        for method in {"preprocess", "async_move_resource_to_block_cache"} & vars(block).keys():
            setattr(block, method, in_sentences(getattr(block, method)))
    return app.queue(max_size=MAX_WAITING)


@contextmanager
def sentences() -> Iterator[None]:
    """Let the sentence of an error that a person caused reach that person."""
    try:
        yield
    except (InterrogatorError, RaceError) as error:
        raise gr.Error(str(error), print_exception=False) from error


def in_sentences(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function, or a coroutine function, of either tab that fails in sentences."""
    if not inspect.iscoroutinefunction(function):
        return sentences()(function)

    @functools.wraps(function)
    async def waiting(*values: Any, **named: Any) -> Any:  # noqa: ANN401
        with sentences():
            return await function(*values, **named)

    return waiting


def disk_is_full(_: Request, error: Exception) -> Response:
    """Answer an upload that finds no room with a sentence; any other error stays one."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    logging.getLogger(__name__).error("the disk for uploads is full: %s", error)
    return PlainTextResponse("The disk of this server is full. Try again in an hour.", 507)


def launch_settings() -> dict[str, Any]:
    """Return the arguments of `Blocks.launch`; HOST and PORT come from the environment."""
    return {
        "theme": THEME,
        "css_paths": [ASSETS / "style.css"],
        "max_file_size": decode.MAX_BYTES,
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
