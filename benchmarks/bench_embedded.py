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
    count = parser.parse_args().pictures
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("training").setLevel(logging.INFO)
    results = examine.all_conditions(count)
    print(examine.table(results))
    print(json.dumps({"pictures": count} | {name: r.figures for name, r in results.items()}))


if __name__ == "__main__":
    main()
