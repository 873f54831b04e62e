"""Downloads from a server on this machine: what arrives whole is kept, and nothing else."""

import dataclasses
import gzip
import hashlib
import io
import multiprocessing
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from soret import data
from soret.data import lookup
from soret.data.download import RemoteFile, fetch
from soret.errors import DataError, SettingsError

IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


class Server:
    """Serves `files` (path to content), and misbehaves as told."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut = 0
        """How many bytes to withhold of those that Content-Length announces."""
        self.announce = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                if outer.announce:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) - outer.cut])

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server(places, monkeypatch):
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv(lookup.MIRROR_VARIABLE, server.url)
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def remote_file(name, content, unpack=None):
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest(), unpack)


@pytest.fixture
def mnist(server, tmp_path, write_mnist, monkeypatch):
    """Twelve images of MNIST on the server, known by their checksums; returns the cache folder."""
    origin = write_mnist(tmp_path / "origin")
    contents = {name: (origin / name).read_bytes() for name in (IMAGES, LABELS)}
    server.files = {f"/mnist/{name}": content for name, content in contents.items()}
    known = dataclasses.replace(
        lookup.COLLECTIONS["mnist"],
        originals={"train": tuple(remote_file(*item) for item in contents.items())},
    )
    monkeypatch.setitem(lookup.COLLECTIONS, "mnist", known)
    return lookup.cache_root() / "mnist"


def kept(folder):
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def silent(name, done, total):
    pass


def test_good(server, mnist):
    seen = []
    dataset = data.load("mnist", progress=lambda *now: seen.append(now))
    assert dataset.description == "MNIST (12 of 60,000 training images)"
    assert kept(mnist) == [IMAGES, LABELS]
    assert server.asked == [f"/mnist/{IMAGES}", f"/mnist/{LABELS}"]
    sizes = {path.name: path.stat().st_size for path in mnist.iterdir()}
    assert {name: (done, total) for name, done, total in seen} == {
        name: (size, size) for name, size in sizes.items()
    }
    data.load("mnist", download=False)
    assert len(server.asked) == 2


@pytest.mark.parametrize("progress", [True, False])
def test_progress_draws_nothing_where_no_terminal_is(mnist, progress, capfd):
    data.load("mnist", progress=progress)
    assert capfd.readouterr() == ("", "")


def test_progress_on_a_terminal(mnist, monkeypatch, capfd):
    monkeypatch.setattr("soret.streams.is_terminal", lambda stream: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    data.load("mnist")
    out, err = capfd.readouterr()
    assert out == ""
    assert "train-images" in err


def test_wrong_checksum(server, mnist):
    content = server.files[f"/mnist/{LABELS}"]
    server.files[f"/mnist/{LABELS}"] = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(DataError, match=f"{LABELS} .*has the SHA-256"):
        data.load("mnist")
    assert kept(mnist) == [IMAGES]


def test_what_had_arrived_is_not_fetched_again(server, mnist):
    labels = server.files.pop(f"/mnist/{LABELS}")
    with pytest.raises(DataError, match="404"):
        data.load("mnist")
    server.files[f"/mnist/{LABELS}"] = labels
    server.asked.clear()
    data.load("mnist")
    assert server.asked == [f"/mnist/{LABELS}"]


@pytest.mark.parametrize(
    ("announce", "message"),
    [(True, "the connection failed"), (False, r"sent \S+ of the \S+ bytes")],
)
def test_cut_off(server, mnist, announce, message):
    server.cut, server.announce = 20, announce
    with pytest.raises(DataError, match=message):
        data.load("mnist")
    assert kept(mnist) == []


def test_cut_off_in_the_middle(server, mnist, monkeypatch):
    content = np.random.default_rng(0).bytes(1 << 20)
    known = lookup.COLLECTIONS["mnist"]
    originals = {"train": (remote_file(IMAGES, content), known.originals["train"][1])}
    monkeypatch.setitem(
        lookup.COLLECTIONS, "mnist", dataclasses.replace(known, originals=originals)
    )
    server.files[f"/mnist/{IMAGES}"] = content
    server.cut = 1 << 19
    with pytest.raises(DataError, match=r"broke off after [\d,]+ bytes"):
        data.load("mnist")
    assert kept(mnist) == []


def test_too_long(server, mnist):
    server.files[f"/mnist/{IMAGES}"] = bytes(1 << 22)
    with pytest.raises(DataError, match="sends more than the"):
        data.load("mnist")
    assert kept(mnist) == []


def test_page_that_is_no_data(server, mnist):
    server.files[f"/mnist/{IMAGES}"] = b"<html>"
    with pytest.raises(DataError, match="sent 6 of the"):
        data.load("mnist")
    assert kept(mnist) == []


def test_not_there(server, mnist, places):
    server.files.clear()
    with pytest.raises(DataError) as caught:
        data.load("mnist")
    message = str(caught.value)
    assert f"{server.url}/mnist/{IMAGES}: the server answered 404 Not Found" in message
    assert f"put {IMAGES}, {LABELS} into {places.user / 'mnist'}" in message
    assert kept(mnist) == []


def test_no_network(places):
    with pytest.raises(DataError, match=r"connection failed \(ConnectionError\)") as caught:
        data.load("mnist")
    message = str(caught.value)
    assert "\n" not in message
    for part in (places.cache / "mnist", places.system / "mnist", IMAGES, LABELS):
        assert str(part) in message
    assert kept(places.cache / "mnist") == []


def test_interrupted(mnist):
    def interrupt(name, done, total):
        assert [part for part in kept(mnist) if part.startswith(".partial-")]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        data.load("mnist", progress=interrupt)
    assert kept(mnist) == []


def test_error_of_the_caller_s_progress_is_not_taken_for_the_network_s(mnist):
    def broken(name, done, total):
        raise ValueError("a mistake of the caller's")

    with pytest.raises(ValueError, match="a mistake"):
        data.load("mnist", progress=broken)
    assert kept(mnist) == []


def test_next_mirror(server, mnist, monkeypatch):
    monkeypatch.delenv(lookup.MIRROR_VARIABLE)
    known = dataclasses.replace(
        lookup.COLLECTIONS["mnist"],
        mirrors=(f"{server.url}/absent/", f"{server.url}/mnist/"),
    )
    monkeypatch.setitem(lookup.COLLECTIONS, "mnist", known)
    assert len(data.load("mnist")) == 12


def test_mirror_that_is_no_url(places, monkeypatch):
    monkeypatch.setenv(lookup.MIRROR_VARIABLE, "/srv/data")
    with pytest.raises(SettingsError, match="should be a URL"):
        data.load("mnist")


def test_folder_that_cannot_be_written(server, mnist):
    mnist.parent.mkdir()
    mnist.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be written"):
        data.load("mnist")


@pytest.fixture
def cifar(server, cifar_bytes, monkeypatch):
    """An archive with one image a batch on the server; returns the cache folder."""
    names = [f"data_batch_{n}.bin" for n in range(1, 6)] + ["test_batch.bin"]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for label, name in enumerate(names):
            content = cifar_bytes(np.array([label]))
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    known = lookup.COLLECTIONS["cifar-10"]
    archive = remote_file(known.archive.name, buffer.getvalue(), known.archive.unpack)
    monkeypatch.setitem(lookup.COLLECTIONS, "cifar-10", dataclasses.replace(known, archive=archive))
    server.files = {f"/cifar-10/{archive.name}": buffer.getvalue()}
    return lookup.cache_root() / "cifar-10"


def test_archive(server, cifar):
    assert data.load("cifar-10").labels.tolist() == [0, 1, 2, 3, 4]
    assert data.load("cifar-10", "test").labels.tolist() == [5]
    assert len(server.asked) == 1
    assert len(kept(cifar)) == 6


def test_damaged_archive(server, cifar):
    (url,) = server.files
    server.files[url] = server.files[url][:-9] + bytes(9)
    with pytest.raises(DataError, match="where the original has"):
        data.load("cifar-10")
    assert kept(cifar) == []


def _fetch_often(url, folder, content):
    for _ in range(20):
        fetch(remote_file("file", content), folder, (url,), silent)


def test_two_at_once(server, tmp_path):
    content = gzip.compress(np.random.default_rng(0).bytes(1 << 17))
    server.files = {"/file": content}
    folder = tmp_path / "shared"
    workers = [
        multiprocessing.get_context("spawn").Process(
            target=_fetch_often, args=(f"{server.url}/", folder, content)
        )
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    # Whatever moment a reader picks, the file is absent or whole.
    while any(worker.is_alive() for worker in workers):
        path = folder / "file"
        assert not path.exists() or path.read_bytes() == content
        for worker in workers:
            worker.join(0.001)
    for worker in workers:
        assert worker.exitcode == 0
        worker.close()
    assert kept(folder) == ["file"]


def test_known_files_are_well_formed():
    for collection in lookup.COLLECTIONS.values():
        assert all(re.fullmatch(r"https?://\S+/", mirror) for mirror in collection.mirrors)
        for split in collection.counts:
            for remote in collection.remote(split):
                assert re.fullmatch(r"[0-9a-f]{64}", remote.sha256)
                assert remote.size > 0
