"""How well the embedded models do on unseen pictures: small, large, and in a frame."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from training import examine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=300, help="unseen pictures (300)")
    parser.add_argument("--large", type=int, default=100, help="of them at 512 pixels (100)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("training").setLevel(logging.INFO)
    results = examine.all_conditions(options.pictures, options.large)
    print(examine.table(results))
    print(json.dumps({name: r.figures for name, r in results.items()}))


if __name__ == "__main__":
    main()
