"""Small random models under the real names."""

import json

import torch
from safetensors.torch import save_file

from interrogator.models import files, registry
from interrogator.networks.libraries import open_clip, transformers
from training.train_blip import SPECIAL, config_for

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


BORROWING = "roberta-ViT-B-32/laion2b_s12b_b32k"  # its text tower and tokenizer are others'


def shape_borrowing(folder, tower="roberta-base"):
    """Give the borrowing CLIP a small shape under its own name."""
    text = {"hf_model_name": tower, "hf_tokenizer_name": tower, "hf_pooler_type": "mean_pooler"}
    folder.mkdir(exist_ok=True)
    path = folder / "roberta-ViT-B-32.json"
    path.write_text(json.dumps({**SMALL, "text_cfg": {**text, "context_length": 32}}))
    open_clip.add_model_config(path)


def write_borrowing(folder):
    """Write the borrowing CLIP, and what it borrows, under a folder: ORG/NAME/FILE."""
    torch.manual_seed(0)
    tower = folder / "roberta-base"
    words = {w: i for i, w in enumerate(("<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b"))}
    transformers.RobertaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=40,
    ).save_pretrained(tower)  # fmt: skip
    transformers.RobertaTokenizer(vocab=words, merges=[]).save_pretrained(tower)
    repository = files.clip_repository(BORROWING)
    place = folder / repository.name
    place.mkdir(parents=True)
    text = {
        "hf_model_name": str(tower),
        "hf_pooler_type": "mean_pooler",
        "hf_model_pretrained": False,
    }
    model = open_clip.model.CustomTextCLIP(**{**SMALL, "text_cfg": text})
    save_file(model.state_dict(), place / repository.files[0].names[0])


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
    tokenizer = transformers.BertTokenizer(
        vocab={w: i for i, w in enumerate(words)}, bos_token="[DEC]"
    )
    transformers.BlipForConditionalGeneration(config_for(len(words))).save_pretrained(folder)
    images = transformers.BlipImageProcessorPil(size={"height": 96, "width": 96})
    transformers.BlipProcessor(images, tokenizer).save_pretrained(folder)


def write_hub(folder):
    """Write the repositories of both presets under a folder: ORG/NAME/FILE."""
    for preset in ("quality", "light"):
        names = registry.PRESETS[preset]
        write_blip(folder / names.caption)
        write_clip(folder / files.repositories(names)[1].name)
    write_borrowing(folder)
