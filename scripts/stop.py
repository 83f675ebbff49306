"""Stop what runs from this checkout: the demo, and PostgreSQL and Valkey under var/ (`make stop`)."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from healthhub import embedded, processes  # noqa: E402

var = Path(os.environ.get("HEALTHHUB_VAR") or ROOT / "var").resolve()
stopped = processes.stop_running(var) + embedded.stop(var)
print("Stopped: " + (", ".join(stopped) or "nothing was running"))
