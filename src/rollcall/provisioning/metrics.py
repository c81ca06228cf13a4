"""What Prometheus is told of provisioning: counters of what this process did, and gauges of what the database holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from rollcall.provisioning.connectors.contract import Many, Refused, Unanswered
from rollcall.provisioning.gauges import JobGauges
from rollcall.provisioning.meter import Meter, Reply

_MOST_JOBS = 1000
"""Beyond so many jobs in one process the others share the label `other`, so that a scrape stays within bounds."""

_LATENCY_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ARRIVAL_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86_400)
_JOB = ("job",)


class Metrics:
    """The metrics of one process. Labels are ids of jobs and words of ours, never names or values of people."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._jobs: set[str] = set()
        self._cycles = Counter(
            "rollcall_cycles", "Cycles that ended; result is done, stopped or failed.", ("job", "kind", "result"), registry=registry
        )  # fmt: skip
        self._operations = Counter(
            "rollcall_operations", "Log records of objects and references, by what was done and how it ended.",
            ("job", "action", "status"), registry=registry,
        )  # fmt: skip
        self._arrivals = Histogram(
            "rollcall_arrival_seconds", "From the change in the directory to the answer of the application that took it.",
            _JOB, registry=registry, buckets=_ARRIVAL_SECONDS,
        )  # fmt: skip
        self._requests = Histogram(
            "rollcall_target_request_seconds", "Requests to the application and how long their answers took, by result: done, refused, throttled or unanswered.",
            ("job", "result"), registry=registry, buckets=_LATENCY_SECONDS,
        )  # fmt: skip
        self._held = Counter(
            "rollcall_removals_held", "Removals that a guard held back in cycles of this process.", _JOB, registry=registry
        )  # fmt: skip
        self._gauges = _Gauges()
        registry.register(self._gauges)

    def meter(self, job_id: UUID) -> Meter:
        """What takes the measurements of a job's cycles."""
        return _JobMeter(self, self._label(job_id))

    def cycle_ended(self, job_id: UUID, kind: str, result: str, held: int) -> None:
        """A cycle came to its end: `done`, `stopped` by the target or a guard, or `failed` by a fault of ours."""
        job = self._label(job_id)
        self._cycles.labels(job, kind, result).inc()
        if held:
            self._held.labels(job).inc(held)

    def exposition(self, jobs: Sequence[JobGauges]) -> bytes:
        """All metrics in Prometheus's text format, the gauges as the database has them now."""
        self._gauges.jobs = jobs
        return generate_latest(self.registry)

    def _label(self, job_id: UUID) -> str:
        name = str(job_id)
        if name not in self._jobs and len(self._jobs) >= _MOST_JOBS:
            return "other"
        self._jobs.add(name)
        return name

    def _answered(self, job: str, result: str, seconds: float) -> None:
        self._requests.labels(job, result).observe(seconds)

    def _operated(self, job: str, action: str, status: str) -> None:
        self._operations.labels(job, action, status).inc()

    def _arrived(self, job: str, seconds: float) -> None:
        self._arrivals.labels(job).observe(max(0.0, seconds))


class _JobMeter:
    def __init__(self, metrics: Metrics, job: str) -> None:
        self._metrics = metrics
        self._job = job

    def answered(self, answer: Reply, seconds: float) -> None:
        self._metrics._answered(self._job, _result_of(answer), seconds)

    def operated(self, action: str, outcome: str) -> None:
        self._metrics._operated(self._job, action, outcome)

    def arrived(self, seconds: float) -> None:
        self._metrics._arrived(self._job, seconds)


def _result_of(answer: Reply) -> str:
    if isinstance(answer, Unanswered):
        return "unanswered"
    if isinstance(answer, Many):
        return "done"
    if isinstance(answer, Refused):
        return "throttled" if answer.code == "TooManyRequests" else "refused"
    return "done"


class _Gauges(Collector):
    """What the database holds of each job, as it was read for this scrape."""

    def __init__(self) -> None:
        self.jobs: Sequence[JobGauges] = ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        states = GaugeMetricFamily("rollcall_job_state", "1 for the state that the job is in.", labels=["job", "state"])
        quarantine = GaugeMetricFamily(
            "rollcall_job_quarantine", "1 for a job in quarantine, with the reason.", labels=["job", "reason"]
        )
        escrowed = GaugeMetricFamily("rollcall_escrow_objects", "Objects that failed and are tried again.", labels=_JOB)
        held = GaugeMetricFamily("rollcall_held_objects", "Removals that wait for somebody to allow them.", labels=_JOB)
        for each in self.jobs:
            job = str(each.job_id)
            states.add_metric([job, each.state], 1)
            if each.quarantine_reason is not None:
                quarantine.add_metric([job, each.quarantine_reason], 1)
            escrowed.add_metric([job], each.escrowed)
            held.add_metric([job], each.withheld)
        yield from (states, quarantine, escrowed, held)


def described(metrics: Metrics) -> Iterable[tuple[str, str, str]]:
    """Name, type and meaning of every metric, for the documentation."""
    return [(family.name, family.type, family.documentation) for family in metrics.registry.collect()]
