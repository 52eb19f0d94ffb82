"""Pangolin as a process of its own: started, told how to behave, asked what it has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .http_load import call
from .processes import Child, start

COMMAND = Path(__file__).resolve().parents[2] / "pangolin"
READY = r"^pangolin ready (http://\S+:(\d+))$"


@dataclass(slots=True)
class RunningPangolin:
    child: Child
    url: str
    port: int

    async def control(self, **settings: object) -> None:
        await call("127.0.0.1", self.port, "PUT", "/control", settings)

    async def state(self) -> Any:
        return (await call("127.0.0.1", self.port, "GET", "/control/state")).json()


async def start_pangolin(
    folder: Path, deadline_s: float, outlives: bool = False
) -> RunningPangolin:
    """On a free port, with its log in the folder; raises StartError."""
    log = str(folder / "pangolin.jsonl")
    command = [str(COMMAND), "--listen", "127.0.0.1:0", "--log", log]
    child = await start("pangolin", command, folder, outlives=outlives)
    try:
        match = await child.ready(READY, deadline_s)
    except BaseException:
        await child.end()
        raise
    return RunningPangolin(child, match[1], int(match[2]))
