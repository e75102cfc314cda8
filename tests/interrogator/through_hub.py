"""Run as a process of its own: command line or app (--serve) with the presets' models made small.

The hub's client reads HF_ENDPOINT and HF_HOME when it is imported, so it has to be a new process.
"""

import sys
from pathlib import Path

from tests.interrogator.small_models import shape_borrowing, shrink_clips

if __name__ == "__main__":
    shrink_clips(Path(sys.argv[1]))
    shape_borrowing(Path(sys.argv[1]))
    if sys.argv[2:] == ["--serve"]:
        from app import main

        main()
    else:
        from interrogator.cli import main

        sys.exit(main(sys.argv[2:]))
