"""Opening a store of artifacts elsewhere: what a worker process is told, and all that it must import to be told."""

from __future__ import annotations

from motet.typed import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from motet.ports import ArtifactStore


class Opener:
    """Opens the store in `folder` when it is called; travels to other processes."""

    __slots__ = ("_durability", "_folder")

    def __init__(self, folder: str, durability: Literal["normal", "full"]) -> None:
        self._folder = folder
        self._durability = durability

    def __call__(self) -> ArtifactStore:
        from motet.artifacts.files import FileArtifacts

        return FileArtifacts(self._folder, durability=self._durability)
