"""The numbers of a running program in Prometheus' text format, and JSON without non-finite numbers.

It is pure: values in, text out. The caller decides what is measured, and the names.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from arbcore.core.text import printable
from arbcore.errors import BrokenInvariant

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NAME = re.compile(r"arbcore_[a-z0-9]+(_[a-z0-9]+)*\Z")
_LABEL = re.compile(r"[a-z][a-z0-9_]*\Z")

#: Labels and a number. None is a number that is not known; its line is left out.
Sample = tuple[Mapping[str, str], float | None]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: a name in base units (``_seconds``, ``_usd``, ``_ticks``, ``_ratio``), and its samples.

    The name of a counter ends in ``_total``, that of a gauge does not; otherwise it raises BrokenInvariant.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Sequence[Sample]

    def __post_init__(self) -> None:
        if not _NAME.match(self.name) or (self.kind == "counter") != self.name.endswith("_total"):
            raise BrokenInvariant(f"{self.name} is not a name of a {self.kind}.")


def gauge(name: str, help: str, value: float | None) -> Family:
    """A metric without labels whose number goes up and down."""
    return Family(name, "gauge", help, [({}, value)])


def counter(name: str, help: str, value: float | None) -> Family:
    """A metric without labels whose number only grows."""
    return Family(name, "counter", help, [({}, value)])


def labelled(
    name: str, help: str, values: Mapping[str, float | None], *, by: str, counts: bool = False
) -> Family:
    """A metric with one number for each name; the names are the values of the label ``by``."""
    samples: list[Sample] = [({by: key}, value) for key, value in values.items()]
    return Family(name, "counter" if counts else "gauge", help, samples)


def exposition(families: Iterable[Family]) -> str:
    """The text of a scrape: HELP and TYPE of each family, then its samples with a known value.

    Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4).

    Raises:
        BrokenInvariant: Two families have the same name, or a label's name is not valid.
    """
    lines: list[str] = []
    seen: set[str] = set()
    for family in families:
        if family.name in seen:
            raise BrokenInvariant(f"{family.name} is the name of two metrics.")
        seen.add(family.name)
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for labels, value in family.samples:
            if value is not None and math.isfinite(value):
                lines.append(f"{family.name}{_labels(labels)} {_number(value)}")
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    for name in labels:
        if not _LABEL.match(name):
            raise BrokenInvariant(f"{name} is not a name of a label.")
    told = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    # Names come from other people, so unprintable characters are escaped.
    return _escaped(printable(text)).replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def without_nan(value: object) -> object:
    """A JSON value in which None replaces every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value
