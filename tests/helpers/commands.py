"""The command line in this process: a process of its own takes a second or two to start."""

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from soret import cli

Here = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Return a function that runs `soret` with arguments, in a folder, without a process."""

    def run(*args: Any, cwd: Path) -> CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["soret", *map(str, args)])
        capsys.readouterr()
        status = cli._status()
        said = capsys.readouterr()
        return CompletedProcess(sys.argv, status, said.out, said.err)

    return run
