"""`python -m motet` is `motet`."""

from __future__ import annotations

import os
import sys

if sys.path[:1] == [os.getcwd()]:
    del sys.path[0]  # as for `motet` itself: what is run says what comes first

from motet.cli.main import main

sys.exit(main())
