"""Load on a running site: Locust with its figures for Prometheus, and the same visits for k6."""
