import socket

import pytest

from arbcore.play._spin import Spinner, can_spin

pytestmark = pytest.mark.skipif(not can_spin(), reason="spinning needs POSIX")


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_nothing_arrives_in_time(pair):
    assert Spinner(pair[0].fileno()).recv(1000) is None


def test_what_is_there_is_taken_even_without_time(pair):
    pair[1].send(b"hello")
    assert Spinner(pair[0].fileno()).recv(0) == b"hello"


def test_no_more_than_the_buffer_at_once(pair):
    spinner = Spinner(pair[0].fileno(), 3)
    pair[1].send(b"hello")
    assert [spinner.recv(0), spinner.recv(0), spinner.recv(0)] == [b"hel", b"lo", None]


def test_earlier_bytes_stay_as_they_were(pair):
    spinner = Spinner(pair[0].fileno())
    pair[1].send(b"first")
    first = spinner.recv(0)
    pair[1].send(b"other")
    spinner.recv(0)
    assert first == b"first"


def test_end_of_the_stream_is_empty(pair):
    pair[1].close()
    assert Spinner(pair[0].fileno()).recv(0) == b""


def test_bad_descriptor_is_an_os_error():
    with pytest.raises(OSError, match="Bad file descriptor"):
        Spinner(10**6).recv(0)


def test_buffer_must_have_room():
    with pytest.raises(ValueError, match="at least 1"):
        Spinner(0, 0)
