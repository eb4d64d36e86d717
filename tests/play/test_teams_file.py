"""The file of teams: names, passwords, and every bad line by its number."""

import os

import pytest

from arbcore.errors import InputError
from arbcore.play.teams_file import BYTES_MAX, others_may_read, read_teams


@pytest.mark.parametrize(
    ("text", "teams"),
    [
        ("ALPHA\n", {"ALPHA": ""}),
        ("ALPHA,secret\nBETA\n", {"ALPHA": "secret", "BETA": ""}),
        ("team,password\nALPHA , secret \n", {"ALPHA": "secret"}),
        ("Team\nALPHA\n", {"ALPHA": ""}),
        ("# who plays\n\n  ALPHA,a,b\r\n", {"ALPHA": "a,b"}),
        ("\ufeffALPHA", {"ALPHA": ""}),
        ("A1-x\n", {"A1-x": ""}),
    ],
)
def test_teams_and_passwords(tmp_path, text, teams):
    path = tmp_path / "teams.txt"
    path.write_text(text, encoding="utf-8")
    assert read_teams(path) == teams


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "names no team"),
        (b"# nobody\n\n", "names no team"),
        (b"team,password\n", "names no team"),
        (b"A B\n", "line 1"),
        (b"OK\n" + b"A" * 33 + b"\n", "line 2"),
        (b",secret\n", "line 1"),
        (b"A\nB\nA,x\n", "line 3: A is named twice"),
        (b"A,two words\n", "line 1: the password"),
        (b"A," + b"x" * 129, "line 1: the password"),
        ("A,pässword\n".encode(), "line 1: the password"),
        (b"\xff\xfe", "not UTF-8"),
        (b"A\x1b[31m\n", r"line 1: 'A\\x1b"),
        (b"#" * (BYTES_MAX + 1), "larger than"),
    ],
)
def test_a_bad_file_is_one_sentence_that_names_the_line(tmp_path, data, part):
    path = tmp_path / "teams.txt"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_teams(path)
    assert part in str(caught.value)
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there_or_is_a_folder_is_one_sentence(tmp_path):
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(InputError, match=r"check --teams|not an ordinary file"):
            read_teams(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name")
def test_a_pipe_that_nobody_writes_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "teams.txt")
    with pytest.raises(InputError, match="not an ordinary file"):
        read_teams(tmp_path / "teams.txt")


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize(("mode", "exposed"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_may_read_is_known(tmp_path, mode, exposed):
    path = tmp_path / "teams.txt"
    path.touch()
    path.chmod(mode)
    assert others_may_read(path) == exposed
