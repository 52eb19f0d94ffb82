"""Plain text for a person: aligned lines and small tables; colour only on a terminal, never with
NO_COLOR."""

from __future__ import annotations

import os
from typing import TextIO

COLOURS = {"good": "\033[32m", "bad": "\033[31m", "strong": "\033[1m"}
LABEL_WIDTH = 10


class Teller:
    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colour = out.isatty() and not os.environ.get("NO_COLOR")

    def line(self, label: str, text: str, style: str = "strong") -> None:
        print(f"{self.paint(f'{label:<{LABEL_WIDTH}}', style)} {text}", file=self._out, flush=True)

    def table(self, header: list[str], rows: list[list[str]]) -> None:
        """The first column to the left, numbers to the right."""
        widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
        print(file=self._out)
        for row in [header, *rows]:
            cells = [row[0].ljust(widths[0])] + [
                cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
            ]
            print(f"  {'   '.join(cells)}", file=self._out)
        print(file=self._out, flush=True)

    def end(self, passed: bool, text: str) -> None:
        word = self.paint("PASSED", "good") if passed else self.paint("FAILED", "bad")
        print(f"\n{word}  {text}", file=self._out, flush=True)

    def paint(self, text: str, style: str) -> str:
        return f"{COLOURS[style]}{text}\033[0m" if self._colour else text
