"""Small random models under the real names, and a server on loopback that answers as the hub."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from safetensors.torch import save_file

from interrogator import catalogue  # first: it makes torchvision importable

import open_clip  # isort: skip
from transformers import BertTokenizer, BlipForConditionalGeneration, BlipProcessor  # isort: skip
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil  # isort: skip

from training.train_blip import SPECIAL, config_for  # isort: skip

SMALL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}


def shrink_clips(folder):
    """Give the presets' architectures a small shape under their own names."""
    folder.mkdir(exist_ok=True)
    for name in ("ViT-L-14", "ViT-B-32"):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(SMALL))
        open_clip.add_model_config(path)


def write_clip(folder, quick_gelu=True):
    """Write random weights of the small CLIP as a repository carries them."""
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**SMALL, quick_gelu=quick_gelu)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": {**SMALL, "quick_gelu": quick_gelu}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return model


def write_blip(folder):
    """Write a random small BLIP with its processor as a repository carries them."""
    torch.manual_seed(0)
    words = [*SPECIAL, "a", "cat", "boat", "on", "the", "sea"]
    tokenizer = BertTokenizer(vocab={w: i for i, w in enumerate(words)}, bos_token="[DEC]")
    BlipForConditionalGeneration(config_for(len(words))).save_pretrained(folder)
    images = BlipImageProcessorPil(size={"height": 96, "width": 96})
    BlipProcessor(images, tokenizer).save_pretrained(folder)


def write_hub(folder):
    """Write the repositories of both presets under a folder: ORG/NAME/FILE."""
    for preset in ("quality", "light"):
        names = catalogue.PRESETS[preset]
        write_blip(folder / names.caption)
        write_clip(folder / catalogue.repositories(names)[1].name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        self.server.asked.append((self.command, self.path))
        parts = self.path.split("?")[0].strip("/").split("/")
        path = None
        if len(parts) >= 5 and parts[2] == "resolve":
            path = Path(self.server.folder, parts[0], parts[1], *parts[4:])
        if self.server.hanging:
            self.server.released.wait(20)
        if path is None or not path.is_file():
            return self._send(404, {"X-Error-Code": "EntryNotFound"}, b"")
        data = path.read_bytes()
        headers = {
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X-Repo-Commit": "0" * 40,
            "Accept-Ranges": "bytes",
        }
        return self._send(200, headers, data, body)

    def _send(self, status, headers, data, body=True):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body and self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


class FakeHub(ThreadingHTTPServer):
    """Serves a folder of ORG/NAME/FILE on a free port of loopback while in its `with` block."""

    daemon_threads = True

    def __init__(self, folder, hanging=False):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.hanging, self.asked = folder, hanging, []
        self.released = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.shutdown()
        self.server_close()
