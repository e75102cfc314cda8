"""How likely a phrase is true of a picture, judged within its list: a number 0..1, scale-free.

What is known of a list: the cosine of each of its n phrases with the picture, their cosines with
pictures that show nothing, and the model's inverse temperature τ (`logit_scale`).

1. *Logits.* A CLIP is trained by InfoNCE (arXiv:1807.03748), whose optimum is
   τ·cos(v, t) = log p(t | v) / p(t) + const(v): a difference of cosines times τ is a log-likelihood
   ratio (CLIP's zero-shot softmax, arXiv:2103.00020). So all differences below are taken at τ, and
   nothing depends on what a cosine is called in one model or another. SigLIP's τ (arXiv:2303.15343)
   means the same for one picture.
2. *Hubs.* Some phrases are near every picture, whatever it shows (hubness, arXiv:1412.6568; removed
   by a bank of probes in arXiv:2112.12777). The part of the cosines that the neutral pictures
   explain is taken away: r = s − β·(c − mean c), with β the least-squares slope of the list.
3. *None of these.* const(v) is unknown, but the list shows it: nearly all its phrases are false.
   Their r is taken as normal with the list's own centre μ and deviation σ, both from its lower
   half, since true phrases and their neighbours lift the upper one (central matching, Efron 2004,
   "Large-scale simultaneous hypothesis testing"). The best of n false ones is expected above them,
   about σ·sqrt(2 ln n): the larger the list, the more a phrase must show. "None" gets the cosine
   h = μ + σ·z which the best of n false phrases passes with chance α: for an exclusive list
   Φ(z)^n = 1 − α; for an open one z is where E false phrases are expected, n·(1 − Φ(z)) = E.
   Lists may be too small to show their own centre and deviation, so both are drawn to those of
   the whole vocabulary as if by `PRIOR` phrases.
4. *Odds.* p = e^{τr} / (e^{τr} + e^{τh} [+ e^{τr'}]), with r' of the strongest rival in an
   exclusive list. One rival and not the softmax of the whole list: among 5,000 artists the true
   one's neighbours, each less likely than it, would together outweigh it, and its share would say
   how long the list is. Rivals that mean nearly the same (text cosine ≥ `KIN`) are none:
   "impressionism" must not lose to "French impressionism".

Where the truth is known (the embedded models), τ and h are fitted for each list and stored beside
the model (temperature scaling, arXiv:1706.04599, with one bias): see `Calibration`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 0.05  # α: how often an exclusive list may reach 1/2 with nothing true in it
FALSE_PHRASES = 0.25  # E: phrases of an open list that may reach 1/2 with nothing true in it
PRIOR = 16.0  # phrases' worth of the whole vocabulary's centre and deviation
USUAL_SPREAD = 2.2  # τ·σ of unrelated phrases in OpenAI's, LAION's and SigLIP's models
KIN = 0.9  # text cosine from which two phrases are no rivals
_RIVALS = 32  # the strongest phrases of a list, among which kin is looked for
_NORMAL = NormalDist()

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Background:
    """Centre and deviation of the cosines of a whole vocabulary with one picture."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Calibration:
    """What was fitted for one list of one model on pictures whose truth is known.

    Attributes:
        temperature: Multiplies the model's logit scale.
        none: The cosine of "none of these".
        exclusive: Whether at most one phrase is true; None: as the list is declared.
    """

    temperature: float
    none: float
    exclusive: bool | None = None


def load_calibrations(folder: Path) -> dict[str, Calibration]:
    """Return what is stored beside a model by category; nothing for a model without it."""
    path = folder / "calibration.json"
    if not path.exists():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {category: Calibration(**values) for category, values in stored.items()}


def save_calibrations(folder: Path, calibrations: Mapping[str, Calibration]) -> None:
    """Store calibrations beside a model."""
    values = {category: asdict(value) for category, value in calibrations.items()}
    text = json.dumps(values, indent=2, default=float) + "\n"
    (folder / "calibration.json").write_text(text, encoding="utf-8")


def background(similarity: NDArray[np.floating]) -> Background:
    """Return centre and deviation of the cosines [n] of a whole vocabulary with a picture."""
    return Background(*_lower_half(np.asarray(similarity, float)))


def plausibility(
    similarity: NDArray[np.floating],
    neutral: NDArray[np.floating],
    logit_scale: float,
    exclusive: bool,
    calibration: Calibration | None = None,
    beside: Background | None = None,
    features: NDArray[np.floating] | None = None,
) -> Floats:
    """Return how likely each phrase of one list is true of the picture, [n], 0..1.

    Args:
        similarity: Cosines [n] of the list's phrases with the picture.
        neutral: Their cosines [n, m] with pictures that show nothing.
        logit_scale: The model's inverse temperature τ.
        exclusive: Whether at most one phrase of the list is true of a picture.
        calibration: What was fitted for this list; None for a model of which nothing is known.
        beside: The whole vocabulary with this picture, for lists too small to judge by themselves.
        features: Unit vectors [n, d] of the phrases, to tell rivals from synonyms.
    """
    if not len(similarity):
        return np.empty(0)
    if calibration:
        exclusive = exclusive if calibration.exclusive is None else calibration.exclusive
        logits = np.asarray(similarity, float) * logit_scale * calibration.temperature
        none = calibration.none * logit_scale * calibration.temperature
    else:
        cosines = above_hubs(similarity, neutral)
        none = none_of_these(cosines, logit_scale, exclusive, beside) * logit_scale
        logits = cosines * logit_scale
    against = np.full(len(logits), none)
    if exclusive:
        against = np.logaddexp(against, _rivals(logits, features))
    return 1 / (1 + np.exp(np.minimum(against - logits, 700.0)))


