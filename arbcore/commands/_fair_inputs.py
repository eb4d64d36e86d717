"""What ``arbcore fair`` reads from its flags and the files that they name: rates, dividends, the factor."""

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path

from arbcore.carry import calendar, civil, dividends, factor, rates
from arbcore.errors import ArbcoreError, InputError, RunError, UsageError
from arbcore.text import printable

DEFAULT_R = 0.045
DEFAULT_D = 0.014
#: Days after which a rate from a file is said to be old: a long weekend and the day that FRED takes.
OLD_DAYS = 7.0


def as_usage(flag: str, read: Callable[[str], int], text: str) -> int:
    """Reads a flag; what is bad input in a file is wrong usage in a flag."""
    try:
        return read(text)
    except ArbcoreError as error:
        raise UsageError(f"{flag}: {error}") from None


def rate_of(args: argparse.Namespace, now_ns: int) -> tuple[rates.Rate, str]:
    """The rate and where it came from."""
    if args.fred_key is not None and args.fred is None:
        raise UsageError("--fred-key belongs to --fred; name a series such as --fred DTB3.")
    if args.rates is not None:
        return _rates_of_files(args.rates, now_ns)
    if args.fred is not None:
        return _rate_of_fred(args.fred, args.fred_key, now_ns)
    if args.dtb3 is not None:
        return rates.BillRate(args.dtb3 / 100), f"DTB3 {args.dtb3:g}%"
    if args.sofr is not None:
        return rates.SimpleRate(args.sofr / 100), f"SOFR {args.sofr:g}%"
    if args.curve is not None:
        return _curve(args.curve), "curve"
    if args.r is not None:
        return rates.ConstantRate(args.r), "--r"
    return rates.ConstantRate(DEFAULT_R), "default"


def _curve(text: str) -> rates.Curve:
    points = []
    for point in text.split(","):
        days, colon, rate = point.partition(":")
        try:
            points.append((float(days) / 365, float(rate if colon else "")))
        except ValueError:
            raise UsageError(
                f"--curve has '{printable(point)}', which is not DAYS:RATE such as 91:0.042."
            ) from None
    return rates.Curve(points)


def _rates_of_files(paths: list[str], now_ns: int) -> tuple[rates.Rate, str]:
    """One series as it is quoted; several as a curve of their terms, read at the exact expiry."""
    from arbcore import fred

    found = [fred.read_history(Path(path), now_ns) for path in paths]
    for each in found:
        if each.age_days(now_ns) > OLD_DAYS:
            print(f"arbcore: warning: {each.said(now_ns)} is the last rate there is.", file=sys.stderr)
    return fred.rate_of_all(found), ", ".join(each.said(now_ns) for each in found)


def _rate_of_fred(series: str, key_file: str | None, now_ns: int) -> tuple[rates.Rate, str]:
    from arbcore import fred

    if key_file is None:
        raise UsageError(
            "--fred needs --fred-key FILE, which holds your key; without a key, download the series as CSV "
            "and name it with --rates."
        )
    known = fred.FredRate(fred.FredSettings(series=series, key=_text_of(key_file, "--fred-key").strip()))
    known.refresh()
    if known.latest is None:
        raise RunError(known.last_error or f"FRED has not been asked for {series} yet; try again later.")
    if known.last_error:
        said = known.latest.said(now_ns)
        print(f"arbcore: warning: {known.last_error} Taking {said}.", file=sys.stderr)
    if known.latest.age_days(now_ns) < 0:
        raise UsageError("--fred gives the rate of today, which --now is before; name a file with --rates.")
    return fred.rate_of(known.latest), known.latest.said(now_ns)


def yield_to(text: str | None, expiry_ns: int) -> float:
    """The dividend yield to an expiry: a number, or one per expiry such as ``ESZ26:0.012,ESH27:0.013``."""
    if text is None:
        return DEFAULT_D
    if ":" not in text:
        return _yield_of(text)
    yields = {}
    for part in text.split(","):
        expiry, _, value = part.rpartition(":")
        yields[as_usage("--d", calendar.read_expiry, expiry)] = _yield_of(value)
    if expiry_ns not in yields:
        raise UsageError(f"--d has no yield for the expiry {civil.iso_time(expiry_ns)}; add one.")
    return yields[expiry_ns]


def _yield_of(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1.0 <= value <= 1.0:
        raise UsageError(f"--d has '{printable(text)}', which is not a number from -1 to 1.")
    return value


def read_dividends(path: str, multiple: float) -> dividends.Schedule:
    """The schedule in a file; InputError where it cannot be read."""
    return dividends.read_schedule(
        _text_of(path, "--dividends").splitlines(keepends=True), name=printable(path), factor=multiple
    )


def read_factor(text: str, now_ns: int) -> float:
    """A number, or the last factor of a CSV of ``ts,factor`` that was known by then."""
    try:
        return factor.check_factor(float(text))
    except ValueError:
        if not Path(text).exists():
            raise UsageError(
                f"--factor: '{printable(text)}' is neither a number such as 10.03 nor a file."
            ) from None
    lines = _text_of(text, "--factor").splitlines(keepends=True)
    return factor.read_series(lines, name=printable(text)).at(now_ns)


def _text_of(path: str, flag: str) -> str:
    name = printable(path)
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); check {flag}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{name} is not text in UTF-8; check {flag}.") from None
