"""One meaning, one colour, on every dashboard. Names of Grafana's palette, good on dark and on light."""

GOOD, NOTICE, BAD, CALM, OTHER = "green", "orange", "red", "blue", "purple"
SEVERITIES = {"critical": BAD, "warning": NOTICE, "info": "yellow", "none": "text"}

STATUSES = (("^1..$", "text"), ("^2..$", GOOD), ("^3..$", CALM), ("^4..$", NOTICE), ("^5..$", BAD))
CLASSES = (("^4xx$", NOTICE), ("^5xx$", BAD))
QUANTILES = (
    ("p50", "super-light-blue"),
    ("average", "light-blue"),
    ("p95", "blue"),
    ("p99", "dark-blue"),
)
JOBS = (
    ("^app-web$", "blue"),
    ("^app-worker$", "purple"),
    ("^app-import$", "yellow"),
    ("^app-realtime$", "semi-dark-green"),
    ("^app-state$", "light-orange"),
)
OUTCOMES = (
    (
        "^(success|done|delivered|captured|approved|paid|booked|claimed|created|processed|commits|hits|accepted|admitted)$",
        GOOD,
    ),
    ("^(failed|error|refused|dead|rollbacks|misses|lost|given up)$", BAD),
    ("^(pending|queued|waiting|requested|reserved)$", CALM),
    ("^(in flight|in_flight|active|running)$", "yellow"),
    ("^(expired|cancelled|declined|done_with_errors|sold_out)$", NOTICE),
)
