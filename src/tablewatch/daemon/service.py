"""The parts of tablewatchd together: sockets, metrics, web server; started, reloaded, closed."""

from __future__ import annotations

import syslog
from collections.abc import Callable

from tablewatch.config.settings import Config
from tablewatch.daemon.exposition import Metrics
from tablewatch.daemon.hub import Hub
from tablewatch.daemon.log import Log
from tablewatch.daemon.web.server import Web
from tablewatch.errors import ConfigError


class Service:
    """Everything that lives as long as the daemon. All methods are for the main thread."""

    def __init__(self, config: Config, log: Log) -> None:
        self._daemon = config.daemon
        self._log = log
        self._hub = Hub(config.daemon, config.path, log)
        metrics = Metrics(self._hub.status, lambda error: log.failure(error, "a scrape"))
        self._web = Web(
            config.daemon.listen,
            config.daemon.web_config,
            ask=self._hub.status,
            metrics=metrics.render,
            count=metrics.count_request,
            timeout=config.daemon.timeout,
            ready=self._hub.ready,
            incidents=self._hub.incidents,
            log=lambda text: log(syslog.LOG_WARNING, text),
        )

    def start(self) -> None:
        """Listen everywhere and serve from now on.

        Raises DaemonError or ConfigError, with nothing left behind.
        """
        self._hub.check()
        self._web.start()
        try:
            self._hub.start()  # last: whoever starts us looks for control.sock
        except BaseException:
            self._web.close()
            raise
        where = f"sockets in {self._daemon.directory}"
        self._log(syslog.LOG_INFO, f"started; {where}, page and metrics at {self._addresses()}")

    def reload(self, read: Callable[[], Config]) -> None:
        """Go by what `read` gives from now on; if it can't be used, say why and change nothing."""
        try:
            config = read()
        except ConfigError as error:
            self._keep(str(error).splitlines())
            return
        if problems := self._web.reload(config.daemon.listen, config.daemon.web_config):
            self._keep(problems)
            return
        self._web.set_timeout(config.daemon.timeout)
        remarks = self._hub.reload(config.daemon)
        if config.daemon.confine != self._daemon.confine:
            remarks.append("daemon.confine takes effect when tablewatchd is restarted")
        for remark in remarks:
            self._log(syslog.LOG_WARNING, remark)
        self._daemon = config.daemon
        path = config.path or "the built-in defaults, as there is no file"
        self._log(
            syslog.LOG_INFO, f"settings read from {path}; page and metrics at {self._addresses()}"
        )

    def close(self) -> None:
        """Leave everybody, in good order."""
        self._web.close()
        self._hub.close()

    def _keep(self, problems: list[str]) -> None:
        for each in problems:
            self._log(syslog.LOG_ERR, each)
        self._log(syslog.LOG_ERR, "settings stay as they were; repair this and reload again")

    def _addresses(self) -> str:
        return ", ".join(self._daemon.listen) or "no address"
