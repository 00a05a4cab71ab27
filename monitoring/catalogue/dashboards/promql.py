"""PromQL in the words of the dashboards. Every selector names its job, so that two products may share a Prometheus."""

WINDOW = "$__rate_interval"
ENVIRONMENT = 'environment=~"$environment"'


def chosen(series: str, *matchers: str) -> str:
    """A series of the processes that the dashboard's variables choose."""
    return everywhere(series, 'job=~"$job"', 'instance=~"$instance"', *matchers)


def of(job: str, series: str, *matchers: str) -> str:
    """A series that one job alone serves: choosing another process must not empty it."""
    return everywhere(series, f'job="{job}"', *matchers)


def state(series: str, *matchers: str) -> str:
    """A figure of the database, from the state exporter."""
    return of("app-state", series, *matchers)


def everywhere(series: str, *matchers: str) -> str:
    """A series of whatever serves it: of every target, or of the cluster's own exporters, whose jobs we do not name."""
    return f"{series}{{{','.join([ENVIRONMENT, *matchers])}}}"


def rate(selector: str, window: str = WINDOW) -> str:
    return f"rate({selector}[{window}])"


def increase(selector: str, window: str = WINDOW) -> str:
    return f"increase({selector}[{window}])"


def total(expr: str, *by: str) -> str:
    return aggregate("sum", expr, *by)


def highest(expr: str, *by: str) -> str:
    return aggregate("max", expr, *by)


def lowest(expr: str, *by: str) -> str:
    return aggregate("min", expr, *by)


def number(expr: str, *by: str) -> str:
    return aggregate("count", expr, *by)


def aggregate(operation: str, expr: str, *by: str) -> str:
    labels = f" by ({', '.join(by)}) " if by else ""
    return f"{operation}{labels}({expr})"


def quantile(share: float, histogram: str, *by: str, window: str = WINDOW) -> str:
    """A quantile of a histogram's selector; `histogram` ends with `_bucket{…}`."""
    return f"histogram_quantile({share}, {total(rate(histogram, window), *by, 'le')})"


def mean(summary: str, *by: str, matchers: tuple[str, ...] = ()) -> str:
    """The average of a histogram or a summary, by its sum and its count."""
    whole, count = (total(rate(chosen(f"{summary}_{part}", *matchers)), *by) for part in ("sum", "count"))
    return f"{whole} / {count}"


def or_zero(expr: str) -> str:
    """Nothing happened yet is 0, not a gap."""
    return f"({expr} or vector(0))"
