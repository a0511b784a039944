"""`import spell` in the commands of runs: this folder is on their path. It gives what Motet serves by that name."""

import importlib.util
import os
import sys

if importlib.util.find_spec("motet") is None:  # the command's Python is not the one that Motet is installed for
    sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4)))

importlib.import_module("motet.spell")  # has it stand in
sys.modules.pop(__name__, None)
importlib.import_module(__name__)  # which is what stands in, from now on
