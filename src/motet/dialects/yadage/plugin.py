"""Yadage workflows as a voice. What runs them is imported where it is used: this is loaded to ask about a file."""

from __future__ import annotations

from motet.ports.voice import Target, Voice


class YadageVoice(Voice):
    """Workflow files of Yadage, and single packtivities."""

    name = "yadage"
    title = "a Yadage workflow"

    def tells(self, target: Target) -> bool:
        """Never: none is read yet."""
        return False


VOICE = YadageVoice()
