"""Work in a process of its own, whose memory is measured, and which ends if the work hangs."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import resource
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_MEMORY = 500_000_000
"""Bytes that a worker may have at any moment, all its libraries among them."""

LONGEST = 120.0
"""Seconds; what takes longer hangs."""


@dataclass(frozen=True)
class Outcome:
    """How a piece of work ended.

    :param raised: the name of the class of its exception; None if it returned.
    :param said: what the exception said, or what the work returned.
    :param memory: the most bytes that the process had.
    """

    raised: str | None
    said: Any
    memory: int


class Bounded:
    """A process that does one piece of work after another."""

    def __init__(self) -> None:
        self._process: Any = None

    def __call__(self, work: Callable[..., Any], *given: Any) -> Outcome:
        """Do ``work``, a function of a module, within the bounds.

        :raises AssertionError: it took too long, too much memory, or the process with it.
        """
        if self._process is None:
            here, there = multiprocessing.Pipe()
            spawn = multiprocessing.get_context("spawn")
            self._process = spawn.Process(target=_serve, args=(there,), daemon=True)
            self._process.start()
            there.close()
            self._pipe: Pipe = here
        settings = {k: v for k, v in os.environ.items() if k.startswith("AIRFLOW")}
        self._pipe.send((work, given, settings))
        if not self._pipe.poll(LONGEST):
            self.end()
            raise AssertionError(f"it took longer than {LONGEST:.0f} s")
        try:
            outcome: Outcome = self._pipe.recv()
        except EOFError:
            self.end()
            raise AssertionError("the process died of it") from None
        assert outcome.memory < MOST_MEMORY, f"{outcome.memory / 1e6:.0f} MB: {outcome}"
        return outcome

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def _serve(pipe: Pipe) -> None:
    # Should the bounds not hold, it ends here, and not the machine.
    resource.setrlimit(resource.RLIMIT_AS, (8 * MOST_MEMORY, 8 * MOST_MEMORY))
    while True:
        try:
            work, given, settings = pipe.recv()
        except EOFError:
            return
        os.environ.update(settings)
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        try:
            raised, said = None, work(*given)
        except BaseException as error:
            raised, said = type(error).__name__, str(error)[:2000]
        pipe.send(Outcome(raised, said, _most_memory()))


def _most_memory() -> int:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024
