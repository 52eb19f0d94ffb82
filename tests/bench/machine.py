"""What the machine does besides the measurement, and how long its disk takes to make bytes
durable."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from syncline_tools.statistics import percentile

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
FSYNC_PROBES = 400
PROBE_BYTES = 4096


@dataclass(slots=True)
class CpuSample:
    """CPU seconds since the start of the machine and of the processes."""

    at: float
    busy_s: float
    ours_s: float


def sample(pids: Iterable[int]) -> CpuSample:
    """`ours` are the given processes, this one, and the children of this one that have ended."""
    own = os.times()
    ours_s = (
        own.user
        + own.system
        + own.children_user
        + own.children_system
        + sum(_process_s(pid) for pid in pids)
    )
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, steal = fields[0], fields[1], fields[2], fields[7]
    return CpuSample(time.monotonic(), (user + nice + system + steal) / TICKS_PER_S, ours_s)


def others_share(before: CpuSample, after: CpuSample) -> float:
    """How much of one core was used by others in between: 1.0 is a whole core."""
    others_s = (after.busy_s - before.busy_s) - (after.ours_s - before.ours_s)
    return max(0.0, others_s / max(after.at - before.at, 1e-6))


def _process_s(pid: int) -> float:
    # The command's name may hold spaces; what follows its closing parenthesis does not.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def fsync_us(folder: Path) -> dict[str, float]:
    """Overwriting 4 KiB of a preallocated file and fdatasync: what one group commit waits for."""
    path = folder / "fsync-probe"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, PROBE_BYTES * FSYNC_PROBES)
        os.pwrite(descriptor, bytes(PROBE_BYTES * FSYNC_PROBES), 0)
        os.fsync(descriptor)
        times = []
        for number in range(FSYNC_PROBES):
            started = time.perf_counter()
            os.pwrite(descriptor, b"x" * PROBE_BYTES, number * PROBE_BYTES)
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - started)
    finally:
        os.close(descriptor)
        path.unlink()
    return {
        "p50": round(percentile(times, 0.5) * 1e6, 1),
        "p99": round(percentile(times, 0.99) * 1e6, 1),
    }


def describe() -> str:
    """Processor, cores and memory in one line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, Linux {os.uname().release}"
