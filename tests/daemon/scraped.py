"""What a scraper makes of what tablewatchd says, and hosts to be scraped."""

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain
from tests.support.statuses import host, incident, latency, well

from tablewatch.control.status import Quarantine
from tablewatch.daemon.exposition import Metrics
from tablewatch.daemon.labels import CLASSES, DAMAGE, OPERATIONS, REASONS, VERDICTS

OPENMETRICS = "application/openmetrics-text"


class Scraped:
    """One scrape, parsed; a series that is there twice is an error."""

    def __init__(self, body, openmetrics=False):
        self.text = body.decode("utf-8")
        read = read_openmetrics if openmetrics else read_plain
        self.families = list(read(self.text))
        self.series = {}
        for family in self.families:
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                assert key not in self.series, f"twice: {key}"
                self.series[key] = sample.value

    @property
    def names(self):
        return {name for name, _ in self.series}

    def value(self, name, **labels):
        """The value of one series, None if it is not there."""
        # `class` is a word of Python's.
        wanted = {key.rstrip("_"): value for key, value in labels.items()}
        return self.series.get((name, tuple(sorted(wanted.items()))))

    def by(self, name, label, table="creds"):
        """The values of a metric of one table by one label."""
        return {
            dict(labels)[label]: value
            for (each, labels), value in self.series.items()
            if each == name and dict(labels).get("table") == table
        }

    def of(self, table):
        """The names of all series of one table."""
        return {name for name, labels in self.series if ("table", table) in labels}


def scrape(*reports, accept=None, timeout=1.0):
    """Scrape a daemon with these tables."""
    body, _ = Metrics(lambda seconds: host(*reports)).render(accept, timeout)
    return Scraped(body, openmetrics=accept is not None)


def busy(table="creds"):
    """A table with every word of every label, as supervisors send them: zeros included."""
    zeros = dict.fromkeys
    return well(
        table,
        requests={
            "lookup": zeros(("alias", "domain", "credentials", "netaddr", "userinfo"), 5),
            "check": {"netaddr": 3},
            "update": {"": 1},
        },
        answers=zeros(VERDICTS, 4),
        failures=zeros(REASONS, 0),
        tempfails=zeros(REASONS, 0),
        refusals={"quarantined": 2},
        observed={"retries": 1},
        latency={each: latency(0.002, 0.3, 20.0) for each in OPERATIONS},
        retries=zeros(CLASSES, 0),
        reconnects=zeros(CLASSES, 0),
        restarts=zeros(REASONS, 0),
        damage=zeros(DAMAGE[:6], 0),
        incidents_opened=zeros(CLASSES, 0),
        incidents=[incident(), incident(id=1, closed=3.0)],
        quarantine=Quarantine(3, 10_000, 17, 1, ["keys that latin1 cannot hold"]),
    )
