"""What the client gives: things that know the client they came from."""

from __future__ import annotations

from typing import Any, Protocol

from motet.spell.api.models import Model


class Client(Protocol):
    """What asks: see `SpellClient`. `house` carries out what is asked."""

    house: Any
    owner: str
    active_workflow: Any

    @property
    def runs(self) -> Any:
        """Runs."""

    @property
    def resources(self) -> Any:
        """Files."""


class SpellModel:
    """A thing with the attributes that the API told of it, and calls that ask for more."""

    model = "model"

    def __init__(self, client: Client, told: Model) -> None:
        self._client = client
        self._told = told

    def __getattr__(self, name: str) -> Any:
        told = self.__dict__.get("_told")
        if told is None:  # while it is copied or unpickled
            raise AttributeError(name)
        if name == self.model:
            return told
        return getattr(told, name)

    def __repr__(self) -> str:
        return repr(self._told)
