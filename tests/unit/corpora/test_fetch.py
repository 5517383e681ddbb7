import hashlib
import io
import json
import socket
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.range_server import RangeServer
from todserve.corpora.files.download import ATTEMPTS, Downloader
from todserve.corpora.files.extraction import tree_checksum
from todserve.corpora.files.published_corpus import run_get
from todserve.runtime.errors import CorpusError

TRAIN = b"text,category\nwhere is my card,card_arrival\n" * 500
TEST = b"text,category\nis it lost,lost_card\n"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def manifest(scratch: Path, **keys: Any) -> Path:
    file = scratch / "manifest.json"
    whole = {"name": "banking77", "verified_online": True, "note": "a test", **keys}
    file.write_text(json.dumps(whole), "utf-8")
    return file


def entry(path: str, content: bytes, *urls: str) -> dict[str, Any]:
    return {
        "path": path,
        "urls": [f"https://publisher.example{url}" for url in urls or (f"/c/{path}",)],
        "sha256": sha(content),
        "bytes": len(content),
    }


def both(scratch: Path) -> Path:
    return manifest(scratch, files=[entry("train.csv", TRAIN), entry("test.csv", TEST)])


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def get(scratch: Path, server: RangeServer, file: Path) -> Path:
    return run_get("banking77", scratch / "out", url_base=server.url, pause=0, manifest_file=file)


def test_a_corpus_is_fetched_verified_and_found_by_its_readers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RangeServer({"/c/train.csv": TRAIN, "/c/test.csv": TEST}) as server:
        folder = get(tmp_path, server, both(tmp_path))
    assert (folder / "train.csv").read_bytes() == TRAIN
    assert left(tmp_path / "out") == ["test.csv", "train.csv"]
    printed = capsys.readouterr().out
    assert "Banking77, licence CC BY 4.0" in printed
    assert "2 of 2 files and archives fetched, all verified" in printed
    assert f"set TOD_DATA={tmp_path / 'out'}" in printed
    from todserve.corpora.registry import load

    assert next(load("banking77", "test", tmp_path / "out")).turns[0].intent == "lost_card"


def test_what_is_there_and_right_is_not_fetched_again(tmp_path: Path) -> None:
    with RangeServer({"/c/train.csv": TRAIN, "/c/test.csv": TEST}) as server:
        folder = get(tmp_path, server, both(tmp_path))
        (folder / "test.csv").write_bytes(b"spoilt")
        server.requests.clear()
        get(tmp_path, server, both(tmp_path))
        assert [path for path, _ in server.requests] == ["/c/test.csv"]
    assert (folder / "test.csv").read_bytes() == TEST


def test_a_transfer_that_breaks_off_goes_on_where_it_ended(tmp_path: Path) -> None:
    with RangeServer({"/c/train.csv": TRAIN}, break_after=(1000, 5000)) as server:
        get(tmp_path, server, manifest(tmp_path, files=[entry("train.csv", TRAIN)]))
        assert [asked for _, asked in server.requests] == [None, "bytes=1000-", "bytes=6000-"]
    assert (tmp_path / "out/banking77/train.csv").read_bytes() == TRAIN


def test_a_later_call_goes_on_with_what_an_earlier_one_left(tmp_path: Path) -> None:
    file = manifest(tmp_path, files=[entry("train.csv", TRAIN)])
    with RangeServer({"/c/train.csv": TRAIN}, break_after=(100,) * ATTEMPTS) as server:
        with pytest.raises(CorpusError, match=r"broke off 5 times .*500 bytes are kept in"):
            get(tmp_path, server, file)
        assert not (tmp_path / "out/banking77/train.csv").exists()
        server.requests.clear()
        get(tmp_path, server, file)
        assert server.requests == [("/c/train.csv", "bytes=500-")]
    assert left(tmp_path / "out") == ["train.csv"]
    assert (tmp_path / "out/banking77/train.csv").read_bytes() == TRAIN


def test_a_server_without_ranges_sends_the_whole_file_again(tmp_path: Path) -> None:
    with RangeServer({"/c/train.csv": TRAIN}, break_after=(1000,), ranges=False) as server:
        get(tmp_path, server, manifest(tmp_path, files=[entry("train.csv", TRAIN)]))
    assert (tmp_path / "out/banking77/train.csv").read_bytes() == TRAIN


def test_a_part_that_was_spoilt_between_calls_is_dropped(tmp_path: Path) -> None:
    file = manifest(tmp_path, files=[entry("train.csv", TRAIN)])
    with RangeServer({"/c/train.csv": TRAIN}, break_after=(100,) * ATTEMPTS) as server:
        with pytest.raises(CorpusError):
            get(tmp_path, server, file)
        (part,) = (tmp_path / "out/banking77").iterdir()
        part.write_bytes(b"x" * (len(TRAIN) + 7))
        get(tmp_path, server, file)
    assert (tmp_path / "out/banking77/train.csv").read_bytes() == TRAIN


def test_another_content_is_refused_and_kept_from_its_place(tmp_path: Path) -> None:
    changed = TRAIN.replace(b"where", b"there")
    with (
        RangeServer({"/c/train.csv": changed}) as server,
        pytest.raises(CorpusError) as refused,
    ):
        get(tmp_path, server, manifest(tmp_path, files=[entry("train.csv", TRAIN)]))
    message = str(refused.value)
    assert f"got {len(changed)} bytes with sha256 {sha(changed)}" in message
    assert f"expected sha256 {sha(TRAIN)}" in message
    assert "fetch it by hand" in message
    assert left(tmp_path / "out") == []


