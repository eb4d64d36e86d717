"""Framing: any bytes in any slices give frames or one typed error, in bounded memory."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbcore.errors import WireError
from arbcore.gateway.frames import (
    FIELDS_MAX,
    FRAME_BYTES_MAX,
    GREETING,
    FrameReader,
    client_versions,
    fields_of,
    frame,
)

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def slices(data, cuts):
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=5), max_size=5), st.lists(st.integers(0, 300)))
def test_frames_survive_any_slicing(messages, cuts):
    reader = FrameReader()
    data = GREETING + b"".join(frame(*fields) for fields in messages)
    bodies = [body for piece in slices(data, cuts) for body in reader.feed(piece)]
    assert [fields_of(body) for body in bodies] == messages
    assert reader.kept_bytes == 0


@given(st.binary(max_size=200), st.booleans(), st.lists(st.integers(0, 200), max_size=5))
def test_any_bytes_are_frames_or_a_typed_error(data, greeted, cuts):
    reader = FrameReader()
    pieces = slices((GREETING if greeted else b"") + data, cuts)
    with contextlib.suppress(WireError):
        for piece in pieces:
            for body in reader.feed(piece):
                fields_of(body)
    assert reader.kept_bytes <= FRAME_BYTES_MAX + 4


def test_a_frame_too_long_is_refused_before_it_is_kept():
    reader = FrameReader()
    with pytest.raises(WireError, match="out of step"):
        reader.feed(GREETING + (FRAME_BYTES_MAX + 1).to_bytes(4, "big") + b"x" * 100)
    assert reader.kept_bytes == 0
    with pytest.raises(WireError, match="close the connection"):
        reader.feed(b"")


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"APIx"])
def test_another_protocol_is_named_at_once(head):
    with pytest.raises(WireError, match="IB API program"):
        FrameReader().feed(head)


def test_fields_must_end_and_be_text():
    with pytest.raises(WireError, match="no NUL"):
        fields_of(b"71\x002")
    with pytest.raises(WireError, match="not UTF-8"):
        fields_of(b"\xff\xfe\0")
    with pytest.raises(WireError, match="more than"):
        fields_of(b"\0" * (FIELDS_MAX + 1))


def test_fields_are_spelled_as_the_protocol_spells_them():
    assert fields_of(frame(1, None, True, False, 6800.25, "text")[4:]) == [
        "1",
        "",
        "1",
        "0",
        "6800.25",
        "text",
    ]
    # A NUL inside a field would shift every field behind it.
    assert fields_of(frame("a\0b")[4:]) == ["ab"]


@pytest.mark.parametrize(
    ("text", "versions"),
    [(b"v157..176", (157, 176)), (b"v157..178 +PACEAPI", (157, 178)), (b"v178", (178, 178))],
)
def test_versions_of_a_client(text, versions):
    assert client_versions(text) == versions


@pytest.mark.parametrize("text", [b"", b"v", b"157..176", b"v1..x", b"v99999999999..1", b"\xff"])
def test_what_is_no_version_is_a_typed_error(text):
    with pytest.raises(WireError, match="versions"):
        client_versions(text)
