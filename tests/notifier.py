"""A notifier as Airflow's providers have them, which writes to a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import BaseNotifier


class FileNotifier(BaseNotifier):
    """Adds a line to a file, the text as JSON.

    :param path: the file; its folder must be there.
    """

    template_fields: Sequence[str] = ("text",)

    def __init__(self, *, path: str, text: str) -> None:
        super().__init__()
        self.path = path
        self.text = text

    def notify(self, context: Any) -> None:
        """Tell."""
        with Path(self.path).open("a") as file:
            file.write(json.dumps(self.text) + "\n")


class Webhook(BaseNotifier):
    """Fails as those of HTTP do, whose errors name the address.

    :param url: an address that is a secret.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, url: str) -> None:
        super().__init__()
        self.url = url

    def notify(self, context: Any) -> None:
        """Fail."""
        try:
            raise OSError(f"Max retries exceeded with url: {self.url}")
        except OSError as error:
            raise RuntimeError(f"HTTP 404 at {self.url}") from error
