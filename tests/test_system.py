"""Signals that ask a program to stop, wherever they land; a umask that takes too much away."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading

import pytest

from soret import system

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


@pytest.fixture(autouse=True)
def handlers(monkeypatch):
    """Install the handlers of the command line, and take them away again."""
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    monkeypatch.setattr(system, "_asked", system._Asked())
    system.stop_like_ctrl_c()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def in_garbage_collection(number):
    def callback(phase, info):
        if phase == "start":
            signal.raise_signal(number)

    gc.callbacks.append(callback)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(callback)


def in_a_finalizer(number):
    class Dying:
        def __del__(self):
            signal.raise_signal(number)

    Dying()


def in_an_error_of_a_library(number):
    with contextlib.suppress(RuntimeError):
        try:
            signal.raise_signal(number)
        except BaseException as error:
            raise RuntimeError("of its own") from error


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("lost", [in_garbage_collection, in_a_finalizer, in_an_error_of_a_library])
def test_a_signal_whose_exception_is_lost_is_raised_again(lost, number):
    """Catches: a run that goes on to its end, although Ctrl-C asked it to stop."""
    lost(number)
    for _ in range(2):  # it may be lost again
        with pytest.raises(KeyboardInterrupt):
            system.stop_if_asked()
    system.heard()
    system.stop_if_asked()
    assert system.ended_by() == (number if number == signal.SIGTERM else None)


def test_nobody_is_stopped_who_was_not_asked_or_on_another_thread():
    system.stop_if_asked()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    told = []

    def work():
        with system.stop_later():
            system.stop_if_asked()
        told.append("worked")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert told == ["worked"]


def loading(*numbers):
    with system.stop_later():
        with system.stop_later():
            for number in numbers:
                signal.raise_signal(number)
        loaded.append(numbers)


loaded: list[tuple[int, ...]] = []


def test_a_signal_waits_for_an_import_and_a_second_does_not():
    """Catches: a process that an extension module aborts, being interrupted while it loads."""
    loaded.clear()
    with pytest.raises(KeyboardInterrupt):
        loading(signal.SIGTERM)
    assert loaded == [(signal.SIGTERM,)]
    system.heard()
    with pytest.raises(KeyboardInterrupt):
        loading(signal.SIGINT, signal.SIGINT)
    assert len(loaded) == 1


def test_handlers_that_somebody_else_has_put_are_left():
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    system.stop_like_ctrl_c()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, mine)


LOST = """
import gc, signal, sys
from soret import cli

def callback(phase, info):
    gc.callbacks.remove(callback)
    signal.raise_signal({number})

def lose(*patterns):
    gc.callbacks.append(callback)
    gc.collect()
    return found(*patterns)

found, cli.find = cli.find, lose
sys.argv = ["soret", *{line!r}]
cli.main()
"""


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGINT, 130, ["list"]),
        (signal.SIGTERM, 143, ["list", "--json"]),
        (signal.SIGINT, 130, ["run", "thermophoresis/activation-rate"]),
    ],
)
def test_a_command_ends_with_its_status_where_the_exception_was_lost(
    number, status, line, tmp_path
):
    """Catches: status 0 of a command that was asked to stop."""
    done = subprocess.run(
        [sys.executable, "-c", LOST.format(number=int(number), line=line)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status
    assert done.stderr.splitlines()[-1] == "stopped"
    assert os.listdir(tmp_path) == []


LOADING = """
import signal, sys
from soret.__main__ import main

class Finder:
    def find_spec(name, path, target=None):
        if name == {name!r}:
            signal.raise_signal({number})

sys.meta_path.insert(0, Finder)
main()
"""


@pytest.mark.parametrize(
    ("number", "status", "name"),
    [
        (signal.SIGINT, 130, "soret.system"),
        (signal.SIGINT, 130, "soret.cli"),
        (signal.SIGTERM, 143, "typer"),
    ],
)
def test_a_signal_while_the_command_line_loads_is_one_word(number, status, name):
    """Catches: a traceback, or no word, of what is stopped before it has begun."""
    code = LOADING.format(number=int(number), name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr == "stopped\n"


@pytest.mark.parametrize("mask", [0o777, 0o700, 0o277])
def test_a_umask_takes_nothing_from_the_owner(mask):
    """Catches: an empty folder that nobody can open, left in the way."""
    before = os.umask(mask)
    try:
        system.keep_own_access()
        assert os.umask(before) == mask & 0o077
    finally:
        os.umask(before)
