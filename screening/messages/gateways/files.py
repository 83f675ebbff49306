"""Messages into a file: what a machine without gateways does. Nothing leaves it, and everything can be read."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings
from django.utils import timezone

from screening.messages.gateways.shapes import Delivered, Later, Outcome, Parcel


class FileGateway:
    """Appends a JSON line for each message to ``VAR_DIR/outbox/<channel>-<day>.jsonl``; ``console`` prints it too."""

    def __init__(self, channel: str, *, console: bool = False) -> None:
        self.channel = channel
        self.console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def send(self, parcel: Parcel) -> Outcome:
        """Write it down."""
        text = parcel.body if self.channel == "email" else parcel.short
        line = {"at": timezone.now().isoformat(), "key": parcel.key, "to": parcel.address, "text": text}
        folder = Path(settings.VAR_DIR) / "outbox"
        path = folder / f"{self.channel}-{timezone.localdate()}.jsonl"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            return Later(f"file:{error.errno}", pause=60)
        if self.console:
            print(f"{self.channel} → {parcel.address}: {text}", flush=True)
        return Delivered(f"{path.name}:{parcel.key}"[:128])
