#!/usr/bin/python3
"""The five-minute tour of README.md, run as it stands: a `sh` block is pasted into one bash, the `text` block that
follows it is what it prints."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

from support import BINARY, HERE, WAIT_S
from syncline_tools.ports import free_port

README = HERE.parents[1] / "README.md"
SECTION = "## Five minutes with it\n"
ADDRESS = "127.0.0.1:8080"
CONNECTORS = ("webhook.so", "jsonl.so")
# Commands that change nothing: who does not see yet what the tour shows asks again.
LOOKS = ("cat people.jsonl", "tail ", "wc ", "syncline status", "syncline dlq list", "syncline explain ")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SOCKET = re.compile(r"unix:/\S+/data/admin\.sock")
ID = re.compile(r"(?<![\d./])\d+\.\d+(?![\d.])")


@dataclass(frozen=True, slots=True)
class Step:
    """A block of commands and what it prints, which may be nothing."""

    line: int
    commands: str
    output: str

    def only_looks(self) -> bool:
        return all(command.startswith(LOOKS) for command in self.commands.splitlines())


def steps(readme: str) -> list[Step]:
    """The blocks of the section, in order; a line that ends in a backslash goes on in the next."""
    begin = readme.index(SECTION)
    section = readme[begin : readme.index("\n## ", begin)]
    found: list[Step] = []
    for block in re.finditer(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        kind, text = block[1], block[2]
        line = readme.count("\n", 0, begin + block.start()) + 1
        if kind == "sh":
            found.append(Step(line, text, ""))
        elif kind == "text" and found and not found[-1].output:
            found[-1] = Step(found[-1].line, found[-1].commands, re.sub(r"\\\n *", "", text))
        else:
            raise AssertionError(f"README.md:{line}: a `{kind}` block that belongs to no commands")
    return found


def comparable(output: str, ids: dict[str, str]) -> str:
    """Without what differs from run to run. An id becomes the order in which `ids` met it, so that an event has to be
    the same event wherever it is named."""
    output = SOCKET.sub("unix:SOCKET", TIME.sub("TIME", output))
    return ID.sub(lambda id_: ids.setdefault(id_[0], f"ID-{len(ids) + 1}"), output)


class Terminal:
    """One bash that is fed block by block; it and what it started end with `close`."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder), "NO_PROXY": "127.0.0.1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._pasted = 0
        self._mark = ""
        self._printed = ""

    def paste(self, commands: str) -> None:
        """Forgets what was printed so far."""
        assert self._process.stdin is not None
        self._pasted += 1
        self._mark = f"--- end of block {self._pasted} ---\n"
        self._printed = ""
        self._process.stdin.write(f"{commands}printf '%s' '{self._mark}'\n".encode())
        self._process.stdin.flush()

    def is_done(self) -> bool:
        """Whether the commands have ended; what they left in the background may print more."""
        return self._mark in self._printed

    def printed(self) -> str:
        return self._printed.replace(self._mark, "")

    def listen(self, wait_s: float) -> bool:
        """Waits for more output; false when none came."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], max(wait_s, 0))[0]:
            return False
        more = os.read(self._process.stdout.fileno(), 65536)
        if not more:
            raise AssertionError(f"bash has ended; it printed\n{self._printed}")
        self._printed += more.decode(errors="replace")
        return True

    def leave(self) -> int:
        """Ends the input, as Ctrl-D does: bash's exit code, when nobody holds its output any more."""
        rest, _ = self._process.communicate(timeout=WAIT_S)
        assert not rest, rest.decode()
        return self._process.returncode

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(WAIT_S)


class TourTest(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="syncline-tour."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        built = BINARY.resolve().parents[1]
        release = self.folder / "build/release"
        (release / "connectors").mkdir(parents=True)
        (release / "bin").mkdir()
        (release / "bin/syncline").symlink_to(BINARY.resolve())
        for name in CONNECTORS:
            shutil.copy(built / "connectors" / name, release / "connectors")
        self.terminal = Terminal(self.folder)
        self.addCleanup(self.terminal.close)
        self.shown: dict[str, str] = {}  # the ids of README.md
        self.met: dict[str, str] = {}  # those of this run

    def follow(self, step: Step) -> None:
        """Pastes the block until it prints what README.md says; only one that changes nothing is repeated."""
        wanted = comparable(step.output, self.shown)
        give_up = time.monotonic() + WAIT_S
        complete = ""
        self.terminal.paste(step.commands)
        while True:
            met = dict(self.met)
            printed = comparable(self.terminal.printed(), met)
            if self.terminal.is_done():
                if printed == wanted:
                    self.met = met
                    return
                complete = printed
            if time.monotonic() > give_up:
                self.assertEqual(complete or printed, wanted, f"README.md:{step.line}")
                self.fail(f"README.md:{step.line}: the commands did not end in {WAIT_S:.0f} s")
            more = self.terminal.listen(0.05 if step.only_looks() else give_up - time.monotonic())
            if not more and self.terminal.is_done() and step.only_looks():
                self.terminal.paste(step.commands)

    def test_the_tour_of_the_readme_does_what_it_says(self) -> None:
        readme = README.read_text(encoding="utf-8")
        tour = steps(readme.replace(ADDRESS, f"127.0.0.1:{free_port()}"))
        self.assertGreater(len(tour), 10, "blocks of commands in the section")
        for step in tour:
            self.follow(step)
        self.assertEqual(self.terminal.leave(), 0)


if __name__ == "__main__":
    unittest.main()
