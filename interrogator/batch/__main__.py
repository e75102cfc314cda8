"""`python -m interrogator.batch`: see `cli`."""

import sys

from interrogator.batch.cli import main

if __name__ == "__main__":  # processes that are spawned import it too
    sys.exit(main())
