"""Fetches history from TWS: both legs' BID_ASK through the library, request by request, then joins them.

A shell. Owns the connection, the waiting and the meaning of the broker's errors. The plan gives the requests,
the pace their times, and ``OUT.part`` keeps the rows until the joined file is whole.
"""

import asyncio
import csv
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbcore.broker.ib_link import load_library
from arbcore.carry.pairs import DEFAULT_PAIR, Pair, pair_named
from arbcore.core.civil import NS_PER_S, iso_time, read_time
from arbcore.core.text import printable
from arbcore.errors import ConnectError, InputError, RunError, UsageError
from arbcore.quotes.fetch_pacing import LOST, FetchPace
from arbcore.quotes.fetch_part import PartFile, PartRow
from arbcore.quotes.fetch_plan import (
    TICKS_A_REQUEST,
    BarRule,
    FetchRequest,
    bar_rule,
    check_reach,
    requests_of,
    sessions_before,
)
from arbcore.quotes.joining import Joined, join
from arbcore.quotes.outputs import ending_of

CONNECT_S, ANSWER_S = 15.0, 90.0
#: How often to try one request that the broker does not answer or refuses because of its pace.
TRIES_MAX = 30
UNANSWERED_MAX = 3
#: The codes of errors about history, and the text in them if there is none for the requested time.
_OF_HISTORY, _NO_DATA = frozenset({162, 10187}), "returned no data"
#: Messages that the broker sends beside a response: about its data farms, and about the request.
_NOTICES = frozenset({165, *range(2100, 2200)})
#: Errors for an account without permission for a leg's quotes.
_NO_RIGHTS = frozenset({354, 10089, 10090, 10167, 10168, 10186})
_ID_IN_USE = 326
BAR_COLUMNS = ("date", "open", "high", "low", "close")
TICK_COLUMNS = ("time", "priceBid", "priceAsk", "sizeBid", "sizeAsk")
#: Called with (text about the progress, requests done, requests in all).
FetchHook = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """What to fetch, and from where. ``end`` is an ISO time, or None for the broker's clock."""

    out: Path
    pair: str = DEFAULT_PAIR.name
    days: int = 5
    bar: str = "1s"
    end: str | None = None
    host: str = "127.0.0.1"
    port: int = 7497
    client_id: int = 18
    library: str = ""


