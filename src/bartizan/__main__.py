"""`python -m bartizan` is the command line."""

import sys

from bartizan.cli import main

sys.exit(main())
