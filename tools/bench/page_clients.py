"""Clients of a live page, for the benchmark: each requests the page, the status, the metrics and an event.

``python -m tools.bench.page_clients URL COUNT`` prints ``polling`` once each client has every response. It
runs until its standard input ends, then prints the number of responses and of seconds.
"""

import contextlib
import http.client
import sys
import threading
import time
import urllib.parse

PATHS = ("/", "/status.json", "/metrics", "/events")
#: A client waits this long between a response and its next request.
PAUSE_S = 0.05
TIMEOUT_S = 120.0


def answer_of(address: str, path: str) -> None:
    """Sends one request and reads the whole response, or the first event. Raises OSError without one."""
    link = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        if answer.status != 200:
            raise OSError(f"{path} answered {answer.status}")
        if path != "/events":
            answer.read()
            return
        while not answer.readline().startswith(b"data: "):
            pass
    finally:
        link.close()


def poll(address: str, stopped: threading.Event, answers: list[int], ready: threading.Barrier) -> None:
    """Runs one client, until it is stopped or the page ends."""
    for path in PATHS:
        answer_of(address, path)
    ready.wait()
    with contextlib.suppress(OSError, http.client.HTTPException):
        while not stopped.wait(PAUSE_S):
            answer_of(address, PATHS[len(answers) % len(PATHS)])
            answers.append(1)


def main() -> None:
    """Polls until standard input ends."""
    address, count = urllib.parse.urlsplit(sys.argv[1]).netloc, int(sys.argv[2])
    stopped, ready = threading.Event(), threading.Barrier(count + 1, timeout=TIMEOUT_S)
    answers: list[list[int]] = [[] for _ in range(count)]
    for each in answers:
        threading.Thread(target=poll, args=(address, stopped, each, ready), daemon=True).start()
    ready.wait()
    began_s = time.monotonic()
    print("polling", flush=True)
    sys.stdin.read()
    taken_s = time.monotonic() - began_s
    stopped.set()
    print(f"answers {sum(map(len, answers))} {taken_s:.3f}", flush=True)


if __name__ == "__main__":
    main()
