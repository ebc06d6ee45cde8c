"""`python -m bot.cli` is `maf`."""

import sys

from bot.cli import main

sys.exit(main())
