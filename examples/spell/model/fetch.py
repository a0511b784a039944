"""fetch.py URL FILE: what is at the address, as a file."""

import shutil
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1]) as there, open(sys.argv[2], "wb") as here:
    shutil.copyfileobj(there, here)
