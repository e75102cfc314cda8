"""The endpoints of the API: their signatures and documentation are made from the options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr

from interrogator.option import Operation
from interrogator.options import describe, signature
from interrogator.web.components import Components
from interrogator.web.handlers import Handlers

PICTURE = "picture: The picture, a file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC.\n"
DOCUMENTATION: dict[Operation, tuple[str, str]] = {
    "interrogate": (
        "Write the prompt that a picture calls for. A caption model describes the picture, CLIP "
        "ranks artists, movements, mediums and styles by their similarity with it, and the best "
        "phrases are composed to a prompt.",
        "The prompt, its caption, similarity and tokens, every phrase with its similarity and "
        "contribution, the best phrases of each list, and the models that wrote it.",
    ),
    "analyze": (
        "Describe a picture and rank all phrases by their similarity with it; write no prompt.",
        "The caption, and for each list its most similar phrases with cosine similarity, how "
        "likely they are true, the distance from their average over pictures that show nothing, "
        "and whether they stand out.",
    ),
    "score": (
        "Measure how similar a prompt is to a picture, and what each of its parts adds.",
        "The cosine similarity, the tokens and their limit, and for each part how much the "
        "similarity falls when it is left out.",
    ),
}


def add_endpoints(handlers: Handlers, components: Components, computing: dict[str, Any]) -> None:
    """Offer the endpoints of the API, which no button of the page uses."""
    hidden: Components = {
        "top": gr.Number(5, label="Top", visible=False),
        "prompt": gr.Textbox("", label="Prompt to score", visible=False),
        "target": gr.Textbox("", label="Written for", visible=False),
    }
    for task, function in endpoints(handlers).items():
        inputs = [
            hidden[name] if name in hidden else components[name]
            for name in inspect.signature(function).parameters
        ]
        gr.on([], function, inputs, gr.JSON(visible=False), api_name=task, **computing)


def endpoints(handlers: Handlers) -> dict[Operation, Callable[..., dict[str, Any]]]:
    """Return the functions of the API, with signatures and documentation made from the options."""
    work: dict[Operation, Callable[..., dict[str, Any]]] = {
        "interrogate": lambda picture, **values: handlers.interrogate(picture, values),
        "analyze": lambda picture, **values: handlers.analyze(picture, values),
        "score": lambda picture, prompt, **values: handlers.score(picture, prompt, values),
    }
    return {task: _endpoint(task, function) for task, function in work.items()}


def _endpoint(
    task: Operation, work: Callable[..., dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    arguments = signature(task, prompt=task == "score")

    def endpoint(*values: Any, **named: Any) -> dict[str, Any]:  # noqa: ANN401
        return work(**arguments.bind(*values, **named).arguments)

    summary, returned = DOCUMENTATION[task]
    prompt = "prompt: The prompt; its parts are what stands between commas.\n"
    lines = PICTURE + (prompt if task == "score" else "") + describe(task)
    indented = lines.replace("\n", "\n    ")
    endpoint.__doc__ = f"{summary}\n\nArgs:\n    {indented}\n\nReturns:\n    {returned}"
    endpoint.__signature__ = arguments  # type: ignore[attr-defined]
    endpoint.__name__ = task
    return endpoint
