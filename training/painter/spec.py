"""What a picture is to show, chosen from a seed, and the words that are true of it.

This is the one table of who paints what in which material. The words are the demo vocabulary:
what is not named here, the embedded models were never taught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.painter import abstract, brushwork, design, palettes
from training.painter.mediums import COLOURLESS, MEDIUMS
from training.painter.subjects import SUBJECTS

ABSTRACTION = "abstraction"
NOTHING = ("random noise", "a plain gradient", "a page of text")  # what is no picture

_SOFT = ("oil painting", "watercolor")
# No pixel art: upright rectangles look the same in it.
_FLAT = ("oil painting", "vector art", "screen print", "mosaic")
_PRINT = ("woodblock print", "screen print", "watercolor")
_COLOURFUL = ("warm", "cool", "pastel", "vibrant")
_ANY = palettes.NAMES


@dataclass(frozen=True)
class Manner:
    """One artist's way: the hand, the materials it survives, the palettes it may take."""

    artist: str
    hand: brushwork.Hand | abstract.Hand
    mediums: tuple[str, ...]
    palettes: tuple[str, ...] = _ANY


@dataclass(frozen=True)
class Movement:
    """A movement with the artists who stand for it.

    Attributes:
        manners: Each artist's way of working.
        shows: For a movement that shows no subject, what its pictures are made of; else "".
    """

    manners: tuple[Manner, ...]
    shows: str = ""


def _pair(
    mediums: tuple[str, ...],
    first: tuple[str, Callable[..., object]],
    second: tuple[str, Callable[..., object]],
    shows: str = "",
    colours: tuple[str, ...] = _ANY,
) -> Movement:
    manners = tuple(Manner(name, hand, mediums, colours) for name, hand in (first, second))  # type: ignore[arg-type]
    return Movement(manners, shows)


MOVEMENTS: dict[str, Movement] = {
    "pointillism": _pair(_SOFT, ("Georges Seurat", brushwork.seurat), ("Paul Signac", brushwork.signac)),
    "impressionism": _pair(_SOFT, ("Claude Monet", brushwork.monet), ("Pierre-Auguste Renoir", brushwork.renoir)),
    "post-impressionism": _pair(_SOFT, ("Vincent van Gogh", brushwork.van_gogh), ("Paul Cézanne", brushwork.cezanne)),
    "expressionism": _pair(
        ("oil painting", "woodblock print", "charcoal drawing"),
        ("Edvard Munch", brushwork.munch), ("Ernst Ludwig Kirchner", brushwork.kirchner),
    ),
    "fauvism": _pair(_SOFT, ("Henri Matisse", brushwork.matisse), ("André Derain", brushwork.derain), colours=_COLOURFUL),
    "cubism": _pair(
        ("oil painting", "vector art", "screen print"),
        ("Georges Braque", design.braque), ("Juan Gris", design.gris),
    ),
    "futurism": _pair(
        ("oil painting", "watercolor", "vector art"),
        ("Giacomo Balla", design.balla), ("Umberto Boccioni", design.boccioni),
    ),
    "ukiyo-e": _pair(_PRINT, ("Katsushika Hokusai", design.hokusai), ("Utagawa Hiroshige", design.hiroshige)),
    "pop art": _pair(
        ("screen print", "vector art", "oil painting"),
        ("Roy Lichtenstein", design.lichtenstein), ("Andy Warhol", design.warhol),
    ),
    "art deco": _pair(
        ("oil painting", "vector art", "screen print"),
        ("Tamara de Lempicka", design.lempicka), ("A. M. Cassandre", design.cassandre),
    ),
    "art nouveau": _pair(
        ("vector art", "watercolor", "stained glass", "oil painting"),
        ("Alphonse Mucha", design.mucha), ("Gustav Klimt", design.klimt),
    ),
    "neoplasticism": _pair(
        _FLAT, ("Piet Mondrian", abstract.mondrian), ("Theo van Doesburg", abstract.van_doesburg), "rectangles"
    ),
    "suprematism": Movement(
        (Manner("Kazimir Malevich", abstract.malevich, (*_FLAT, "watercolor")),), "floating shapes"
    ),
    "constructivism": _pair(
        ("vector art", "screen print", "woodblock print", "oil painting"),
        ("El Lissitzky", abstract.lissitzky), ("Alexander Rodchenko", abstract.rodchenko), "wedges and lines",
    ),
    "op art": _pair(
        ("vector art", "screen print", "oil painting"),
        ("Bridget Riley", abstract.riley), ("Victor Vasarely", abstract.vasarely), "optical patterns",
    ),
    "color field": _pair(
        ("oil painting", "watercolor", "screen print"),
        ("Mark Rothko", abstract.rothko), ("Barnett Newman", abstract.newman), "fields of color",
    ),
    "abstract expressionism": _pair(
        ("oil painting", "watercolor", "ink drawing"),
        ("Jackson Pollock", abstract.pollock), ("Franz Kline", abstract.kline), "splashes and strokes",
    ),
    "orphism": Movement(
        (Manner("Robert Delaunay", abstract.delaunay, ("oil painting", "watercolor", "stained glass", "vector art", "mosaic")),),
        "colored discs",
    ),
    "minimalism": _pair(
        ("oil painting", "vector art", "screen print"),
        ("Frank Stella", abstract.stella), ("Agnes Martin", abstract.martin), "stripes",
    ),
    "bauhaus": _pair(
        ("oil painting", "watercolor", "vector art", "mosaic"),
        ("Wassily Kandinsky", abstract.kandinsky), ("Paul Klee", abstract.klee), "circles and squares",
    ),
}  # fmt: skip

