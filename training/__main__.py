"""`python -m training all`: paint, train the models, examine them, write card and examples."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

ASSETS = Path(__file__).parent.parent / "assets"
STEPS = ("clip", "judge", "calibrate", "density", "blip", "words", "examples", "examine", "all")


def main() -> None:
    """Run one step of the training, or all in order."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("step", choices=STEPS)
    chosen = parser.parse_args().step
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("root").setLevel(logging.WARNING)  # open_clip reports through it
    logging.getLogger("training").setLevel(logging.INFO)
    if chosen in ("clip", "all"):
        from training import train_clip

        train_clip.train(ASSETS / "models" / "clip")
    if chosen in ("judge", "all"):
        from training import train_clip

        train_clip.train(ASSETS / "models" / "judge", train_clip.JUDGE)
    if chosen in ("calibrate", "all"):
        from training import calibrate

        calibrate.write(ASSETS / "models" / "clip")
    if chosen in ("density", "all"):
        from training import density

        density.write(ASSETS / "models" / "clip")
    if chosen in ("blip", "all"):
        from training import train_blip

        train_blip.train(ASSETS / "models" / "blip")
    if chosen in ("words", "all"):
        from training import words

        words.write(ASSETS / "models" / "vocabulary")
    if chosen in ("examples", "all"):
        from training import examples

        examples.write(ASSETS / "examples")
    if chosen in ("examine", "all"):
        from training import examine

        examine.write_card(ASSETS / "models")


if __name__ == "__main__":
    main()
