"""How much memory models need, and how much this process may use at all.

A container's limit is less than the machine has, and who exceeds it is killed without a word:
what cannot fit is to be refused before it is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from interrogator.errors import InterrogatorError
from interrogator.models.registry import CAPTIONERS, CLIPS, PRESETS, KnownModel, ModelNames

PROGRAM = 1.0  # GB beside the weights: torch, the libraries, the tables; about
_GROUPS = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def needed(*names: str, single: bool = False, single_clips: bool = False) -> float:
    """Return about how much memory models take together, in GB; 0 where none of them is known.

    Counted is what is known by name.

    Args:
        names: Captioners and CLIPs, whatever revision follows an @.
        single: Whether in float32; 16-bit numbers are the least that they can take.
        single_clips: Whether CLIPs are in float32 in any case, as on a CPU.
    """
    weights = sum(
        model.memory[single or (single_clips and model in CLIPS)] for model in known(*names)
    )
    return weights + PROGRAM if weights else 0.0


def known(*names: str) -> list[KnownModel]:
    """Return those of the named models of which the memory is known, each once."""
    plain = {name.partition("@")[0] for name in names}
    return [model for model in (*CAPTIONERS, *CLIPS) if model.name in plain]


def limit() -> float:
    """Return how much memory this process may use at all, in GB.

    It is what the machine has, or what the control groups (cgroup v1 or v2) that the process is
    in allow, if that is less.
    """
    return min([psutil.virtual_memory().total, *_group_limits()]) / 1e9


def _group_limits() -> Iterator[int]:
    """Yield the limits of the process's control groups, and of those around them, in bytes."""
    for line in _text(_GROUPS).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, name = _MOUNT, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = _MOUNT / "memory", "memory.limit_in_bytes"
        else:
            continue
        # In a container the path may be the host's, which is not there; then the root is ours.
        place = root / path.lstrip("/")
        for folder in (place, *place.parents):
            value = _text(folder / name).strip() if folder.is_relative_to(root) else ""
            if value.isdecimal():  # and not "max"
                yield int(value)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # no Linux, or no such group
        return ""


def check_memory(*names: str, single: bool = False, single_clips: bool = False) -> None:
    """Refuse known models that are too large for this machine, whatever else it does.

    Args:
        names: Captioners and CLIPs that are to be in memory at once.
        single: Whether in float32; else in 16-bit numbers.
        single_clips: Whether CLIPs are in float32 in any case.

    Raises:
        InterrogatorError: They do not fit; says what they need, what there is, and what would fit.
    """
    wanted, most = needed(*names, single=single, single_clips=single_clips), limit()
    if wanted <= most:
        return
    them = [model.name for model in known(*names)]
    fit = [preset.preset for preset in PRESETS.values() if fits(preset, single, single_clips)]
    raise InterrogatorError(
        f"{' and '.join(them)} need{'s' * (len(them) == 1)} about {wanted:.1f} GB of memory, and "
        f"{most:.1f} GB are to be had here. Choose smaller models; these presets fit: "
        f"{', '.join(fit)}."
    )


def fits(names: ModelNames, single: bool = False, single_clips: bool = False) -> bool:
    """Tell whether a preset fits into this machine's memory."""
    wanted = needed(names.caption, names.clip, single=single, single_clips=single_clips)
    return wanted <= limit()