def above_hubs(similarity: NDArray[np.floating], neutral: NDArray[np.floating]) -> Floats:
    """Return the cosines [n] without what the neutral pictures [n, m] explain of them."""
    cosines = np.asarray(similarity, float)
    usual = np.asarray(neutral, float).mean(axis=1)
    usual = usual - usual.mean()
    spread = float(usual @ usual)
    if spread == 0:
        return cosines
    slope = float(usual @ cosines) / spread * len(cosines) / (len(cosines) + PRIOR)
    return cosines - min(max(slope, 0.0), 1.0) * usual


def none_of_these(
    cosines: Floats, logit_scale: float, exclusive: bool, beside: Background | None = None
) -> float:
    """Return the cosine h of "none of these": what the best of n false phrases hardly reaches."""
    n = len(cosines)
    mean, deviation = _lower_half(cosines)
    usual = beside or Background(mean, USUAL_SPREAD / logit_scale)
    weight = n / (n + PRIOR)
    centre = weight * mean + (1 - weight) * usual.mean
    variance = weight * deviation**2 + (1 - weight) * usual.deviation**2
    chance = 1 - (1 - FALSE_ALARM) ** (1 / n) if exclusive else min(FALSE_PHRASES / n, 0.5)
    return float(centre + np.sqrt(variance) * -_NORMAL.inv_cdf(chance))


def _lower_half(values: Floats) -> tuple[float, float]:
    """Return the centre and the deviation of what is normal but for an upper tail."""
    median, low = np.quantile(values, [0.5, 0.1587])  # the latter one deviation below
    return float(median), float(median - low)


def _rivals(logits: Floats, features: NDArray[np.floating] | None) -> Floats:
    """Return for each phrase [n] the highest logit of another one that is not its synonym."""
    order = np.argsort(-logits, kind="stable")[:_RIVALS]
    rivals = np.full(len(logits), logits[order[0]])
    if len(order) == 1:
        return np.array([-np.inf])
    rivals[order[0]] = logits[order[1]]
    if features is not None:
        few = np.asarray(features[order], float)
        others = np.where(product(few, few.T) >= KIN, -np.inf, logits[order])
        rivals[order] = others.max(axis=1)
    return rivals


def independent(
    similarity: NDArray[np.floating],
    neutral: NDArray[np.floating],
    logit_scale: float,
    features: NDArray[np.floating],
    likely: NDArray[np.intp],
    beside: Background | None = None,
) -> list[int]:
    """Return those of the likely phrases of an open list that say something of their own.

    Args:
        similarity: Cosines [n] of the list's phrases with the picture.
        neutral: Their cosines [n, m] with pictures that show nothing.
        logit_scale: The model's inverse temperature.
        features: Unit vectors [n, d] of the phrases.
        likely: Places of the plausible ones.
        beside: The whole vocabulary with this picture.
    """
    cosines = above_hubs(similarity, neutral)
    centre, mean = features.mean(axis=0), _lower_half(cosines)[0]
    least = none_of_these(cosines, logit_scale, False, beside) - mean
    taken = unexplained(cosines[likely], features[likely], centre, mean, least)
    return [int(likely[place]) for place in taken]


def unexplained(
    cosines: Floats, features: NDArray[np.floating], centre: Floats, mean: float, least: float
) -> list[int]:
    """Return the phrases of an open list that say something of their own, the strongest first.

    A phrase may be similar to the picture only because it is similar to a truer one. As in
    orthogonal matching pursuit (Pati et al. 1993), the strongest is taken, and what it explains is
    taken from the others: their vectors' part along its own.

    Args:
        cosines: Cosines [n] of plausible phrases with the picture, without hubs.
        features: Their unit vectors [n, d].
        centre: The mean vector [d] of their list: what all its phrases share explains nothing.
        mean: The list's mean cosine with the picture.
        least: How far above the mean a phrase must still stand.
    """
    rest = np.asarray(features, float) - centre
    left = np.asarray(cosines, float) - mean
    taken: list[int] = []
    free = np.ones(len(left), bool)
    while free.any():
        best = int(np.argmax(np.where(free, left, -np.inf)))
        if left[best] < least:
            break
        taken.append(best)
        free[best] = False
        length = float(np.linalg.norm(rest[best]))
        axis = rest[best] / length
        along = product(rest, axis)
        left = left - along * (left[best] / length)
        rest = rest - np.outer(along, axis)
    return taken


def product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Return `left @ right`, of the type that NumPy would give it, computed by torch.

    NumPy's BLAS has threads of its own. After a product they wait in a loop for the next one, for
    milliseconds, and take the processors from torch's threads, which wait for each other in every
    operation: with small models on two cores a picture took twice as long.

    Args:
        left: [m, k] or [k].
        right: [k, n] or [k].
    """
    import torch  # here: what only reads options and rules need not load it

    kind = np.result_type(left, right)
    factors = (torch.from_numpy(np.require(one, kind, "W")) for one in (left, right))
    return torch.matmul(*factors).numpy()
