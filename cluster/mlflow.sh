#!/usr/bin/env bash
# An MLflow server on PostgreSQL, both for this machine alone:
#
#   mlflow.sh start FOLDER [PORT]     starts what is not running and waits until it answers
#   mlflow.sh stop FOLDER
#
# FOLDER, on a disk of this machine, keeps the database, the artifacts and the logs. The server listens on 127.0.0.1:PORT
# (5000), PostgreSQL on no port at all but on a socket in FOLDER, where the kernel tells it who asks: there is no password.
# Needs initdb and pg_ctl (package postgresql), and mlflow and psycopg2 in the PATH's environment.
set -euo pipefail
umask 077
action=$1 folder=$2 port=${3:-5000}
database="$folder/database" socket="$folder/socket" pid_file="$folder/mlflow.pid" log="$folder/mlflow.log"
for path in /usr/lib/postgresql/*/bin; do PATH="$PATH:$path"; done # where Debian keeps initdb and pg_ctl

as_owner() { # PostgreSQL refuses to run as root
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

start_database() {
  mkdir -p "$folder" "$socket" "$database"
  if [ "$(id -u)" = 0 ]; then
    chmod 711 "$folder"
    chown postgres "$database" "$socket"
    chmod 711 "$socket"
  fi
  if [ ! -e "$database/PG_VERSION" ]; then
    as_owner initdb --pgdata="$database" --auth=peer --encoding=UTF8 --locale=C >"$folder/initdb.log"
  fi
  as_owner pg_ctl status --pgdata="$database" >/dev/null ||
    as_owner pg_ctl start --wait --silent --pgdata="$database" --log="$database/server.log" \
      --options="-c listen_addresses='' -c unix_socket_directories='$socket' -c max_connections=200"
  if [ "$(id -u)" = 0 ]; then
    as_owner psql --host="$socket" --quiet --command='CREATE ROLE root SUPERUSER LOGIN' postgres 2>/dev/null || true
  fi
  psql --host="$socket" --list --tuples-only --no-align postgres | grep -q '^mlflow|' ||
    createdb --host="$socket" --maintenance-db=postgres mlflow
}

# The number of a server that is gone, as after a reboot, may be another program's by now.
running() { [ -e "$pid_file" ] && ps -o args= -p "$(cat "$pid_file")" 2>/dev/null | grep -q 'mlflow'; }

answers() {
  python3 -c "import sys, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:$port/health', timeout=2)" 2>/dev/null
}

start_server() {
  if ! running; then
    # One worker and no job runners: the defaults are 15 processes and 3 GB.
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false setsid nohup mlflow server --host 127.0.0.1 --port "$port" --workers 1 \
      --backend-store-uri "postgresql+psycopg2:///mlflow?host=$socket" --artifacts-destination "$folder/artifacts" \
      >>"$log" 2>&1 </dev/null &
    echo $! >"$pid_file"
  fi
  for _ in $(seq 240); do
    if ! running; then break; fi
    if answers; then return; fi
    sleep 0.5
  done
  echo "mlflow.sh: the server does not answer on 127.0.0.1:$port; the end of $log:" >&2
  tail -n 20 "$log" >&2
  exit 1
}

case $action in
  start)
    start_database
    start_server
    ;;
  stop)
    if running; then
      kill -- "-$(cat "$pid_file")" 2>/dev/null || kill "$(cat "$pid_file")" || true
      for _ in $(seq 100); do if running; then sleep 0.1; fi; done
    fi
    rm -f "$pid_file"
    if as_owner pg_ctl status --pgdata="$database" >/dev/null; then
      as_owner pg_ctl stop --wait --silent --mode=fast --pgdata="$database"
    fi
    ;;
  *)
    echo "usage: mlflow.sh start|stop FOLDER [PORT]" >&2
    exit 2
    ;;
esac
