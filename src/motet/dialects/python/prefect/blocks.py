"""Blocks: typed values that are saved under a name; and secrets, which are Motet's own by that name."""

from __future__ import annotations

import os
from typing import Any, ClassVar
from uuid import UUID, uuid4

from motet.dialects.python.hosting import host
from motet.dialects.python.prefect.either import awaited, either, inert
from motet.dialects.python.prefect.variables import store_here
from motet.errors import UsageError
from motet.ports import Document
from motet.values.coercion import BaseModel, SecretStr
from motet.values.secrets import Secrets

_VOICE, _KIND = "python", "block"


def _slug(kind: type[Any]) -> str:
    given = getattr(kind, "_block_type_slug", None) or getattr(kind, "_block_type_name", None) or kind.__name__
    return str(getattr(given, "default", given)).lower().replace(" ", "-")


class Block(BaseModel):
    """Typed values that are saved under a name, for all runs of a home: `block.save("name")`, `Kind.load("name")`.

    What a field hides (`SecretStr`) is not saved: set it as a secret of Motet's.
    """

    model_config: ClassVar[Any] = {"extra": "allow", "arbitrary_types_allowed": True}

    @classmethod
    def get_block_type_slug(cls) -> str:
        """What the kind of block is called in the store."""
        return _slug(cls)

    def _save(self, name: str | None = None, overwrite: bool = False, client: object = None) -> UUID:
        name = name or getattr(self, "_saved_as", None)
        if not name:
            raise ValueError("You're attempting to save a block document without a name.")
        for field, value in self:
            if isinstance(value, SecretStr):
                raise UsageError(
                    f"{type(self).__name__}.{field} hides its value, which is therefore not saved.",
                    f"Set it as a secret: MOTET_SECRET_{name.upper()}, and read it with Secret.load({name!r}).",
                )
        store, key = store_here(), f"{_slug(type(self))}/{name}"
        found = store.document(_VOICE, _KIND, key)
        if found is not None and not overwrite:
            raise ValueError(f"You are attempting to save values with a name that is already in use: {name!r}.")
        version = found.version if found is not None else 0
        store.put_document(Document(_VOICE, _KIND, key, self.model_dump(mode="json"), version))
        return uuid4()

    @classmethod
    def _load(cls, name: str, validate: bool = True, client: object = None) -> Any:
        slug, slash, own = name.partition("/")
        kind = cls if not slash else next((each for each in _kinds(Block) if _slug(each) == slug), cls)
        own = own or name
        found = store_here().document(_VOICE, _KIND, f"{slug if slash else _slug(kind)}/{own}")
        if found is None:
            raise ValueError(f"Unable to find block document named {own} for block type {_slug(kind)}")
        return kind.model_validate(found.body)

    save, asave = either(_save), awaited(_save)

    @classmethod
    def load(cls, name: str, validate: bool = True, client: object = None) -> Any:
        """The block that was saved under that name. Raises ValueError."""
        return either(cls._load)(name, validate, client)

    @classmethod
    async def aload(cls, name: str, validate: bool = True, client: object = None) -> Any:
        """The same, awaited."""
        return cls._load(name, validate, client)

    @classmethod
    def register_type_and_schema(cls, client: object = None) -> Any:
        """Nothing has to be registered."""
        return either(lambda: None)()


def _kinds(kind: type[Block]) -> list[type[Block]]:
    return [found for each in kind.__subclasses__() for found in (each, *_kinds(each))]


class Secret(Block):
    """A secret: `Secret.load("name").get()` is MOTET_SECRET_NAME, or the file secrets/NAME below the home."""

    value: Any = None

    def get(self) -> Any:
        """The value."""
        return self.value.get_secret_value() if isinstance(self.value, SecretStr) else self.value

    @classmethod
    def _load(cls, name: str, validate: bool = True, client: object = None) -> Any:
        import json

        try:
            text = Secrets(host().home)(name.replace(" ", "-"))
        except UsageError as error:
            raise ValueError(f"Unable to find block document named {name} for block type secret. {error}") from None
        try:
            found = json.loads(text)
        except ValueError:
            found = text
        return cls(value=found if isinstance(found, dict | list) else text)

    def _save(self, name: str | None = None, overwrite: bool = False, client: object = None) -> UUID:
        import json

        if not name:
            raise ValueError("You're attempting to save a block document without a name.")
        place = os.path.join(host().home, "secrets", name)
        if os.path.exists(place) and not overwrite:
            raise ValueError(f"You are attempting to save values with a name that is already in use: {name!r}.")
        os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        value = self.get()
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
        return uuid4()

    save, asave = either(_save), awaited(_save)

    def __repr__(self) -> str:
        return "Secret(value=********)"

    __str__ = __repr__


class JSON(Block):
    """A JSON value."""

    value: Any = None


class String(Block):
    """A text."""

    value: str = ""


class DateTime(Block):
    """A time."""

    value: Any = None


class Webhook(Block):
    """A web hook, which is not called."""

    def _call(self, payload: Any = None) -> None:
        inert("Webhook.call", "Call it in a task, with an HTTP client.")

    call, acall = either(_call), awaited(_call)


class NotificationBlock(Block):
    """A place that is to be told: what would be sent there is logged."""

    def _notify(self, body: str = "", subject: str | None = None) -> None:
        import logging

        inert(f"{type(self).__name__}.notify", "What it was to send is logged.")
        logging.getLogger("motet").info("%s: %s", subject or type(self).__name__, body)

    notify, anotify = either(_notify), awaited(_notify)


SlackWebhook = type("SlackWebhook", (NotificationBlock,), {"__doc__": "A channel of Slack."})
MicrosoftTeamsWebhook = type("MicrosoftTeamsWebhook", (NotificationBlock,), {"__doc__": "A channel of Teams."})
DiscordWebhook = type("DiscordWebhook", (NotificationBlock,), {"__doc__": "A channel of Discord."})
MattermostWebhook = type("MattermostWebhook", (NotificationBlock,), {"__doc__": "A channel of Mattermost."})
PagerDutyWebHook = type("PagerDutyWebHook", (NotificationBlock,), {"__doc__": "PagerDuty."})
OpsgenieWebhook = type("OpsgenieWebhook", (NotificationBlock,), {"__doc__": "Opsgenie."})
SendgridEmail = type("SendgridEmail", (NotificationBlock,), {"__doc__": "A mail by Sendgrid."})
TwilioSMS = type("TwilioSMS", (NotificationBlock,), {"__doc__": "A message by Twilio."})
CustomWebhookNotificationBlock = type(
    "CustomWebhookNotificationBlock", (NotificationBlock,), {"__doc__": "Any web hook."}
)
AppriseNotificationBlock = type("AppriseNotificationBlock", (NotificationBlock,), {"__doc__": "By Apprise."})
