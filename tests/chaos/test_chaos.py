"""The campaign of faults in short, with a fixed seed; ``make chaos`` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.chaos.surroundings import ROOT


def test_some_schedules_end_with_the_truth(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", "12", "--schedules", "6"]
    done = subprocess.run(
        [*command, "--workers", "1", "--state", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "plugins"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
