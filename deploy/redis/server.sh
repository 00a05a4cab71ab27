#!/bin/sh
# One Redis of a pair.
#   server.sh NAME OTHER leader|follower [options of redis-server]
# The last word is what it is as long as nobody knows better. After a failover the old leader comes back as a follower:
# with two leaders, what is written to one of them would be lost.
set -eu
name=$1 other=$2 begins=$3
shift 3
port=${REDIS_PORT:-6379} other_port=${OTHER_PORT:-6379}

ask() { # host, port, words
  host=$1 at=$2
  shift 2
  timeout 3 "${REDIS_CLI:-redis-cli}" -h "$host" -p "$at" --raw "$@" 2>/dev/null | head -n 2 | tr '\n' ' ' || true
}

named=$(ask "${SENTINEL_HOST:-sentinel}" "${SENTINEL_PORT:-26379}" sentinel get-master-addr-by-name coupon-site)
case "$(ask "$other" "$other_port" role)$named$begins" in
  master*) follows=yes ;;
  *"$other $other_port "*) follows=yes ;;
  *"$name $port "*) follows= ;;
  *follower) follows=yes ;;
  *) follows= ;;
esac

exec "${REDIS_SERVER:-redis-server}" \
  --port "$port" \
  --requirepass "$REDIS_PASSWORD" \
  --masterauth "$REDIS_PASSWORD" \
  --replica-announce-ip "$name" \
  --maxmemory-policy noeviction \
  ${follows:+--replicaof "$other" "$other_port"} \
  "$@"
