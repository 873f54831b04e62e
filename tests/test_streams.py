"""Standard streams that lack letters, are full, closed or gone, in this process where that goes."""

import io
import json
import os
import sys

import pytest
from rich.table import Table

from soret import bars, streams
from soret.bars import Bars
from soret.streams import ENCODING_ERRORS, Terminal, _Kept, _tolerant, finish, json_line


def shown(text: str, encoding: str) -> str:
    return text.encode(encoding, ENCODING_ERRORS).decode(encoding)


@pytest.mark.parametrize(
    ("text", "encoding", "seen"),
    [
        ("steps × η²", "ascii", "steps x ?2"),
        ("steps × η²", "latin-1", "steps × ?²"),
        ("1 − 2 → ∞", "cp1252", "1 - 2 > ?"),
        ("Å ≤ ½", "ascii", "A < 1"),
        ("ruñ-\udcff", "utf-8", "ruñ-\\xff"),
        ("\ud800", "utf-8", "?"),
        ("温度", "ascii", "??"),
    ],
)
def test_letters_that_an_encoding_lacks_are_shown_by_close_ones(text, encoding, seen):
    """Catches: UnicodeEncodeError from every command where output is not UTF-8."""
    assert shown(text, encoding) == seen


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_stays_json_whatever_the_encoding(encoding, monkeypatch):
    """Catches: "?" inside of JSON, or JSON that ends in the middle."""
    raw = io.BytesIO()
    monkeypatch.setattr(
        sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors=ENCODING_ERRORS)
    )
    content = {"where": "runs/\udce9", "statement": "η² − 1"}
    print(json_line(content), flush=True)
    assert json.loads(raw.getvalue().decode(encoding)) == content


@pytest.mark.parametrize("width", ["0", "1", "39", "1000000000", "-3", "wide"])
def test_tables_are_readable_whatever_the_width_is_said_to_be(width, monkeypatch):
    """Catches: a column of box-drawing at COLUMNS=1; memory that ends at COLUMNS=1000000000."""
    monkeypatch.setenv("COLUMNS", width)
    text = io.StringIO()
    table = Table("setting", "meaning")
    table.add_row("rate", "of learning")
    Terminal(file=text).print(table)
    assert "of learning" in text.getvalue()
    assert max(map(len, text.getvalue().splitlines())) <= 1000


def _into(number: int, monkeypatch: pytest.MonkeyPatch) -> io.TextIOWrapper:
    stream = io.TextIOWrapper(
        io.BufferedWriter(_Kept(number)), encoding="utf-8", errors=ENCODING_ERRORS
    )
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device")
@pytest.mark.parametrize(("before", "after"), [(0, 1), (2, 2), (130, 130)])
def test_a_full_device_is_said_once_and_ends_nothing(before, after, monkeypatch, capsys):
    """Catches: a traceback instead of the results; a status of 0 although they are lost."""
    with open("/dev/full", "wb", buffering=0) as full:
        stream = _into(full.fileno(), monkeypatch)
        for _ in range(3):
            print("results" * 10_000, flush=True)
        assert finish(before) == after
        assert capsys.readouterr().err.count("No space left on device") == 1
        stream.detach()


@pytest.mark.parametrize(("before", "after"), [(0, 141), (1, 1)])
def test_a_reader_who_leaves_ends_it_quietly(before, after, monkeypatch, capsys):
    """Catches: BrokenPipeError, or a sentence about it, from `soret list | head -1`."""
    reader, writer = os.pipe()
    stream = _into(writer, monkeypatch)
    print("first", flush=True)
    assert os.read(reader, 10) == b"first\n"
    os.close(reader)
    print("second", flush=True)
    assert finish(before) == after
    assert capsys.readouterr().err == ""
    stream.detach()
    os.close(writer)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_a_terminal_that_goes_away_ends_nothing(monkeypatch, capsys):
    """Catches: a disowned run that ends when its window is closed."""
    import pty

    here, there = pty.openpty()
    stream = _into(there, monkeypatch)
    assert stream.isatty()
    os.close(here)
    print("results", flush=True)
    assert finish(0) == 0
    assert capsys.readouterr().err == ""
    stream.detach()
    os.close(there)


