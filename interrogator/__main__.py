"""`python -m interrogator`: see `cli`."""

import sys

from interrogator.cli import main

sys.exit(main())
