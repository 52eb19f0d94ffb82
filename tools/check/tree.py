"""The files of the project, and what a check has to say about them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NOT_SOURCES = {".git", "build", "data", "__pycache__"}
CPP = {".hpp", ".cpp", ".h", ".c"}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One line that breaks a rule; line 0 is the file as a whole."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}" if self.line else f"{self.path}: {self.what}"


@dataclass(frozen=True, slots=True)
class Source:
    path: str  # relative to the root of the project, with `/`
    content: bytes

    @property
    def is_cpp(self) -> bool:
        return Path(self.path).suffix in CPP

    @property
    def is_text(self) -> bool:
        return b"\0" not in self.content

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")


class Tree:
    """Reads nothing that a build, a test or version control put there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def sources(self, *folders: str) -> Iterator[Source]:
        """Every file below the folders (of the whole project without any), in a stable order."""
        for folder in folders or ("",):
            for path in self._walk(self.root / folder):
                yield Source(path.relative_to(self.root).as_posix(), path.read_bytes())

    def _walk(self, folder: Path) -> Iterator[Path]:
        for name, folders, files in os.walk(folder):
            here = Path(name)
            is_root = here == self.root
            folders[:] = sorted(f for f in folders if f not in NOT_SOURCES or (f == "data" and not is_root))
            for file in sorted(files):
                if file not in NOT_SOURCES and not (here / file).is_symlink() and not file.endswith(".pyc"):
                    yield here / file


def without_comments_and_texts(text: str) -> str:
    """C++ with comments and the insides of literals blanked out; every line and column stays where it is."""
    out = list(text)
    i = 0

    def blank(begin: int, end: int) -> None:
        for k in range(begin, min(end, len(text))):
            if out[k] != "\n":
                out[k] = " "

    def find_end(mark: str, begin: int) -> int:
        end = text.find(mark, begin)
        return len(text) if end < 0 else end + len(mark)

    while i < len(text):
        begin = i
        if text.startswith("//", i):
            i = find_end("\n", i)
            blank(begin, i)
        elif text.startswith("/*", i):
            i = find_end("*/", i + 2)
            blank(begin, i)
        elif text.startswith('R"', i) and not (i and (text[i - 1].isalnum() or text[i - 1] == "_")):
            opening = text.find("(", i)
            i = find_end(")" + text[i + 2 : opening] + '"', opening) if opening >= 0 else len(text)
            blank(begin + 2, i - 1)
        elif text[i] in "\"'" and not (text[i] == "'" and i and text[i - 1].isalnum()):
            quote = text[i]
            i += 1
            while i < len(text) and text[i] not in (quote, "\n"):
                i += 2 if text[i] == "\\" else 1
            blank(begin + 1, i)
            i += 1
        else:
            i += 1
    return "".join(out)
