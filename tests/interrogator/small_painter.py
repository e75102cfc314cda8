"""A Stable Diffusion of real architecture with tiny random weights; needs diffusers."""

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from interrogator.networks.libraries import open_clip

LENGTH, END = 77, 49407


class Tokenizer:
    """CLIP's own tokenizer, as the pipeline calls it."""

    model_max_length = LENGTH
    added_tokens_encoder = {}  # noqa: RUF012 - no textual inversion

    def tokenize(self, text):
        return text.split()

    def __call__(self, texts, **_):
        texts = [texts] if isinstance(texts, str) else texts
        rows = open_clip.tokenize(texts, LENGTH)
        return type("Encoded", (), {"input_ids": rows, "attention_mask": None})


def small_painter():
    """Return the pipeline; 64 × 64 pixels."""
    torch.manual_seed(0)
    text = CLIPTextConfig(
        hidden_size=32, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2,
        eos_token_id=END,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4,
    )  # fmt: skip
    pipeline = StableDiffusionPipeline(
        vae=vae, text_encoder=CLIPTextModel(text), tokenizer=Tokenizer(), unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
