"""``python -m mambahsi`` is the command ``mambahsi``."""

import sys

from mambahsi.cli import main

sys.exit(main())
