"""`python -m interrogator.serving.tables`: encode the vocabulary once, to ship with the app.

A Space that has them need not keep its first visitor waiting while ten thousand phrases are
encoded. They hold for the very phrases, weights and number format that they were made of.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from interrogator.errors import InterrogatorError


def main(arguments: list[str] | None = None) -> int:
    """Write the table of a preset.

    Returns:
        0; 2 if the models cannot be had.
    """
    parser = argparse.ArgumentParser(
        prog="python -m interrogator.serving.tables", description=__doc__
    )
    parser.add_argument("--preset", default="quality", help="whose CLIP (quality)")
    parser.add_argument("--dtype", default="float32", help="the CLIP's number format (float32)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="where to (assets/tables)")
    options = parser.parse_args(arguments)
    from interrogator.prompts.table import SHIPPED, ship
    from interrogator.serving.background import show_progress
    from interrogator.serving.session import Session

    try:
        session = Session(show_progress, preset=options.preset, dtype=options.dtype)
    except InterrogatorError as error:
        print(error, file=sys.stderr)
        return 2
    interrogator, _ = session.service.prepare(session.request)
    table, clip = session.service.whole_table(session.request), interrogator.models.clip
    for path in ship(table, clip, options.out or SHIPPED):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
