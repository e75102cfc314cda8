"""The functions of the API, free of Gradio; their docstrings are its description."""

from __future__ import annotations

from typing import Any

from interrogator.pipeline import DEFAULT_MODE
from interrogator.prompts.rules import FAST_PHRASES
from interrogator.request import Request
from interrogator.web.page import Page


class Endpoints:
    """What programs may ask; each raises an `InterrogatorError` with a sentence."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def interrogate(
        self,
        picture: str | bytes | None,
        mode: str = DEFAULT_MODE,
        preset: str | None = None,
        caption: str = "",
        with_negative: bool = False,
        artists: float = 1,
        fewest: float = 0,
        most: float = FAST_PHRASES,
        pinned: list[str] | None = None,
        dropped: list[str] | None = None,
        banned: str = "",
        seconds: float | None = None,
        judge: str = "",
        name_artists: str = "all",
        own_words: str = "",
        own_files: list[str] | None = None,
        own_lists: str = "add",
        caption_model: str = "",
        clip: str = "",
        caption_beams: float = 3,
        caption_fewest: float = 0,
        caption_most: float = 40,
        caption_no_repeat: float = 3,
    ) -> dict[str, Any]:
        """Write the prompt that a picture calls for.

        A caption model describes the picture, CLIP ranks artists, movements, mediums and styles
        by their similarity with it, and the best phrases are composed to a prompt.

        Args:
            picture: The picture, a file: JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF.
            mode: "best" (a search for the most similar prompt), "fast" (the most similar phrases),
                "classic" (one of each kind) or "negative" (what the picture is not).
            preset: "quality", "light", "demo", "sd2" or "sdxl"; the best that can be had when left
                out.
            caption: A caption to use instead of the model's.
            with_negative: Whether to write a negative prompt as well.
            artists: How many artists may be named.
            fewest: How many phrases the search adds even where they do not help.
            most: How many phrases there may be.
            pinned: Phrases that must stand in the prompt.
            dropped: Phrases that must not.
            banned: Words that must not stand anywhere, between commas; also "a whole phrase" in
                quotes, category:NAME and group:NAME.
            seconds: When the search must end; no limit when left out or 0.
            judge: The name of a second CLIP that scores the finished prompts, as clip.
            name_artists: Who may be named: "all", "public-domain" (died more than 70 years ago),
                "no-living" or "none".
            own_words: Phrases of your own, one a line.
            own_files: Lists of your own, .txt or .csv, one category a file.
            own_lists: "add" yours to ours, or "replace" ours.
            caption_model: A captioner in place of the preset's: a repository on the hub with an
                image-to-text model, for example "microsoft/git-base-coco".
            clip: A CLIP in place of the preset's: "ARCHITECTURE/TAG" as open_clip names it, for
                example "ViT-H-14/laion2b_s32b_b79k", or "hf-hub:ORG/REPO".
            caption_beams: How many captions are followed at a time, 1 (quickest) to 10.
            caption_fewest: Tokens that the caption has at least.
            caption_most: Tokens that it has at most, 1 to 200.
            caption_no_repeat: No run of so many tokens is said twice, 0 (off) to 10.

        Returns:
            The prompt, its caption, similarity and tokens, every phrase with its similarity and
            contribution, the best phrases of each list, and the models that wrote it.
        """
        return self.page.interrogate(
            Request.of(
                picture, mode, preset, caption, with_negative, artists, fewest, most,
                pinned, dropped, banned, seconds, judge, name_artists, own_words, own_files,
                own_lists, caption_model, clip, caption_beams, caption_fewest, caption_most,
                caption_no_repeat,
            )
        )  # fmt: skip

    def analyze(
        self,
        picture: str | bytes | None,
        preset: str | None = None,
        top: float = 5,
        caption_model: str = "",
        clip: str = "",
    ) -> dict[str, Any]:
        """Describe a picture and rank all phrases by their similarity with it; write no prompt.

        Args:
            picture: The picture, a file.
            preset: As interrogate's.
            top: How many phrases of each list, up to 50.
            caption_model: As interrogate's.
            clip: As interrogate's.

        Returns:
            The caption, and for each list its most similar phrases with cosine similarity, share
            of the list, distance from their average over pictures that show nothing, and whether
            they stand out.
        """
        return self.page.analyze(picture, preset, top, caption_model, clip)

    def score(
        self, picture: str | bytes | None, prompt: str, preset: str | None = None, clip: str = ""
    ) -> dict[str, Any]:
        """Tell how similar a prompt is to a picture, and what each of its parts adds.

        Args:
            picture: The picture, a file.
            prompt: The prompt; its parts are what stands between commas.
            preset: As interrogate's.
            clip: As interrogate's.

        Returns:
            The cosine similarity, the tokens and their limit, and for each part how much the
            similarity falls when it is left out.
        """
        return self.page.score(picture, prompt, preset, clip)
