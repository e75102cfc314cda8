"""Picture → prompt: BLIP captions, CLIP ranks, and every phrase is explained.

import interrogator

done = interrogator.load("demo").interrogate("picture.jpg", mode="best")
print(done.prompt)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch and the models are imported when they are used
    from interrogator.serving.session import Session

__all__ = ["load"]


def load(preset: str | None = None, **options: Any) -> Session:  # noqa: ANN401
    """Load models and return what reads pictures with them.

    Args:
        preset: "quality", "light", "demo", "sd2" or "sdxl"; None: the best that can be had.
        options: Any of `interrogator.options`, such as clip="ViT-B-32/openai" or
            name_artists="none"; they hold for every picture, and each call can change them.

    Raises:
        interrogator.errors.InterrogatorError: An option is wrong, or the models cannot be had.
    """
    from interrogator.serving.session import Session

    return Session(preset=preset, **options)
