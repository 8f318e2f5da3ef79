"""The spool between a trainer and its sender: order, torn writes, bounds, who owns it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moescope.spool import FILE_BYTES, Spool, SpoolReader, spools_in


def filled(directory, messages: int, **options) -> Spool:
    spool = Spool(directory, "rank", options.pop("limit", 10**9), **options)
    spool.say_hello(b"hello")
    for _ in range(messages):
        assert spool.append(lambda sequence: b"message %d" % sequence)
    return spool


def read(spool: Spool, following: int = 1) -> list[tuple[int, bytes]]:
    return list(SpoolReader(spool.folder).messages(following))


def test_messages_are_read_in_order_while_they_are_written(tmp_path):
    spool = filled(tmp_path, 5, file_bytes=60)
    reader = SpoolReader(spool.folder)
    assert list(reader.messages(1)) == [(number, b"message %d" % number) for number in range(1, 6)]
    assert list(reader.messages(6)) == []
    spool.append(lambda sequence: b"more")
    assert list(reader.messages(6)) == [(6, b"more")]
    assert list(reader.messages(4)) == [(4, b"message 4"), (5, b"message 5"), (6, b"more")]


def test_what_is_acknowledged_is_removed_file_by_file(tmp_path):
    spool = filled(tmp_path, 9, file_bytes=40)
    reader = SpoolReader(spool.folder)
    files = len(list(spool.folder.glob("*.frames")))
    assert files > 3
    reader.acknowledge(5)
    assert len(list(spool.folder.glob("*.frames"))) < files
    assert [number for number, _ in read(spool, 6)] == [6, 7, 8, 9]
    reader.acknowledge(9)
    assert len(list(spool.folder.glob("*.frames"))) == 1


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_torn_or_damaged_end_is_left_out(tmp_path_factory, data):
    spool = filled(tmp_path_factory.mktemp("spool"), 4)
    (path,) = spool.folder.glob("*.frames")
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(whole) - 1))
        path.write_bytes(whole[:place])
    else:
        bit = data.draw(st.integers(0, 8 * len(whole) - 1))
        place = bit // 8
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit % 8]) + whole[place + 1 :])
    assert read(spool) == [(number, b"message %d" % number) for number in range(1, place // (len(whole) // 4) + 1)]


@pytest.mark.parametrize("file_bytes", [60, FILE_BYTES])
def test_a_full_spool_takes_messages_again_when_some_have_left(tmp_path, file_bytes):
    spool = filled(tmp_path, 4, file_bytes=file_bytes, limit=120)
    assert not spool.append(lambda sequence: b"too many")
    assert spool.last == 4
    SpoolReader(spool.folder).acknowledge(4)
    assert spool.append(lambda sequence: b"fits again")
    assert read(spool, 5) == [(5, b"fits again")]


def test_a_full_disk_leaves_whole_messages(tmp_path, monkeypatch):
    spool = filled(tmp_path, 2)
    file = spool._file

    class Full:
        def __getattr__(self, name):
            return getattr(file, name)

        def write(self, frame):
            return file.write(frame[:7])

    monkeypatch.setattr(spool, "_file", Full())
    assert not spool.append(lambda sequence: b"lost")
    assert spool.append(lambda sequence: b"kept")
    assert read(spool) == [(1, b"message 1"), (2, b"message 2"), (3, b"kept")]


@pytest.mark.parametrize("ending", ["lives", "ends", "dies"])
def test_it_is_complete_when_its_trainer_ends_or_dies(tmp_path, ending):
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        spool = filled(tmp_path, 1)
        if ending == "ends":
            spool.end()
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    (folder,) = spools_in(tmp_path)
    assert SpoolReader(folder).complete() == (ending == "ends")
    if ending == "dies":
        os.kill(child, 9)
        os.waitpid(child, 0)
        assert SpoolReader(folder).complete()
        return
    os.write(go[1], b"x")
    os.waitpid(child, 0)
    assert SpoolReader(folder).complete()
