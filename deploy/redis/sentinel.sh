#!/bin/sh
# One sentinel. It writes what it learns into its configuration, so each has a copy of its own.
set -eu
umask 077
file=${SENTINEL_RUN:-/run/sentinel}/sentinel.conf
cat >"$file" <<END
port ${SENTINEL_PORT:-26379}
dir ${SENTINEL_RUN:-/run/sentinel}
sentinel resolve-hostnames yes
sentinel announce-hostnames ${SENTINEL_ANNOUNCE_HOSTNAMES:-yes}
sentinel monitor coupon-site ${REDIS_HOST:-redis} ${REDIS_PORT:-6379} 2
sentinel auth-pass coupon-site $REDIS_PASSWORD
sentinel down-after-milliseconds coupon-site ${SENTINEL_DOWN_MS:-5000}
sentinel failover-timeout coupon-site ${SENTINEL_FAILOVER_MS:-30000}
requirepass $REDIS_PASSWORD
sentinel sentinel-pass $REDIS_PASSWORD
END
exec "${REDIS_SERVER:-redis-server}" "$file" --sentinel
