"""`python -m interrogator.vocabulary`: see `lists.main`."""

import sys

from interrogator.vocabulary.lists import main

sys.exit(main())
