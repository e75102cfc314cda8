"""MobileCLIP2 and SigLIP 2 under their own names: their own architectures, narrow and random.

timm's own functions build the picture towers, narrower; open_clip's own configurations name them.
"""

import functools
import json

import torch
from safetensors.torch import save_file

from interrogator.models import files
from interrogator.networks.libraries import open_clip, transformers

MOBILECLIP2 = "MobileCLIP2-S0/dfndr2b"
SIGLIP2 = "ViT-B-32-SigLIP2-256/webli"
WORDS = ["a", "cat", "dots", "stripes", "ink", "drawing", "fog", "in", "pop", "art"]
TOWERS = {
    "fastvit_mci0": {"layers": (1, 1, 1, 1), "embed_dims": (8, 16, 32, 64)},
    "vit_base_patch32_siglip_256": {"embed_dim": 32, "depth": 1, "num_heads": 2},
}
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>"]  # in the order of Gemma's


def shrink(monkeypatch, folder):
    """Make both architectures narrow under their own names, until the test ends."""
    from open_clip import factory
    from timm.models import _registry

    monkeypatch.setattr(factory, "_MODEL_CONFIGS", dict(factory._MODEL_CONFIGS))
    monkeypatch.setattr(factory, "_MODEL_CONFIG_PATHS", list(factory._MODEL_CONFIG_PATHS))
    for name, narrow in TOWERS.items():
        build = functools.partial(_registry._model_entrypoints[name], **narrow)
        monkeypatch.setitem(_registry._model_entrypoints, name, build)
    for name in (MOBILECLIP2, SIGLIP2):
        config = open_clip.get_model_config(name.partition("/")[0])
        config["embed_dim"] = 32
        config["text_cfg"] |= {"width": 32, "heads": 2, "layers": 2}
        if "hf_tokenizer_name" in config["text_cfg"]:
            config["text_cfg"]["vocab_size"] = len(SPECIAL + _letters())
        path = folder / f"{name.partition('/')[0]}.json"
        path.write_text(json.dumps(config))
        open_clip.add_model_config(path)


def write(folder):
    """Write both as the hub has them, ORG/NAME/FILE; `shrink` first.

    Returns:
        Name → the model that was written.
    """
    torch.manual_seed(0)
    models = {}
    for name in (MOBILECLIP2, SIGLIP2):
        place = folder / files.clip_repository(name).name
        place.mkdir(parents=True)
        models[name] = open_clip.create_model(name.partition("/")[0]).eval()
        save_file(models[name].state_dict(), place / "open_clip_model.safetensors")
    tokenizer = transformers.GemmaTokenizer(
        vocab={word: i for i, word in enumerate(SPECIAL + _letters())}, merges=[],
        add_bos_token=False, add_eos_token=True, padding_side="right",
    )  # fmt: skip
    tokenizer.save_pretrained(folder / files.clip_repository(SIGLIP2).name)
    return models


def _letters():
    return ["▁", *sorted(set("".join(WORDS))), *map(chr, range(ord("0"), ord("9") + 1))]
