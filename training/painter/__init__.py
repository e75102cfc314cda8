"""A painter that knows twenty movements: from a seed, a picture and the words true of it.

    seed → choose → Spec (caption, phrases) → paint → picture → handle (frames, JPEG, …)

It exists so that the embedded models can be trained and examined without any downloaded data.
"""

from training.painter.paint import frame, handle, paint
from training.painter.spec import Spec, choose, vocabulary

__all__ = ["Spec", "choose", "frame", "handle", "paint", "vocabulary"]
