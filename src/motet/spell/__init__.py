"""Spell's client: runs, searches, files and workflows from Python, in a notebook, a script or a run.

    import spell.client            # served by Motet in its runs; elsewhere after `import motet.spell`
    client = spell.client.from_environment()
    run = client.runs.new(command="python train.py", machine_type="V100")
    run.wait_status(*client.runs.FINAL)

Nothing has to be started first: runs are kept in the home, and driven by processes of their own.
"""

from motet import app as app  # puts the parts together, so that clients find where runs are kept
from motet.dialects.spell import serving

serving.stay()
