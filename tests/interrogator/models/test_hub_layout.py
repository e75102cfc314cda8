"""BLIP as the hub lays it out: a configuration of transformers 4.26, narrow random weights.

Its text part says that a caption ends at id 2, and BLIP's captions end at [SEP], id 102; tensors
that are tied are in the file or not; the positions' numbers are in it as if they were weights.
"""

import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from interrogator.models import loading
from interrogator.models.choice import choose_names
from interrogator.networks.captioning import Captioning
from interrogator.networks.libraries import transformers
from interrogator.networks.runtime import Runtime
from tests.interrogator.fake_hub import FakeHub
from tests.interrogator.one_model import use

CPU = Runtime(torch.device("cpu"), torch.float32)
NAME = "Salesforce/blip-image-captioning-large"
BEGIN, SEP, WRONG_END = 30522, 102, 2
BERT = ["[PAD]", *(f"[unused{i}]" for i in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = BERT + [f"w{i}" for i in range(BEGIN - len(BERT))]
DECODER = "text_decoder.cls.predictions.decoder."
EMBEDDINGS = "text_decoder.bert.embeddings."

# What transformers 4.26 wrote into every configuration, of generation too.
ERA = {
    "bad_words_ids": None, "chunk_size_feed_forward": 0, "decoder_start_token_id": None,
    "diversity_penalty": 0.0, "do_sample": False, "early_stopping": False,
    "forced_bos_token_id": None, "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "is_encoder_decoder": False, "length_penalty": 1.0, "max_length": 20, "min_length": 0,
    "no_repeat_ngram_size": 0, "num_beam_groups": 1, "num_beams": 1, "num_return_sequences": 1,
    "output_attentions": False, "problem_type": None, "pruned_heads": {},
    "repetition_penalty": 1.0, "return_dict": True, "return_dict_in_generate": False,
    "suppress_tokens": None, "temperature": 1.0, "tf_legacy_loss": False,
    "tie_encoder_decoder": False, "tie_word_embeddings": True, "top_k": 50, "top_p": 1.0,
    "torch_dtype": None, "torchscript": False, "transformers_version": "4.26.0.dev0",
    "use_bfloat16": False, "hidden_act": "gelu", "initializer_factor": 1.0,
    "initializer_range": 0.02, "num_hidden_layers": 2, "num_attention_heads": 2,
    "hidden_size": 32, "intermediate_size": 64,
}  # fmt: skip
TEXT = ERA | {
    "model_type": "blip_text_model", "is_decoder": True, "use_cache": True, "vocab_size": BEGIN + 2,
    "bos_token_id": BEGIN, "eos_token_id": WRONG_END, "pad_token_id": 0, "sep_token_id": SEP,
    "max_position_embeddings": 512, "layer_norm_eps": 1e-12, "projection_dim": 32,
    "attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0,
}  # fmt: skip
VISION = ERA | {
    "model_type": "blip_vision_model", "image_size": 384, "patch_size": 16, "num_channels": 3,
    "layer_norm_eps": 1e-05, "projection_dim": 32, "attention_dropout": 0.0, "dropout": 0.0,
    "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, "sep_token_id": None,
}  # fmt: skip
CONFIG = {
    "architectures": ["BlipForConditionalGeneration"], "model_type": "blip", "_commit_hash": None,
    "image_text_hidden_size": 32, "initializer_factor": 1.0, "logit_scale_init_value": 2.6592,
    "projection_dim": 32, "torch_dtype": "float32", "transformers_version": None,
    "text_config": TEXT, "vision_config": VISION,
}  # fmt: skip
TOKENIZER = {
    "tokenizer_class": "BertTokenizer", "processor_class": "BlipProcessor", "do_lower_case": True,
    "do_basic_tokenize": True, "model_max_length": 512, "never_split": None, "strip_accents": None,
    "tokenize_chinese_chars": True, "name_or_path": "bert-base-uncased",
}  # fmt: skip
PICTURES = {
    "image_processor_type": "BlipImageProcessor", "processor_class": "BlipProcessor",
    "do_normalize": True, "do_resize": True, "resample": 3, "rescale_factor": 1 / 255,
    "size": {"height": 384, "width": 384}, "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}  # fmt: skip


def write_layout(folder, tied):
    """Write the repository; its next word is always [SEP], else id 2, else w7, else w8.

    Args:
        folder: Where.
        tied: Whether the file holds the tied tensors a second time.
    """
    folder.mkdir(parents=True)
    for name, content in (
        ("config.json", CONFIG), ("tokenizer_config.json", TOKENIZER),
        ("preprocessor_config.json", PICTURES),
        ("special_tokens_map.json",
         {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}),
    ):  # fmt: skip
        (folder / name).write_text(json.dumps(content))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    transformers.BertTokenizer(vocab=vocabulary).backend_tokenizer.save(
        str(folder / "tokenizer.json")
    )
    torch.manual_seed(0)
    config = transformers.BlipConfig(text_config=dict(TEXT), vision_config=dict(VISION))
    model = transformers.BlipForConditionalGeneration(config)
    weights = {name: w.detach().clone() for name, w in model.state_dict().items()}
    bias = torch.zeros(TEXT["vocab_size"])
    for i, word in enumerate(["[SEP]", WORDS[WRONG_END], "w7", "w8"]):
        bias[vocabulary[word]] = 1000.0 - 100 * i
    for name in ("text_decoder.cls.predictions.bias", f"{DECODER}bias"):
        weights[name] = bias.clone()
    weights[f"{EMBEDDINGS}position_ids"] = torch.arange(512)[None]
    for name in () if tied else ("weight", "bias"):
        del weights[DECODER + name]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("tied", [True, False], ids=["full", "deduplicated"])
def test_the_hubs_blip_loads_without_a_missing_key_and_its_caption_ends_at_sep(
    tmp_path, monkeypatch, tied
):
    write_layout(tmp_path / "hub" / NAME, tied)
    with FakeHub(tmp_path / "hub") as server:
        use(monkeypatch, server.url, tmp_path / "cache")
        captioner = loading.load(choose_names("demo", caption=NAME), CPU).captioner
    # A missing key would have been an error; no key that is there was passed over either.
    loaded = captioner.model.state_dict()
    for name, written in load_file(tmp_path / "hub" / NAME / "model.safetensors").items():
        if not name.endswith("position_ids"):
            assert torch.equal(loaded[name], written), name
    assert torch.equal(loaded[f"{DECODER}weight"], loaded[f"{EMBEDDINGS}word_embeddings.weight"])

    generated, real = [], captioner.model.generate
    monkeypatch.setattr(
        captioner.model, "generate", lambda **asked: generated.append(real(**asked)) or generated[0]
    )
    picture = Image.new("RGB", (40, 30), "red")
    caption = captioner.caption(picture, Captioning(beams=1, fewest=3, most=9, no_repeat=1))
    assert generated[0].sequences.tolist() == [
        [BEGIN, WRONG_END, *map(WORDS.index, ("w7", "w8")), SEP]
    ]
    assert caption == "[unused1] w7 w8"
