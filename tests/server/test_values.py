"""A request's values are the same whether Gradio reads them or the thread that computes."""

import threading

import gradio as gr
import pytest
from gradio_client import Client, handle_file

from server.calls import as_sent, take_over, within


def app_of(read_where_it_runs):
    """Return an app that tells its values."""

    def tell(*values):
        return repr(values)

    def steps(given):
        yield repr([value for _, value in sorted(given.items(), key=lambda one: one[0]._id)])

    with gr.Blocks() as app:
        kept = gr.State("kept")
        text, number, choice = gr.Textbox(), gr.Number(precision=0), gr.Dropdown(["a", "b"])
        files, switch = gr.File(file_count="multiple"), gr.Checkbox()
        inputs = [kept, text, number, choice, files, switch]
        gr.on([], tell, inputs, gr.Textbox(), api_name="tell")
        gr.on([], steps, set(inputs), gr.Textbox(), api_name="steps")
    if read_where_it_runs:
        for event in app.fns.values():
            event.fn = within(threading.Lock, event.fn, take_over(event))
    return app


def answers(app, file):
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True)
    try:
        client = Client(url, verbose=False)
        told = client.predict("x", 2.7, "b", [handle_file(file)], True, api_name="/tell")
        order = client.predict("x", 2.7, "b", None, True, api_name="/steps")
        with pytest.raises(Exception, match="nothing of these"):
            client.predict("x", 1, "nothing of these", None, True, api_name="/tell")
        return told.split("gradio")[0], told.split("/")[-1], order
    finally:
        app.close()


@pytest.mark.slow
def test_values_are_read_as_gradio_reads_them(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("a\n")
    expected = answers(app_of(False), file)

    assert answers(app_of(True), file) == expected
    assert "'kept', 'x', 3, 'b'" in expected[0]


def test_what_runs_on_the_event_loop_is_left_to_gradio():
    async def steps(value):
        yield value

    with gr.Blocks() as app:
        gr.on([], steps, gr.Textbox(), gr.Textbox())
    (event,) = app.fns.values()

    assert take_over(event) is as_sent
    assert event.preprocess
