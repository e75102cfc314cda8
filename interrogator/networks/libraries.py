"""The one place that imports open_clip and transformers; others take both from here.

It lets `import torchvision` succeed beside a torch that its compiled library does not fit.

The default torchvision wheel wants CUDA's libraries. Next to a CPU-only torch its compiled part
cannot be loaded, and the import then dies with "operator torchvision::nms does not exist",
because it registers shape functions for two operators that nobody declared. open_clip and
transformers import torchvision for its transforms alone; declaring the two schemas is enough.

Nothing of this happens where torchvision is whole. The order of the imports below matters; it
matters nowhere else.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _compiled_library_loads() -> bool:
    """Tell whether torchvision's compiled operators fit this torch."""
    spec = importlib.util.find_spec("torchvision")  # finds it without running it
    if spec is None or spec.origin is None:
        return True  # nothing installed, nothing to repair: the import will say so itself
    for library in Path(spec.origin).parent.glob("_C*"):
        try:
            torch.ops.load_library(str(library))
        except OSError:
            continue
        return True
    return False


def _declare_operators() -> torch.library.Library:
    library = torch.library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        library.define(schema)
    return library


# A Library forgets its operators when it is collected, so it is kept as long as the process.
KEPT_ALIVE = None if _compiled_library_loads() else _declare_operators()

import open_clip  # noqa: E402
import transformers  # noqa: E402

__all__ = ["open_clip", "transformers"]
