"""Child processes for tools and tests: started with a log, found ready by the line that they print,
ended by pid."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

POLL_S = 0.005
STDERR_TAIL_BYTES = 3000


class StartError(Exception):
    """A child did not become ready; the message carries what it said last. `exit_code` is None when
    it still ran."""

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Child:
    """One process. Its standard output and error go to files, so that it can outlive whoever
    started it."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, out: Path, err: Path
    ) -> None:
        self.name = name
        self.process = process
        self.out_path = out
        self.err_path = err

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; the negative number of the signal that ended it."""
        return self.process.returncode

    def last_words(self) -> str:
        return self.err_path.read_bytes()[-STDERR_TAIL_BYTES:].decode(errors="replace").strip()

    async def ready(self, pattern: str, deadline_s: float) -> re.Match[str]:
        """Waits for a line on standard output that matches the pattern."""
        give_up = asyncio.get_running_loop().time() + deadline_s
        while True:
            ended = (
                self.exit_code is not None
            )  # asked first: what it printed before its end still counts
            if match := re.search(
                pattern, self.out_path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
            ):
                return match
            if ended:
                problem = f"{self.name} ended with {self.exit_code} before it was ready"
                raise StartError(f"{problem}: {self.last_words()}", self.exit_code)
            if asyncio.get_running_loop().time() > give_up:
                raise StartError(
                    f"{self.name} was not ready in {deadline_s:.0f} s: {self.last_words()}"
                )
            await asyncio.sleep(POLL_S)

    async def end(self, number: int = signal.SIGTERM, deadline_s: float = 10.0) -> int:
        """Signals it and waits; SIGKILL when it does not go by itself. The exit code."""
        if self.exit_code is None:
            self.process.send_signal(number)
            try:
                async with asyncio.timeout(deadline_s):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        assert self.exit_code is not None
        return self.exit_code


async def start(
    name: str,
    command: list[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    outlives: bool = False,
) -> Child:
    """Starts a command. Unless it may outlive us the kernel kills it when we die, however that
    happens."""
    out, err = folder / f"{name}.out", folder / f"{name}.log"
    guard = [] if outlives else ["setpriv", "--pdeathsig", "KILL", "--"]
    with open(out, "wb") as out_file, open(err, "ab") as err_file:
        process = await asyncio.create_subprocess_exec(
            *guard,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out_file,
            stderr=err_file,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    return Child(name, process, out, err)


async def run_json(
    command: list[str], deadline_s: float = 10.0, environment: Mapping[str, str] | None = None
) -> Any:
    """Runs a command that prints one JSON object; raises StartError when it does not."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        async with asyncio.timeout(deadline_s):
            out, err = await process.communicate()
    except TimeoutError:
        raise StartError(f"{' '.join(command)} took longer than {deadline_s:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return json.loads(out)
    except ValueError:
        words = (err or out).decode(errors="replace").strip()[-STDERR_TAIL_BYTES:]
        raise StartError(f"{' '.join(command)} ended with {process.returncode}: {words}") from None
