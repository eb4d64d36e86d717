import os

import pytest

from arbcore.errors import JournalError, RunError, UsageError
from arbcore.play.journal_file import JournalReader, JournalWriter
from arbcore.trading import journal


def body(*records):
    return journal.header("arbcore/9.9", {"seed": 1}) + b"".join(records)


def read(data, piece=None):
    settings, offset = journal.read_header(data)
    rest = data[offset:]
    pieces = [rest] if piece is None else [rest[at : at + piece] for at in range(0, len(rest), piece)]
    return settings, [(found.kind, found.time_ns, found.payload) for found in journal.read_records(pieces)]


def read_file(path):
    with JournalReader(path) as file:
        return file.header(), [
            (found.kind, found.time_ns, found.payload) for found in journal.read_records(file.pieces())
        ]


def test_header_is_text_that_says_what_it_is():
    assert body().startswith(b"arbcore-journal 2 arbcore/9.9\n{")


def test_records_come_back_as_they_were():
    records = [(journal.CONNECT, 5, b""), (journal.IN, -7, bytes(range(256))), (journal.OUT, 2**62, b"x\n")]
    assert read(body(*(journal.record(*one) for one in records))) == ({"seed": 1}, records)


def test_any_buffer_can_be_recorded():
    assert journal.record(journal.IN, 1, memoryview(bytearray(b"ab"))) == journal.record(journal.IN, 1, b"ab")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an arbcore journal"),
        (b"\x00" * 1000, "not an arbcore journal"),
        (b"ts,es,spy\n1,2,3\n", "not an arbcore journal"),
        (b"arbcore-journal x y\n{}\n", "names no version"),
        (b"arbcore-journal 1 y\n", "settings"),
        (b"arbcore-journal 1 y\n[1]\n", "settings"),
        (b"arbcore-journal 1 y\n" + b"[" * 100_000 + b"\n", "settings"),
        (b"arbcore-journal 3 arbcore/99\n{}\n", "version 3 and this arbcore reads up to version 2"),
    ],
)
def test_file_that_is_not_ours_or_newer_is_refused(data, reason):
    with pytest.raises(JournalError, match=reason) as caught:
        journal.read_header(data)
    assert caught.value.exit_code == 3


def test_torn_tail_ends_the_records_at_every_byte():
    first, last = journal.record(journal.IN, 1, b"first"), journal.record(journal.IN, 2, b"second")
    for length in range(len(last)):
        assert read(body(first, last[:length]))[1] == [(journal.IN, 1, b"first")], length


def test_every_flipped_bit_before_the_end_is_found():
    whole = body(journal.record(journal.IN, 1, b"ab"), journal.record(journal.TICK, 2))
    start = len(body())
    for at in range(start, start + journal.RECORD_OVERHEAD + 2):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << bit
            try:
                found = read(bytes(damaged))[1]
            except JournalError:
                continue
            # A length that now points beyond the end reads as a torn tail; nothing false comes out.
            assert found == [], f"byte {at}, bit {bit}"


def test_writer_records_what_the_reader_reads(tmp_path):
    path = tmp_path / "run.journal"
    writer = JournalWriter(path, {"seed": 1})
    writer.write(journal.IN, 1, b"hello")
    writer.close(3)
    assert read_file(path)[1] == [(journal.IN, 1, b"hello"), (journal.END, 3, b"")]
    assert path.stat().st_mode & 0o077 == 0


def test_writer_flushes_at_least_every_second(tmp_path):
    path = tmp_path / "run.journal"
    writer = JournalWriter(path, {})
    writer.write(journal.IN, 10**9, b"first")
    writer.write(journal.IN, 10**9 + 1, b"second")
    assert b"second" not in path.read_bytes()
    writer.write(journal.IN, 2 * 10**9, b"third")
    assert b"third" in path.read_bytes()
    writer.close()


def test_writer_stops_at_its_bound_and_says_so(tmp_path):
    path = tmp_path / "run.journal"
    writer = JournalWriter(path, {}, size_max=1000)
    for number in range(100):
        writer.write(journal.IN, number, b"x" * 100)
    writer.close()
    kinds = [kind for kind, _, _ in read_file(path)[1]]
    assert path.stat().st_size <= 1000
    assert kinds[-1] == journal.FULL
    assert set(kinds[:-1]) == {journal.IN}
    assert "bound of 1,000 bytes" in writer.trouble


def test_full_disk_ends_the_recording_and_not_the_run(tmp_path, monkeypatch):
    writer = JournalWriter(tmp_path / "run.journal", {})

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", refuse)
    writer.write(journal.IN, 10**12, b"x")
    writer.write(journal.IN, 10**13, b"x")
    writer.close()
    assert "No space left on device" in writer.trouble


def test_file_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(RunError, match="cannot be written"):
        JournalWriter(tmp_path / "no" / "such" / "folder", {})


def test_earlier_journal_is_kept_and_the_next_name_written(tmp_path):
    path = tmp_path / "run.journal"
    writers = [JournalWriter(path, {"run": number}) for number in (1, 2, 3)]  # All at once, too.
    names = ["run.journal", "run.2.journal", "run.3.journal"]
    assert [writer.path.name for writer in writers] == names
    for writer in writers:
        writer.close()
    assert [read_file(tmp_path / name)[0]["run"] for name in names] == [1, 2, 3]


def test_what_is_no_journal_is_never_written(tmp_path):
    path = tmp_path / "file"
    path.write_text("my only copy\n")
    with pytest.raises(UsageError, match="is not a journal"):
        JournalWriter(path, {})
    assert path.read_text() == "my only copy\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_pipe_folder_and_link_to_nowhere_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("pipe", "folder", "link"):
        with pytest.raises(UsageError, match="not a regular file"):
            JournalWriter(tmp_path / name, {})
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("piece", [1, 2, 7, 16, 17, 18, 1000])
def test_records_are_the_same_however_the_file_is_cut(piece):
    records = [journal.record(journal.IN, number, b"x" * number) for number in range(20)]
    whole = body(*records)
    assert read(whole, piece) == read(whole)
    assert len(read(whole)[1]) == 20
    torn = whole[:-1] + b"\x00"
    assert len(read(torn, piece)[1]) == 19
    with pytest.raises(JournalError, match="record 20 at byte 494 is damaged"):
        read(torn + records[0], piece)


def test_missing_journal_is_bad_input(tmp_path):
    with pytest.raises(JournalError, match="cannot be read"):
        JournalReader(tmp_path / "missing")