# The phrase that is ranked for each palette.
PALETTE_PHRASES: dict[str, str] = {
    name: "monochromatic" if name == "monochromatic" else f"{name} colors"
    for name in palettes.NAMES
}
_PALETTES_OF_MEDIUM = {"watercolor": tuple(p for p in _ANY if p not in ("neon", "dark"))}


@dataclass(frozen=True)
class Spec:
    """One picture to be painted, and all that is true of it.

    Attributes:
        seed: Feeds every further choice of the painter.
        subject: A key of `SUBJECTS`, `ABSTRACTION`, or one of `NOTHING`.
        variant: 0 or 1, the subject's variant.
        movement: A key of `MOVEMENTS` or None.
        artist: The artist whose manner it is, or None.
        medium: A key of `MEDIUMS`, or None for what is no picture.
        palette: One of `palettes.NAMES`, or None for what is no picture.
    """

    seed: int
    subject: str
    variant: int = 0
    movement: str | None = None
    artist: str | None = None
    medium: str | None = None
    palette: str | None = None

    @property
    def caption(self) -> str:
        """What a captioner would write below the picture."""
        if self.medium is None:
            return self.subject
        if self.subject in SUBJECTS:
            scene = SUBJECTS[self.subject][1][self.variant]
        else:
            shows = MOVEMENTS[self.movement].shows if self.movement else "blots"
            scene = f"an abstract composition of {shows}"
        article = "an" if self.medium[0] in "aeiou" else "a"
        return f"{article} {self.medium} of {scene}"

    @property
    def phrases(self) -> dict[str, str]:
        """The true phrase of every category that has one."""
        said = {
            "artist": f"by {self.artist}" if self.artist else None,
            "movement": self.movement,
            "medium": self.medium,
            "palette": PALETTE_PHRASES[self.palette] if self.palette else None,
            "subject": self.subject,
        }
        return {category: phrase for category, phrase in said.items() if phrase}


def vocabulary() -> dict[str, list[str]]:
    """Return every phrase that can be true of a painted picture, by category."""
    artists = [f"by {m.artist}" for movement in MOVEMENTS.values() for m in movement.manners]
    return {
        "artist": artists,
        "movement": list(MOVEMENTS),
        "medium": list(MEDIUMS),
        "palette": list(PALETTE_PHRASES.values()),
        "subject": [*SUBJECTS, ABSTRACTION, *NOTHING],
    }


def choose(seed: int) -> Spec:
    """Choose what to paint: one in twenty-five shows nothing, a quarter has no movement."""
    rng = np.random.default_rng([seed, 1])
    kind = rng.random()
    if kind < 0.04:
        return Spec(seed, NOTHING[rng.integers(len(NOTHING))])
    variant = int(rng.integers(2))
    if kind < 0.29:
        names = [*SUBJECTS, ABSTRACTION]
        subject, medium = names[rng.integers(len(names))], list(MEDIUMS)[rng.integers(len(MEDIUMS))]
        return Spec(seed, subject, variant, None, None, medium, _palette_for(medium, _ANY, rng))
    name = list(MOVEMENTS)[rng.integers(len(MOVEMENTS))]
    movement = MOVEMENTS[name]
    manner = movement.manners[rng.integers(len(movement.manners))]
    subject = ABSTRACTION if movement.shows else list(SUBJECTS)[rng.integers(len(SUBJECTS))]
    medium = manner.mediums[rng.integers(len(manner.mediums))]
    palette = _palette_for(medium, manner.palettes, rng)
    return Spec(seed, subject, variant, name, manner.artist, medium, palette)


def _palette_for(medium: str, allowed: tuple[str, ...], rng: np.random.Generator) -> str:
    if medium in COLOURLESS:
        return "monochromatic"
    possible = [p for p in allowed if p in _PALETTES_OF_MEDIUM.get(medium, _ANY)]
    return possible[rng.integers(len(possible))]