def test_a_slow_reader_gets_all_of_it(monkeypatch):
    """Catches: what is lost where a terminal answers "later", as one shared with a server does."""
    import threading

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    stream = _into(writer, monkeypatch)
    got = []

    def read():
        while part := os.read(reader, 4096):
            got.append(part)

    thread = threading.Thread(target=read)
    thread.start()
    print("x" * 500_000, flush=True)
    assert finish(0) == 0
    stream.detach()
    os.close(writer)
    thread.join()
    os.close(reader)
    assert len(b"".join(got)) == 500_001


@pytest.mark.parametrize("stream", [None, "closed", "broken"])
def test_no_stream_is_no_terminal(stream):
    """Catches: AttributeError from a daemon, whose standard error is None."""
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    elif stream == "broken":
        stream = object()
    assert not streams.is_terminal(stream)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
@pytest.mark.parametrize("how", ["gone", "closed", "pipe"])
def test_a_bar_that_cannot_be_written_is_dropped_and_said_once(how, monkeypatch, caplog):
    """Catches: the progress bar that ends a run."""
    import pty

    here, there = pty.openpty() if how != "pipe" else os.pipe()
    stream = open(there, "w", buffering=1, closefd=False)  # noqa: SIM115
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    bars = Bars()
    bars.draw("work", 1, 3)
    if how == "closed":
        stream.close()
    os.close(here)
    for done in (2, 3, 3):
        bars.draw("work", done, 3)
    bars.close()
    assert sys.stderr is stream
    assert [record.name for record in caplog.records] == ["soret"]
    with pytest.raises((OSError, ValueError)):
        stream.write("x\n")
    os.close(there)


def test_bars_of_another_process_are_told(monkeypatch, capsys):
    """Catches: bars of several processes over each other on one terminal."""
    told = []
    monkeypatch.setattr(bars._Elsewhere, "tell", None)
    bars.send_to(told.append)
    shown = Bars()
    for done in (1, 2, 3):  # the second comes too soon after the first to be looked at
        shown.draw("work", done, 3)
    shown.close()
    assert told == [("work", 1, 3), ("work", 3, 3), None]
    assert capsys.readouterr().err == ""


def test_a_stream_that_is_closed_gets_the_null_device_and_not_the_next_file(tmp_path):
    """Catches: a file of data that gets number 2, and what XLA says on standard error."""
    import subprocess

    code = (
        "import os, sys\n"
        "from soret import streams\n"
        "for number in range(3): os.close(number)\n"
        "sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None\n"
        "streams.prepare()\n"
        f"file = open({str(tmp_path / 'data')!r}, 'w')\n"
        "os.write(2, b'said by a library')\n"
        "print('shown'); print('told', file=sys.stderr)\n"
        "file.write(str(file.fileno())); file.close()\n"
        "sys.exit(streams.finish(0))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "data").read_text() == "3"


def test_an_error_of_the_program_is_not_hidden():
    """Catches: a defect that is told as if the system had refused something."""
    from soret.system import refusal

    for error in (RuntimeError("a defect"), ValueError("x"), ImportError("no module")):
        assert refusal(error) is None


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(28, "No space left on device", "runs/x/data"), "No space left on device: runs/x"),
        (PermissionError(13, "Permission denied", "a", None, "b"), "Permission denied: a and b"),
        (OSError("odd"), "odd"),
        (MemoryError(), "not enough memory"),
        (
            ImportError("libjax_common.so: failed to map segment from shared object"),
            "not enough memory",
        ),
        (MemoryError("Unable to allocate 7 GiB"), "7 GiB"),
        (RuntimeError("can't start new thread"), "no more threads"),
        (
            type("XlaRuntimeError", (RuntimeError,), {})("RESOURCE_EXHAUSTED: 8 bytes"),
            "not enough memory",
        ),
    ],
)
def test_what_the_system_refuses_is_a_sentence(error, says):
    """Catches: a traceback for a full disk."""
    from soret.system import refusal

    assert says in (refusal(error) or "")


def test_only_streams_of_the_process_are_replaced(capsys, monkeypatch):
    """Catches: a notebook's or a test's stream that stops to listen."""
    before = sys.stdout
    streams.prepare()
    assert sys.stdout is before
    assert _tolerant(1, None).encoding == "utf-8"
