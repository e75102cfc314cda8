"""Small random captioners that are not BLIP, and CLIPs that are not the default, in folders."""

import json

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from interrogator.networks.libraries import open_clip, transformers

WORDS = ["a", "cat", "boat", "on", "the", "sea"]
VISION = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
    "image_size": 32, "patch_size": 16,
}  # fmt: skip
TEXT = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "max_position_embeddings": 64,
}  # fmt: skip


def write_git(folder):
    """Write a random small GIT: a decoder that reads patches as if they were words."""
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    config = transformers.GitConfig(
        vision_config=VISION, vocab_size=len(words), intermediate_size=64, bos_token_id=2,
        eos_token_id=3, pad_token_id=0, **TEXT,
    )  # fmt: skip
    transformers.GitForCausalLM(config).save_pretrained(folder)
    images = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    tokenizer = transformers.BertTokenizer(vocab={word: i for i, word in enumerate(words)})
    transformers.GitProcessor(images, tokenizer).save_pretrained(folder)
    return str(folder)


def write_blip2(folder, shards=None):
    """Write a random small BLIP-2: queries between a picture tower and an OPT."""
    torch.manual_seed(0)
    words = ["<pad>", "</s>", "<unk>", *WORDS]
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", bos_token="</s>",
        unk_token="<unk>",
    )  # fmt: skip
    images = transformers.BlipImageProcessorPil(size={"height": 32, "width": 32})
    processor = transformers.Blip2Processor(images, tokenizer, num_query_tokens=4)
    config = transformers.Blip2Config(
        vision_config=VISION,
        qformer_config={
            "vocab_size": 10, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": 64, "encoder_hidden_size": 32,
        },
        text_config={
            "model_type": "opt", "vocab_size": len(tokenizer), "ffn_dim": 64,
            "word_embed_proj_dim": 32, "bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0,
            **TEXT,
        },
        num_query_tokens=4, image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    model = transformers.Blip2ForConditionalGeneration(config)
    model.save_pretrained(folder, **({"max_shard_size": shards} if shards else {}))
    processor.save_pretrained(folder)
    return str(folder)


def write_custom_clip(folder, pool="last", causal=True):
    """Write a random small CustomTextCLIP, whose text tower pools and pads as SigLIP's does.

    Args:
        folder: Where.
        pool: "last", as SigLIP, or "argmax", as CLIP.
        causal: Whether a token sees only those before it.
    """
    torch.manual_seed(0)
    config = {
        "embed_dim": 16,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16,
        },
        "text_cfg": {
            "context_length": 64, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2,
            "pool_type": pool, "no_causal_mask": not causal,
        },
    }  # fmt: skip
    shape = {key: value for key, value in config.items() if key != "custom_text"}
    model = open_clip.model.CustomTextCLIP(**shape)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": config, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return f"local-dir:{folder}"
