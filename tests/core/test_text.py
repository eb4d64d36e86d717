import codecs

import pytest

from arbcore.core.text import plain_spelling, plural, printable, whole_seconds


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain — ünïcode", "plain — ünïcode"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\nb\t", "a\\r\\nb\\t"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u2028", "\\u2028"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
        (b"\xff\x00", "\\xff\\x00"),
    ],
)
def test_nothing_that_steers_a_terminal_gets_through(text, shown):
    assert printable(text) == shown


def test_long_text_is_cut_and_the_cut_is_marked():
    assert printable("x" * 500, 10) == "x" * 10 + "…"
    assert printable(b"x" * 10**6, 10) == "x" * 10 + "…"


@pytest.mark.parametrize("code", [*range(16), 54, 63, 64, 96, 1023])
def test_shown_text_is_printable_whatever_came(code):
    shown = printable("".join(chr(code * 0x400 + low) for low in range(0x400)), 0x400)
    assert shown.isprintable()


def test_numbers_of_things():
    assert [plural(0, "round"), plural(1, "round"), plural(1200, "round")] == [
        "0 rounds",
        "1 round",
        "1,200 rounds",
    ]


def test_what_an_encoding_has_not_is_spelled_another_way():
    codecs.register_error("plain", plain_spelling)
    text = "5\N{MICRO SIGN}s \N{MINUS SIGN}1 \xd7 \u65e5 \udc80 caf\xe9\N{HORIZONTAL ELLIPSIS}"
    assert text.encode("ascii", "plain") == b"5us -1 x \\u65e5 \\udc80 caf\\xe9..."
    assert text.encode("latin-1", "plain") == b"5\xb5s -1 \xd7 \\u65e5 \\udc80 caf\xe9..."
    assert text.encode("utf-8", "plain").decode() == text.replace("\udc80", "\\udc80")
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", "plain")


def test_times_in_a_sentence_are_cut_to_the_second():
    text = "since 2026-12-01T07:57:19.77615361Z, 6,810.25Z at 2026-12-01T07:57:20Z"
    assert whole_seconds(text) == "since 2026-12-01T07:57:19Z, 6,810.25Z at 2026-12-01T07:57:20Z"
