"""Load on one server, and what came of it: bench_load (load.cpp) for servers that speak HTTP,
redis-benchmark for Redis."""

from __future__ import annotations

import asyncio
import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import RedisServer
from subjects import BODY_BYTES, Running
from syncline_tools.processes import StartError

WARM_UP_S = 1
WARM_UP_ADDS = 20_000
STREAM_LENGTH = 100_000  # what Redis keeps of what it was given


@dataclass(slots=True)
class Measurement:
    subject: str
    connections: int
    requests_per_s: float  # answered 2xx
    p50_ms: float
    p99_ms: float
    refused: int = 0  # answered otherwise
    delivered_per_s: float | None = None
    # Of what was acknowledged while the load lasted, how much was delivered while it lasted.
    delivered_share: float | None = None
    others_share: float = 0.0


async def warm_up(program: Path, running: Running | RedisServer, connections: int) -> int:
    """What the load has to know of it: the next request for a server, or additions a second.
    `program` is bench_load."""
    if isinstance(running, RedisServer):
        return int((await _redis_benchmark(running, connections, WARM_UP_ADDS))["rps"])
    # The load goes on there: a request sent twice in a row would change nothing the second time.
    return int((await _bench_load(program, running, connections, WARM_UP_S, 0))["next"])


async def drive(
    program: Path,
    running: Running | RedisServer,
    subject: str,
    connections: int,
    seconds: int,
    warm: int,
) -> Measurement:
    if isinstance(running, RedisServer):
        row = await _redis_benchmark(running, connections, max(1, warm) * seconds)
        return Measurement(
            subject, connections, row["rps"], row["p50_latency_ms"], row["p99_latency_ms"]
        )
    told = await _bench_load(program, running, connections, seconds, warm)
    rate = told["answered"] / told["seconds"]
    return Measurement(
        subject, connections, rate, told["p50_ms"], told["p99_ms"], told["refused"]
    )


async def _output(words: list[str]) -> str:
    """Of a load. A batch job to the scheduler: a sender does not take the processor from a server at
    every answer, since in earnest it is on another machine."""
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", "--", "chrt", "--batch", "0"),
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out = (await process.communicate())[0].decode(errors="replace")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise StartError(f"{words[0]} ended with {process.returncode}: {out.strip()}")
    return out


async def _bench_load(
    program: Path, running: Running, connections: int, seconds: int, first: int
) -> dict[str, Any]:
    """What bench_load prints; `first` is the request in the list of bodies to begin with."""
    words = [str(program), running.url, str(running.bodies), str(connections), str(seconds)]
    result: dict[str, Any] = json.loads(await _output([*words, str(first)]))
    return result


async def _redis_benchmark(running: RedisServer, connections: int, adds: int) -> dict[str, float]:
    where = ["-p", str(running.port)] if running.port else ["-s", str(running.socket)]
    words = ["redis-benchmark", *where, "-c", str(connections), "-n", str(adds)]
    words += ["--csv", "XADD", "bench", "MAXLEN", "~", str(STREAM_LENGTH), "*", "body"]
    out = await _output([*words, "x" * BODY_BYTES])
    rows = list(csv.DictReader(line for line in out.splitlines() if line.startswith('"')))
    if len(rows) != 1 or "rps" not in rows[0]:
        raise StartError(f"redis-benchmark's report is not understood: {out}")
    return {name: float(value) for name, value in rows[0].items() if name != "test"}
