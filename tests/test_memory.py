"""What may be allocated, and the sentence that refuses more."""

import subprocess
import sys

import pytest

from soret import memory
from soret.errors import SettingsError, TooMuchMemory


def test_what_is_refused_says_bytes_and_remedy() -> None:
    """Catches: a MemoryError or a killed process, minutes later, in place of a sentence."""
    memory.refuse_beyond(100, "a list", "use fewer", limit=100)
    sentence = "a list would take 3.0 GiB of memory, where 2.0 MiB may be used; use fewer."
    with pytest.raises(SettingsError) as caught:
        memory.refuse_beyond(3 * 2**30, "a list", "use fewer", limit=2**21)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1536, "1.5 KiB"), (2**50, "1,024.0 TiB")],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    """Catches: a unit off by a factor of 1024."""
    assert memory.readable(size) == text


def test_limit_of_the_address_space_counts() -> None:
    """Catches: a limit by `ulimit -v` that is found only by running into it."""
    pytest.importorskip("resource")
    code = (
        "import resource; from soret import memory\n"
        "used = memory.psutil.Process().memory_info().vms\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**28,) * 2)\n"
        "print(memory.free_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) <= 2**28


def test_limit_of_a_control_group_counts(tmp_path, monkeypatch) -> None:
    """Catches: a container's or a batch job's limit, beyond which the process is killed."""
    group = tmp_path / "job" / "step"
    group.mkdir(parents=True)
    (tmp_path / "own").write_text("9:name=systemd:/\n0::/job/step\n")
    for folder, most in ((group, "max"), (group.parent, str(2**30))):
        (folder / "memory.max").write_text(f"{most}\n")
        (folder / "memory.current").write_text(f"{2**29}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {2**20}\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_OWN_GROUP", tmp_path / "own")
    assert memory.free_bytes() == 2**29 + 2**20
    (tmp_path / "own").write_text("4:memory:/elsewhere\n")
    assert memory.free_bytes() > 2**30


def test_nothing_is_free_at_a_limit_that_is_passed(monkeypatch) -> None:
    """Catches: a negative limit, beyond which nothing would be said in sense."""
    monkeypatch.setattr(memory, "_left_of_limit", lambda: -5)
    assert memory.limit_bytes() == 0


def test_processes_share_what_is_free(monkeypatch) -> None:
    """Catches: two processes that each take four fifths of the memory."""
    monkeypatch.setattr(memory, "free_bytes", lambda: 1000)
    monkeypatch.setattr(memory._Sharing, "processes", 1)
    assert memory.limit_bytes() == 800
    memory.share_between(2)
    assert memory.limit_bytes() == 400
    with pytest.raises(TooMuchMemory, match="400 bytes may be used"):
        memory.refuse_beyond(500, "a list", "use fewer")
