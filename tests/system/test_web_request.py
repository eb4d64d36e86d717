"""One HTTP request: no redirect, one deadline over all of it, and no address in any error."""

import socket

import pytest
from web_servers import dripping, fine, garbage, hang_up, serving, silent, status

from arbcore.system.web_request import Answer, RequestFailed, request

DEADLINE_S = 0.3


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_post_has_its_body_and_an_answer_its_status_and_as_much_as_was_asked_for() -> None:
    with serving(fine) as server:
        found = request(server.url, data=b'{"a":1}', headers={"X-Y": "z"}, deadline_s=20.0, bytes_max=10)
        assert found == Answer(200, b"ok")
        assert request(server.url, deadline_s=20.0, bytes_max=1).body == b"o"
        assert request(server.url, deadline_s=20.0) == Answer(200, b"")
    posted, *others = server.requests
    assert posted.startswith(b"POST /T0KEN HTTP/1.1\r\n")
    assert posted.endswith(b'\r\n\r\n{"a":1}')
    assert b"X-y: z\r\n" in posted or b"X-Y: z\r\n" in posted
    assert all(other.startswith(b"GET /T0KEN ") for other in others)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308, 400, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("data", [None, b"{}"])
def test_what_is_no_success_is_told_and_nothing_is_followed(code: int, data: bytes | None) -> None:
    with serving(fine) as elsewhere, serving(status(code, f"Location: {elsewhere.url}")) as server:
        found = request(server.url, data=data, deadline_s=20.0, bytes_max=10)
    assert (found.status, found.ok) == (code, False)
    assert elsewhere.requests == []
    assert len(server.requests) == 1


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        silent, dripping(b"H", b"TTP/1.1 200 OK"), dripping(OK, b"X-A: aaaaaaaaaaaaaaaa"),
        dripping(OK + b"Content-Length: 100000\r\n\r\n", b"a"), dripping(OK + b"\r\n", b"a"),
        dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 200),
    ],
    ids=["silent", "status", "headers", "body of a length", "body without one", "chunks"],
)  # fmt: skip
def test_a_server_that_drips_has_failed_at_the_deadline(answer: object) -> None:
    with serving(answer) as server:  # type: ignore[arg-type]
        with pytest.raises(RequestFailed) as caught:
            request(server.url, data=b"{}", deadline_s=DEADLINE_S, bytes_max=1 << 20)
        assert not server.gave_in
    assert "within 0.3 s" in str(caught.value) or "in time" in str(caught.value)


@pytest.mark.parametrize("answer", [hang_up, garbage])
def test_what_is_no_answer_is_told_without_the_address(answer: object) -> None:
    with serving(answer) as server, pytest.raises(RequestFailed) as caught:  # type: ignore[arg-type]
        request(server.url, deadline_s=20.0)
    assert "T0KEN" not in str(caught.value)
    assert str(server.port) not in str(caught.value)


def test_nothing_that_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(RequestFailed, match="nothing listens there"):
        request(f"http://127.0.0.1:{port}/T0KEN", deadline_s=20.0)


def test_tls_that_never_answers_has_failed_at_the_deadline() -> None:
    with serving(silent) as server:
        with pytest.raises(RequestFailed):
            request(server.url.replace("http:", "https:"), deadline_s=DEADLINE_S)
        assert not server.gave_in
