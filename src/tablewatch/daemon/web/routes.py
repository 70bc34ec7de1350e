"""What is answered to which path. No sockets; what is slow is told how long it may take."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable

from tablewatch.control import document
from tablewatch.control.incident import Kept
from tablewatch.control.status import HostStatus
from tablewatch.daemon.incidents import Incidents
from tablewatch.daemon.web import api, incident_pages, page
from tablewatch.daemon.web.request import Request, Response, plain

# How paths that are none are counted: they are the client's words.
OTHER = "other"

_HTML = "text/html; charset=utf-8"

# Prometheus tells how long it waits, in this header; half a second is for the way back.
_SCRAPE_TIMEOUT = "x-prometheus-scrape-timeout-seconds"
_WAY_BACK = 0.5
_LEAST = 0.1

# Nothing but our own style and icon is loaded, nothing embeds us, nothing is kept or guessed.
SECURITY = (
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src '{document.STYLE_HASH}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


class Site:
    """All that can be asked for."""

    def __init__(
        self,
        *,
        ask: Callable[[float], HostStatus],
        metrics: Callable[[str | None, float], tuple[bytes, str]],
        ready: Callable[[], str],
        incidents: Incidents,
        timeout: float,
    ) -> None:
        """See Web; `timeout` may be changed later."""
        self.timeout = timeout
        self._incidents = incidents
        self._ask = ask
        self._metrics = metrics
        self._ready = ready
        self._routes: dict[str, Callable[[Request], Response]] = {
            "/": self._page,
            "/metrics": self._scrape,
            "/incidents": self._list,
            "/incidents/ID": self._incident,
            "/api/v1/status": self._status,
            "/api/v1/incidents": self._list_plain,
            "/api/v1/incidents/ID": self._incident_plain,
            "/-/healthy": self._is_healthy,
            "/-/ready": self._is_ready,
        }

    def label(self, path: str) -> str:
        """Return how `path` is counted: as itself if it is one of ours; an incident's with ID."""
        if path in self._routes:
            return path
        pattern = path.rpartition("/")[0] + "/ID"
        return pattern if pattern in self._routes else OTHER

    def answer(self, request: Request) -> Response:
        """Return the answer; raises what `ask` and `metrics` raise."""
        route = self._routes.get(self.label(request.path))
        if route is None:
            return plain(404, "nothing here; there are: " + " ".join(self._routes))
        if request.method not in ("GET", "HEAD"):
            return plain(405, f"{request.method}: only looking is possible", ("Allow", "GET, HEAD"))
        return route(request)

    def _page(self, request: Request) -> Response:
        table = request.first("table")
        status = self._ask(self.timeout)
        if table and table not in (each.table for each in status.tables):
            code, table = 404, ""
        else:
            code = 200
        text = page.render(
            status,
            host=socket.gethostname(),
            table=table,
            hold=request.first("refresh") == "off",
            incidents={each.table: self._incidents.ids(each.table) for each in status.tables},
        )
        return Response(code, text.encode(), _HTML)

    def _list(self, _: Request) -> Response:
        text = incident_pages.every(self._incidents.briefs(), host=socket.gethostname())
        return Response(200, text.encode(), _HTML)

    def _incident(self, request: Request) -> Response:
        kept = self._named(request)
        if kept is None:
            return plain(404, "no such incident; the oldest are forgotten. See: /incidents")
        text = incident_pages.one(kept, host=socket.gethostname())
        return Response(200, text.encode(), _HTML)

    def _list_plain(self, _: Request) -> Response:
        return Response(200, incident_pages.encode(self._incidents.briefs()), api.JSON)

    def _incident_plain(self, request: Request) -> Response:
        kept = self._named(request)
        if kept is None:
            return Response(404, api.error("no such incident"), api.JSON)
        return Response(200, incident_pages.encode(kept), api.JSON)

    def _named(self, request: Request) -> Kept | None:
        return self._incidents.get(request.path.rpartition("/")[2])

    def _scrape(self, request: Request) -> Response:
        allowed = min(self.timeout, _patience(request))
        body, content_type = self._metrics(request.headers.get("accept"), allowed)
        return Response(200, body, content_type)

    def _status(self, request: Request) -> Response:
        status = self._ask(self.timeout)
        wanted = request.query.get("table", [])
        unknown = sorted(set(wanted) - {each.table for each in status.tables})
        if unknown:
            return Response(404, api.error(f"no such table: {', '.join(unknown)}"), api.JSON)
        return Response(200, api.encode(status, wanted), api.JSON)

    def _is_healthy(self, _: Request) -> Response:
        return plain(200, "tablewatchd is up")

    def _is_ready(self, _: Request) -> Response:
        why = self._ready()
        return plain(503, f"not ready: {why}") if why else plain(200, "tablewatchd is ready")


def _patience(request: Request) -> float:
    """Return the seconds the scraper waits for us, infinite if it does not say."""
    try:
        told = float(request.headers.get(_SCRAPE_TIMEOUT, ""))
    except ValueError:
        return math.inf
    return max(_LEAST, told - _WAY_BACK) if told > 0 and math.isfinite(told) else math.inf
