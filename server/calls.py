"""A context around every call of a function, whether it returns, waits or yields.

One such context lets the sentence of an error that a person caused reach that person. A request's
values are read where its function runs.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from gradio.block_function import BlockFunction
from gradio.components import Component
from gradio.exceptions import Error, InvalidPathError

log = logging.getLogger(__name__)

BUG = "Something went wrong on our side; it is in the server's log. Try again."
NO_UPLOAD = "Upload the file: other files are not read."

Context = Callable[[], AbstractContextManager[object]]
Values = tuple[Any, ...]
Reader = Callable[[Values], Values]


def as_sent(values: Values) -> Values:
    """Leave the values as Gradio gives them."""
    return values


def within(
    context: Context, function: Callable[..., Any], read: Reader = as_sent
) -> Callable[..., Any]:
    """Return a function of the same kind and signature that runs inside a context.

    Args:
        context: Makes a new context manager for each call; a generator's lasts until its end.
        function: A function, a generator function, or either of them with `async`.
        read: Makes its arguments of what it is called with, before the context is entered.
    """
    kinds = (
        (inspect.isasyncgenfunction, _async_generator),
        (inspect.isgeneratorfunction, _generator),
        (inspect.iscoroutinefunction, _coroutine),
    )
    wrap = next((wrap for is_kind, wrap in kinds if is_kind(function)), _plain)
    return functools.wraps(function)(wrap(context, function, read))


def _plain(context: Context, function: Callable[..., Any], read: Reader) -> Callable[..., Any]:
    def call(*values: Any, **named: Any) -> Any:  # noqa: ANN401
        values = read(values)
        with context():
            return function(*values, **named)

    return call


def _coroutine(context: Context, function: Callable[..., Any], read: Reader) -> Callable[..., Any]:
    async def call(*values: Any, **named: Any) -> Any:  # noqa: ANN401
        values = read(values)
        with context():
            return await function(*values, **named)

    return call


def _generator(context: Context, function: Callable[..., Any], read: Reader) -> Callable[..., Any]:
    def call(*values: Any, **named: Any) -> Iterator[Any]:  # noqa: ANN401
        values = read(values)
        with context():
            yield from function(*values, **named)

    return call


def _async_generator(
    context: Context, function: Callable[..., Any], read: Reader
) -> Callable[..., Any]:
    async def call(*values: Any, **named: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        values = read(values)
        with context():
            async for value in function(*values, **named):
                yield value

    return call


def sentences(refusals: tuple[type[Exception], ...]) -> Context:
    """Return the context in which a refusal reaches the page and programs, and a bug the log.

    Put around `Blocks.process_api` it holds for all that is done with a request: reading its
    values, the function, and drawing the result. Gradio would print some errors, with their words.

    Args:
        refusals: The errors whose text is a sentence for whoever caused them.
    """

    @contextmanager
    def said() -> Iterator[None]:
        try:
            yield
        except Error as error:
            error.print_exception = False
            raise
        except InvalidPathError as error:
            raise Error(NO_UPLOAD, print_exception=False) from error
        except Exception as error:
            # A component's own error has become the cause of one of Gradio's.
            for one in (error, error.__cause__):
                if isinstance(one, refusals):
                    raise Error(str(one), print_exception=False) from error
            log.exception("a request failed")
            raise Error(BUG, print_exception=False) from error

    return said


def take_over(event: BlockFunction) -> Reader:
    """Return what reads an event's values, and let Gradio leave them as they were sent.

    With forty settings Gradio's way is forty threads to wait for, while another request computes.
    A function that runs on the event loop itself keeps it.
    """
    if not event.preprocess or inspect.isasyncgenfunction(event.fn):
        return as_sent
    event.preprocess = False

    def read(values: Values) -> Values:
        if event.inputs_as_dict:
            return ({block: _read(block, value) for block, value in values[0].items()},)
        ours, others = values[: len(event.inputs)], values[len(event.inputs) :]
        return (*map(_read, event.inputs, ours), *others)

    return read


def _read(component: Any, value: Any) -> Any:  # noqa: ANN401
    assert isinstance(component, Component)
    if component.stateful:
        return value
    if value is not None and (model := getattr(component, "data_model", None)):
        value = model.model_validate(value)
    return component.preprocess(value)
