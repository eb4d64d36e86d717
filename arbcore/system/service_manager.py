"""Notifies systemd that a service is ready, alive or ending. Does nothing without systemd."""

import contextlib
import os
import socket
from collections.abc import Mapping

#: Signs of life that a service sends in each watchdog interval.
SIGNS_A_SPAN = 3


class ServiceManager:
    """The service manager that started this process, as the environment names it (sd_notify(3))."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        span, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        watched = self._address and span.isdigit() and (not pid or pid == str(os.getpid()))
        #: Seconds between two signs of life; None if systemd does not watch this service.
        self.every_s = int(span) * 1e-6 / SIGNS_A_SPAN if watched and int(span) else None

    def tell(self, news: str) -> None:
        """Sends ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1``. Never waits, never fails."""
        if self._address and hasattr(socket, "AF_UNIX"):
            # A name that begins with @ is an abstract socket of Linux.
            address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
                link.setblocking(False)
                link.sendto(news.encode(), address)
