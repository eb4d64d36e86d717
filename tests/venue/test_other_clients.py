"""Clients as contestants write them, unlike ours in every habit, play on the exchange unchanged."""

import asyncio
import json
import socket

from served import PATIENCE_S, Served


def test_blocking_client_on_a_text_file() -> None:
    """The handouts' way: one makefile for both directions, json.dump with its spaces, readline in a loop."""
    with Served() as venue:
        connection = socket.create_connection(("127.0.0.1", venue.port), timeout=PATIENCE_S)
        exchange = connection.makefile("rw", 1)

        def write(message: dict) -> None:
            json.dump(message, exchange)
            exchange.write("\n")

        def read() -> dict:
            return json.loads(exchange.readline())

        write({"type": "hello", "team": "TEXTFILE"})
        hello = read()
        assert hello["type"] == "hello"
        assert {"symbol": "USD", "position": 0} in hello["symbols"]
        write({"type": "add", "order_id": 0, "symbol": "BOND", "dir": "BUY", "price": 999, "size": 10})
        write({"type": "add", "order_id": 1, "symbol": "BOND", "dir": "SELL", "price": 999, "size": 4})
        told = []
        while not told or told[-1] != {"type": "out", "order_id": 1}:
            told.append(read())
        mine = [message for message in told if message["type"] in ("ack", "fill", "out")]
        assert [(message["type"], message["order_id"]) for message in mine] == [
            ("ack", 0), ("ack", 1), ("fill", 0), ("fill", 1), ("out", 1),
        ]  # fmt: skip
        write({"type": "cancel", "order_id": 0})
        while read() != {"type": "out", "order_id": 0}:
            pass
        exchange.close()
        connection.close()


def test_asyncio_client_with_carriage_returns_and_odd_key_order() -> None:
    """Keys sorted, extra fields, \\r\\n at the end of lines, several messages in one write."""

    async def play(port: int) -> list[dict]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        orders = [
            {"type": "hello", "team": "ASYNC", "client": "v7"},
            {"type": "add", "order_id": 7, "symbol": "GS", "dir": "SELL", "price": 8000, "size": 3, "x": 0},
            {"type": "convert", "order_id": 8, "symbol": "VALE", "dir": "BUY", "size": 1},
            {"type": "cancel", "order_id": 7},
        ]
        writer.write(b"".join(json.dumps(order, sort_keys=True).encode() + b"\r\n" for order in orders))
        await writer.drain()
        told = []
        while {"type": "out", "order_id": 7} not in told:
            told.append(json.loads(await asyncio.wait_for(reader.readline(), PATIENCE_S)))
        writer.close()
        await writer.wait_closed()
        return told

    with Served() as venue:
        told = asyncio.run(play(venue.port))
    assert told[0]["type"] == "hello"
    assert {"type": "ack", "order_id": 7} in told
    assert {"type": "ack", "order_id": 8} in told


def test_client_that_polls_and_splits_lines_by_hand() -> None:
    """Small reads into a string, split at newlines, compact JSON, the largest order id there is."""
    add = b'{"type":"add","order_id":4294967295,"symbol":"XLF","dir":"BUY","price":4000,"size":100}\n'
    with Served() as venue:
        connection = socket.create_connection(("127.0.0.1", venue.port), timeout=PATIENCE_S)
        connection.sendall(b'{"type":"hello","team":"POLLER"}\n')
        connection.sendall(add)
        lines: list[str] = [""]
        while '{"type":"ack","order_id":4294967295}' not in lines[:-1]:
            *whole, rest = (lines.pop() + connection.recv(17).decode()).split("\n")
            lines += [*whole, rest]
        connection.close()
    assert json.loads(lines[0])["type"] == "hello"
