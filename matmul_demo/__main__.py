"""`python -m matmul_demo`: the race on the command line."""

import sys

from matmul_demo.cli import main

sys.exit(main())
