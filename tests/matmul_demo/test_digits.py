import gzip
import hashlib
import io
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from matmul_demo import digits

PICTURES = np.arange(3 * 784, dtype=np.uint32).reshape(3, 784).astype(np.uint8)
IDX = (
    b"\x00\x00\x08\x03" + (3).to_bytes(4, "big") + (28).to_bytes(4, "big") * 2 + PICTURES.tobytes()
)


def parquet_bytes():
    rows = []
    for picture in PICTURES:
        png = io.BytesIO()
        Image.fromarray(picture.reshape(28, 28)).save(png, "PNG")
        rows.append({"bytes": png.getvalue(), "path": None})
    file = io.BytesIO()
    pq.write_table(pa.table({"image": rows, "label": [5, 0, 4]}), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train-images-idx3-ubyte", IDX),
        ("train-images-idx3-ubyte.gz", gzip.compress(IDX)),
        ("train-00000-of-00001.parquet", parquet_bytes()),
    ],
)
def test_local_folder_gives_its_own_pictures_and_begins_again(tmp_path, monkeypatch, name, content):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / name).write_bytes(content)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    pictures, source = digits.load(5)
    assert np.array_equal(pictures, PICTURES[[0, 1, 2, 0, 1]])
    assert "MNIST_DIR" in source


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("other.txt", b"hello"),
        ("train-images-idx3-ubyte", b"\x00\x00\x08\x01" + IDX[4:]),
        ("train-images-idx3-ubyte", IDX[:100]),
        ("train-images-idx3-ubyte.gz", b"not gzip"),
        ("train-images-idx3-ubyte.gz", gzip.compress(IDX)[:-20]),
        ("train.parquet", b"not parquet"),
    ],
)
def test_unusable_folder_is_an_error_and_never_substituted(tmp_path, monkeypatch, name, content):
    (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    with pytest.raises(digits.DigitsError):
        digits.load(2)


def test_painted_digits_are_light_strokes_on_black_and_seeded():
    pictures = digits.paint(30, seed=1)
    assert pictures.shape == (30, 784)
    assert np.array_equal(pictures, digits.paint(30, seed=1))
    assert not np.array_equal(pictures, digits.paint(30, seed=2))
    edge = pictures.reshape(30, 28, 28)[:, [0, -1], :]
    assert edge.max() == 0
    ink = (pictures > 100).mean(axis=1)
    assert 0.02 < ink.min() <= ink.max() < 0.35  # MNIST's own digits cover about a seventh


def test_many_painted_digits_are_not_copies():
    shapes = digits.paint(3 * digits.PROTOTYPES) > 0  # where there is ink, however faint
    assert len(np.unique(shapes, axis=0)) > 2.5 * digits.PROTOTYPES


def test_waiting_for_the_network_ends():
    never = threading.Event()
    assert digits.within(0.01, never.wait) is None
    assert digits.within(5, lambda: 7) == 7
    assert digits.within(5, lambda: 1 / 0) is None


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does, for the one file."""

    content = parquet_bytes()

    def do_HEAD(self):
        known = self.path.endswith(f"/resolve/main/{digits.PARQUET}")
        self.send_response(200 if known else 404)
        if known:
            self.send_header("ETag", f'"{hashlib.sha256(self.content).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(self.content)))
        else:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        if "/resolve/" in self.path:
            self.wfile.write(self.content)

    def log_message(self, *_):
        pass


def load_in_a_new_process(tmp_path, endpoint, **env):
    code = "from matmul_demo import digits; p, s = digits.load(3); print(s, p[2].tobytes().hex())"
    env = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0", **env}
    output = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, check=True
    )
    return output.stdout.decode()


@pytest.mark.slow
def test_hub_is_used_when_it_answers_and_its_cache_when_it_does_not(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    fresh = load_in_a_new_process(tmp_path, endpoint)
    server.shutdown()
    server.server_close()
    cached = load_in_a_new_process(tmp_path, endpoint, HF_HUB_OFFLINE="1")
    assert fresh == cached
    assert fresh.startswith("MNIST (ylecun/mnist)")
    assert fresh.strip().endswith(PICTURES[2].tobytes().hex())


@pytest.mark.slow
def test_digits_are_painted_when_nothing_answers(tmp_path):
    assert "painted" in load_in_a_new_process(tmp_path, "http://127.0.0.1:9")
