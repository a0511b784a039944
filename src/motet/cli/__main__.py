"""`python -m motet.cli` is `motet`."""

from __future__ import annotations

import sys

from motet.cli.main import main

sys.exit(main())