def test_a_file_that_was_there_survives_a_refused_one(tmp_path: Path) -> None:
    target = tmp_path / "out/banking77/train.csv"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"the user's own")
    with RangeServer({"/c/train.csv": b"wrong"}) as server, pytest.raises(CorpusError):
        get(tmp_path, server, manifest(tmp_path, files=[entry("train.csv", TRAIN)]))
    assert target.read_bytes() == b"the user's own"


def test_of_two_addresses_the_one_with_the_right_content_is_taken(tmp_path: Path) -> None:
    files = {"/old/train.csv": b"an older one", "/new/train.csv": TRAIN}
    one = entry("train.csv", TRAIN, "/gone/train.csv", "/old/train.csv", "/new/train.csv")
    with RangeServer(files) as server:
        get(tmp_path, server, manifest(tmp_path, files=[one]))
        assert [path for path, _ in server.requests] == [
            "/gone/train.csv",
            "/old/train.csv",
            "/new/train.csv",
        ]
    assert left(tmp_path / "out") == ["train.csv"]


def test_a_file_that_moved_is_named_with_its_status(tmp_path: Path) -> None:
    with (
        RangeServer({}) as server,
        pytest.raises(CorpusError, match=r"/c/train\.csv: got HTTP 404"),
    ):
        get(tmp_path, server, both(tmp_path))


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    with RangeServer({"/c/train.csv": TRAIN}, busy=2) as server:
        get(tmp_path, server, manifest(tmp_path, files=[entry("train.csv", TRAIN)]))
        assert len(server.requests) == 3


def test_without_a_network_the_message_says_what_to_do_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    file = both(tmp_path)
    with pytest.raises(CorpusError) as refused:
        run_get(
            "banking77", tmp_path / "out", url_base=f"http://127.0.0.1:{port}", manifest_file=file
        )
    message = str(refused.value)
    assert "the connection was refused; Banking77 was not fetched" in message
    assert "HTTPS_PROXY" in message
    target = tmp_path / "out/banking77/train.csv"
    assert f"https://publisher.example/c/train.csv -> {target}" in message
    assert f"set TOD_DATA={tmp_path / 'out'}" in message


def test_the_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://publisher.invalid/c/test.csv"
    # A proxy is asked for the whole address.
    with RangeServer({url: TEST}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        Downloader(pause=0).fetch([url], tmp_path / "test.csv", sha256=sha(TEST))
    assert (tmp_path / "test.csv").read_bytes() == TEST


def test_progress_counts_the_bytes_that_arrive(tmp_path: Path) -> None:
    arrived: list[int] = []
    with RangeServer({"/test.csv": TEST}) as server:
        Downloader(pause=0, received=arrived.append).fetch(
            [f"{server.url}/test.csv"], tmp_path / "test.csv", sha256=None
        )
    assert sum(arrived) == len(TEST)


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"inside/{name}.csv", content)
            archive.writestr(f"__MACOSX/inside/{name}.csv", b"attributes")
    return packed.getvalue()


def zip_of_test(content: bytes) -> dict[str, Any]:
    member = {"inner": "test.csv", "path": "parts/test.csv", "sha256": sha(content)}
    return {"url": "https://publisher.example/c.zip", "format": "zip", "members": [member]}


def test_files_of_a_zip_archive_are_verified_one_by_one(tmp_path: Path) -> None:
    file = manifest(tmp_path, archives=[zip_of_test(TEST)])
    with RangeServer({"/c.zip": zipped(test=TEST, other=TRAIN)}) as server:
        get(tmp_path, server, file)
        get(tmp_path, server, file)
        assert len(server.requests) == 1
    assert left(tmp_path / "out") == ["test.csv"]
    assert (tmp_path / "out/banking77/parts/test.csv").read_bytes() == TEST


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(test=TRAIN), r"test\.csv has sha256 .* expected"),
        (zipped(other=TEST), r"holds no 'test\.csv'"),
        (b"no zip at all", "is no whole archive"),
    ],
)
def test_another_zip_archive_is_refused_and_dropped(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = manifest(tmp_path, archives=[zip_of_test(TEST)])
    with RangeServer({"/c.zip": content}) as server, pytest.raises(CorpusError, match=message):
        get(tmp_path, server, file)
    assert left(tmp_path / "out") == []


def tarred(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def test_a_tree_of_files_has_one_checksum(tmp_path: Path) -> None:
    wanted = {"dialogues/1.json": b"[1]", "dialogues/2.json": b"[2]"}
    outside = {"repo-1/../../escape.json": b"!", "repo-1/README.md": b"no"}
    tree = {"patterns": ["dialogues/*.json"], "files": 2, "sha256": tree_checksum(wanted)}
    archive = {"url": "https://publisher.example/c.tgz", "format": "tar.gz", "tree": tree}
    file = manifest(tmp_path, archives=[archive])
    packed = tarred({f"repo-1/{name}": content for name, content in wanted.items()} | outside)
    with RangeServer({"/c.tgz": packed}) as server:
        get(tmp_path, server, file)
        get(tmp_path, server, file)
        assert len(server.requests) == 1
    assert left(tmp_path / "out") == ["1.json", "2.json"]
    changed = tarred({"repo-1/dialogues/1.json": b"[1]"})
    (tmp_path / "out/banking77/dialogues/2.json").unlink()
    with (
        RangeServer({"/c.tgz": changed}) as server,
        pytest.raises(CorpusError, match=r"1 files .* expected 2 files"),
    ):
        get(tmp_path, server, file)


def test_a_corpus_without_known_addresses_is_left_to_the_user(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"fetch it by hand from https://.* and set TOD_DATA"):
        run_get("banking77", tmp_path / "out", manifest_file=tmp_path / "none.json")


def test_an_unknown_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="unknown corpus 'sgd2'"):
        run_get("sgd2", tmp_path)
