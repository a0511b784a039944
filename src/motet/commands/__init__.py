"""Commands in Python flows: shell text, argument lists, functions in other environments, as recorded steps.

    from motet import command, flow

    train = command("python train.py --rate {rate}", outputs=["model.pkl"], retries=2)

    @flow
    def study() -> None:
        models = train.map(rate=[0.1, 0.01])

`tasks.command` says how. `Mount`, `Sandbox`, `Container`, `Environment` and `Git` are for its options; `Finished`
and `File` are what it gives.
"""

from __future__ import annotations

from motet import app as app  # puts the parts together, so that flows find where to run
from motet.commands.tasks import CommandOptions as CommandOptions
from motet.commands.tasks import CommandTask as CommandTask
from motet.commands.tasks import command as command
from motet.environments.spec import Environment as Environment
from motet.environments.spec import Git as Git
from motet.executors.commands.spec import ANY as ANY
from motet.executors.commands.spec import Container as Container
from motet.executors.commands.spec import Finished as Finished
from motet.executors.commands.spec import Host as Host
from motet.executors.commands.spec import Mount as Mount
from motet.executors.commands.spec import Sandbox as Sandbox
from motet.values import files as _files
from motet.values.files import File as File

_files.artifacts.append(lambda: app.open_artifacts(app.home()))