class _Refused(Exception):
    """The broker's error to one request."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def fetch(settings: FetchSettings, *, hook: FetchHook | None = None) -> Joined:
    """Fetches and joins; continues from ``OUT.part`` if there is one.

    Raises UsageError for settings refused before the first request, ConnectError if TWS does not answer,
    RunError if the broker refuses, and InputError if it has no data. KeyboardInterrupt leaves ``OUT.part``.
    """
    pair, rule = pair_named(settings.pair), bar_rule(settings.bar)
    ending_of(settings.out)
    if not settings.out.absolute().parent.is_dir():
        raise UsageError(f"The folder of {printable(str(settings.out))} does not exist; create it first.")
    end_ns = _end_of(settings)
    sessions_before(end_ns or time.time_ns(), settings.days)
    part = PartFile(settings.out.with_name(settings.out.name + ".part"))
    library = load_library(settings.library)
    try:
        asyncio.run(_Download(library, settings, pair, rule, part, hook or _quiet).run(end_ns))
        joined = _join(settings, pair, rule, part)
    finally:
        part.close()
    part.remove()
    return joined


def _quiet(_text: str, _done: int, _total: int) -> None:
    """Shows no progress."""


def _end_of(settings: FetchSettings) -> int | None:
    if settings.end is None:
        return None
    try:
        return read_time(settings.end)
    except InputError as error:
        raise UsageError(f"--end cannot be read: {error}") from error


class _Download:
    """One connection and its remaining requests."""

    def __init__(
        self, library: Any, settings: FetchSettings, pair: Pair, rule: BarRule, part: PartFile,
        hook: FetchHook,
    ) -> None:  # fmt: skip
        self._library, self._settings, self._pair, self._rule = library, settings, pair, rule
        self._part, self._hook = part, hook
        self._ib = library.IB()
        self._ib.errorEvent += self._heard
        self._pace = FetchPace()
        self._contracts: dict[str, Any] = {}
        #: The last id before the open request's, and the error that ends that request.
        self._last_id = 0
        self._refusal: asyncio.Future[_Refused] | None = None
        self._id_in_use = asyncio.Event()

    async def run(self, end_ns: int | None) -> None:
        # The library logs each error that it gets; we report errors in our own sentences.
        logging.getLogger(self._library.__name__).setLevel(logging.CRITICAL)
        await self._connect()
        try:
            requests = self._plan(end_ns, await self._clock())
            self._remember()
            await self._fetch(requests)
        finally:
            self._ib.disconnect()

    def _heard(self, req_id: int, code: int, text: str, *_: object) -> None:
        """Takes an error. The libraries treat some as warnings, or turn them into an empty response."""
        if code == _ID_IN_USE:
            self._id_in_use.set()
        refusal = self._refusal
        if refusal is None or refusal.done() or req_id <= self._last_id or code in _NOTICES:
            return
        refusal.set_result(_Refused(code, text))

    async def _connect(self) -> None:
        chosen = self._settings
        dialled = asyncio.ensure_future(
            self._ib.connectAsync(
                chosen.host, chosen.port, clientId=chosen.client_id, timeout=CONNECT_S, readonly=True
            )
        )
        refused = asyncio.ensure_future(self._id_in_use.wait())
        try:
            await asyncio.wait({dialled, refused}, return_when=asyncio.FIRST_COMPLETED)
            if not self._id_in_use.is_set():
                await dialled
                return
        except (OSError, asyncio.TimeoutError, TimeoutError) as error:
            raise ConnectError(
                f"TWS does not answer at {printable(chosen.host)}:{chosen.port} "
                f"({printable(str(error)) or 'no answer'}); start TWS or IB Gateway with its API "
                "on, or name the --port (7497 TWS paper, 4002 IB Gateway "
                "paper, 7400 arbcore gateway)."
            ) from error
        finally:
            refused.cancel()
            dialled.cancel()
            await asyncio.gather(refused, dialled, return_exceptions=True)
        raise ConnectError(
            f"Another program is connected with the client id {chosen.client_id}; name a free one with "
            "--client-id."
        )

    async def _clock(self) -> int:
        try:
            broker_time = await asyncio.wait_for(self._ib.reqCurrentTimeAsync(), ANSWER_S)
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise ConnectError(
                "The broker did not send its time; run the same command again."
            ) from error
        return int(broker_time.timestamp()) * NS_PER_S

    def _remember(self) -> None:
        """Gives the pace the requests that an earlier run of this download sent."""
        ahead_ns = time.time_ns() - time.monotonic_ns()
        for at_ns, contract, request in self._part.sent_before:
            if at_ns <= time.time_ns():
                self._pace.sent(at_ns - ahead_ns, contract=contract, request=request)

    def _plan(self, end_ns: int | None, now_ns: int) -> list[FetchRequest]:
        """The requests, or those of the download to continue. Raises UsageError for another download's."""
        wanted: dict[str, object] = {
            "pair": self._pair.name, "bar": self._rule.name, "days": self._settings.days,
        }  # fmt: skip
        before = self._part.header
        if before is not None:
            if end_ns is None and isinstance(before.get("end"), int):
                end_ns = int(str(before["end"]))
            wanted["end"] = end_ns
            if {key: before.get(key) for key in wanted} != wanted:
                raise UsageError(
                    f"{printable(str(self._part.path))} is a part of another download "
                    f"({before.get('pair')}, --bar {before.get('bar')}, --days {before.get('days')}); repeat "
                    "its options to continue it, or delete the file."
                )
        chosen_ns = now_ns if end_ns is None else end_ns
        sessions = sessions_before(chosen_ns, self._settings.days)
        check_reach(self._rule, sessions, max(now_ns, sessions[-1][1]))
        self._part.begin(wanted | {"end": chosen_ns})
        return requests_of(self._pair, self._rule, sessions)

    async def _fetch(self, requests: list[FetchRequest]) -> None:
        over = {number for number, next_ns in self._part.done if next_ns < 0}
        begun = {number: next_ns for number, next_ns in self._part.done if next_ns >= 0}
        try:
            for number, request in enumerate(requests):
                if number in over:
                    continue
                at_ns = begun.get(number, request.begin_ns)
                while at_ns >= 0:
                    what = f"{request.contract} {iso_time(at_ns)}"
                    self._hook(f"fetching {what}", number, len(requests))
                    rows, at_ns = await self._ask(request, at_ns, (number, len(requests)))
                    self._part.add(number, at_ns, rows)
        except _Refused as error:
            raise RunError(self._refused(request, error, requests)) from error

    def _refused(self, request: FetchRequest, error: _Refused, requests: list[FetchRequest]) -> str:
        """The sentence for a refusal. Removes ``OUT.part`` if every request of a leg was refused."""
        if not any(requests[number].leg == request.leg for number, _ in self._part.done):
            self._part.remove()
        kept = f" What was fetched stays in {printable(str(self._part.path))}." if self._part.done else ""
        said = f"{error.code}: {printable(error.text).rstrip('.')}{_advice(error)}{kept}"
        return f"The broker refused the history of {request.contract} with {said}"

    async def _ask(
        self, request: FetchRequest, at_ns: int, done: tuple[int, int]
    ) -> tuple[list[PartRow], int]:
        """Repeats one request until it is answered; returns (rows, the instant to continue from or -1)."""
        unanswered = 0
        identity = f"{request.contract} {at_ns} {request.end_ns}"
        for _ in range(TRIES_MAX):
            await self._wait(request.contract, identity, done)
            self._pace.sent(time.monotonic_ns(), contract=request.contract, request=identity)
            self._part.sends(time.time_ns(), request.contract, identity)
            try:
                contract = await self._contract(request)
                if self._rule.name == "ticks":
                    return await self._ticks(contract, request, at_ns)
                return await self._bars(contract, request), -1
            except (asyncio.TimeoutError, TimeoutError):
                unanswered += 1
                if unanswered >= UNANSWERED_MAX:
                    break
            except ConnectionError as error:
                raise RunError("The connection was lost; run the same command again to continue.") from error
            except _Refused as error:
                if error.code in _OF_HISTORY and _NO_DATA in error.text:
                    return [], -1
                if error.code == LOST or (error.code in _OF_HISTORY and "pacing" in error.text.lower()):
                    self._hook(f"the broker says {error.code}: {printable(error.text)}; waiting", *done)
                    self._pace.refused(time.monotonic_ns(), error.code)
                    continue
                raise
        raise RunError(
            f"The broker does not answer for {request.contract} at {iso_time(at_ns)}; run the same command "
            "again to continue."
        )

    async def _wait(self, contract: str, identity: str, done: tuple[int, int]) -> None:
        """Waits until the pace allows a request; reports a longer wait."""
        reported = False
        while True:
            now_ns = time.monotonic_ns()
            due_ns = self._pace.due_ns(now_ns, contract=contract, request=identity)
            if due_ns <= now_ns:
                return
            left_s = (due_ns - now_ns) / NS_PER_S
            if left_s > 3.0 and not reported:
                reported = True
                self._hook(f"waiting {left_s:.0f} s for the next request, at the broker's pace", *done)
            await asyncio.sleep(min(left_s, 1.0))
            if not self._ib.isConnected():
                raise RunError("The connection was lost; run the same command again to continue.")

    async def _answer(self, question: Any) -> Any:
        """Awaits a library's call; an error with its id or a time-out also ends it."""
        if not self._ib.isConnected():
            question.close()
            raise ConnectionError("closed")
        self._last_id = self._ib.client.getReqId()
        self._refusal = asyncio.get_running_loop().create_future()
        answer = asyncio.ensure_future(question)
        try:
            await asyncio.wait(
                {answer, self._refusal}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED
            )
            if self._refusal.done():
                raise self._refusal.result()
            if not answer.done():
                raise asyncio.TimeoutError
            return answer.result()
        finally:
            answer.cancel()
            self._refusal = None

    async def _contract(self, request: FetchRequest) -> Any:
        known = self._contracts.get(request.contract)
        if known is not None:
            return known
        library = self._library
        if request.leg == "etf":
            wanted = library.Stock(request.contract, "SMART", "USD")
        else:
            month = iso_time(request.expiry_ns)[:7].replace("-", "")
            wanted = library.Future(
                self._pair.future, month, self._pair.exchange, currency="USD", includeExpired=True
            )
        details = await self._answer(self._ib.reqContractDetailsAsync(wanted))
        if len(details) != 1:
            raise _Refused(200, f"{len(details)} contracts have the name {request.contract}")
        contract = details[0].contract
        contract.includeExpired = request.leg == "fut"
        self._contracts[request.contract] = contract
        return contract

    async def _bars(self, contract: Any, request: FetchRequest) -> list[PartRow]:
        seconds = (request.end_ns - request.begin_ns) // NS_PER_S
        seconds = max(seconds, self._rule.length_s)
        bars = await self._answer(
            self._ib.reqHistoricalDataAsync(
                contract, _utc(request.end_ns), f"{seconds} S", self._rule.setting, "BID_ASK", useRTH=True,
                formatDate=2, keepUpToDate=False, timeout=0,
            )
        )  # fmt: skip
        begin_s, end_s = request.begin_ns // NS_PER_S, request.end_ns // NS_PER_S
        rows = [[int(each.date.timestamp()), each.open, each.high, each.low, each.close] for each in bars]
        return [row for row in rows if begin_s <= row[0] < end_s]

    async def _ticks(self, contract: Any, request: FetchRequest, at_ns: int) -> tuple[list[PartRow], int]:
        ticks = await self._answer(
            self._ib.reqHistoricalTicksAsync(
                contract, _utc(at_ns), "", TICKS_A_REQUEST, "BID_ASK", True, False
            )
        )  # fmt: skip
        end_s = request.end_ns // NS_PER_S
        rows = [
            [int(each.time.timestamp()), each.priceBid, each.priceAsk, each.sizeBid, each.sizeAsk]
            for each in ticks
        ]
        kept = [row for row in rows if at_ns // NS_PER_S <= row[0] <= end_s]
        over = len(rows) < TICKS_A_REQUEST or rows[-1][0] >= end_s
        # A page has only whole seconds, so the next one begins at the second after its last.
        return kept, -1 if over else (int(rows[-1][0]) + 1) * NS_PER_S


def _utc(instant_ns: int) -> str:
    """The broker's form of a time in UTC: 20261120-14:30:00."""
    text = iso_time(instant_ns)
    return f"{text[:10].replace('-', '')}-{text[11:19]}"


def _advice(error: _Refused) -> str:
    words = error.text.lower()
    if error.code in _NO_RIGHTS or "permission" in words or "subscri" in words:
        return "; subscribe to market data of both legs (Client Portal, Market Data Subscriptions)."
    if "different ip" in words or "competing" in words:
        return "; the same login is in use elsewhere: log out there, then run the same command again."
    return "."


def _join(settings: FetchSettings, pair: Pair, rule: BarRule, part: PartFile) -> Joined:
    """Writes the joined file of the fetched rows."""
    header = part.header or {}
    sessions = sessions_before(int(str(header["end"])), settings.days)
    requests = requests_of(pair, rule, sessions)
    ticks = rule.name == "ticks"
    columns = TICK_COLUMNS if ticks else BAR_COLUMNS
    with tempfile.TemporaryDirectory(prefix="arbcore-fetch-") as folder:
        files = {leg: Path(folder) / f"{leg}.csv" for leg in ("fut", "etf")}
        counts = dict.fromkeys(files, 0)
        for leg, path in files.items():
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow([*columns, "symbol"])
                for number, _, rows in part.lines():
                    request = requests[number]
                    if request.leg == leg:
                        for at_s, *prices in rows:
                            writer.writerow([iso_time(int(at_s) * NS_PER_S), *prices, request.contract])
                        counts[leg] += len(rows)
        for leg, symbol in (("fut", pair.future), ("etf", pair.etf)):
            if not counts[leg]:
                part.remove()
                raise InputError(
                    f"The broker has no quotes of {symbol} for these sessions; take a later --end or more "
                    "--days."
                )
        joined = join(
            files["fut"], files["etf"], settings.out, pair=pair.name, roll="0d",
            bar=None if ticks else rule.name,
        )  # fmt: skip
        for leg, symbol in (("fut", pair.future), ("etf", pair.etf)):
            notes = joined.summary["notes"]
            notes[:] = [note.replace(str(files[leg]), symbol) for note in notes]
        return joined
