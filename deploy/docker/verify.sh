#!/usr/bin/env bash
# Builds the image and runs the compose file for real: restrictions, probes, early signals, a rolling restart of two
# replicas under load, and a backlog of 1 GB. A few minutes; exit code 0 only if everything holds.
#
#   deploy/docker/verify.sh
#
# Needs bash, curl, Docker with compose (v2, or docker-compose), Deno, 3 GB of memory.
#   VERIFY_PORTS    two neighbouring ports of this machine. Default 18080-18081
#   VERIFY_BACKLOG  entries of 10 KB in the backlog. Default 100000
# shellcheck disable=SC2016 # what stands in single quotes is for the shell in the container
set -euo pipefail
cd "$(dirname "$0")/../.."
ports="${VERIFY_PORTS:-18080-18081}"
backlog="${VERIFY_BACKLOG:-100000}"
first="${ports%-*}"
project="redis-stream-service-verify"
if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=(-p "$project")
verify=("${compose[@]}" -f docker-compose.yml -f deploy/docker/verify.compose.yml)

say() { printf '%s\n' "$*"; }
fail() {
  say "FAIL  $*" >&2
  exit 1
}
check() { # WHAT WANTED FOUND
  [[ "$2" == "$3" ]] || fail "$1: wanted $2, found $3"
  say "ok    $1"
}
eventually() { # SECONDS WHAT COMMAND…
  local patience="$1" what="$2"
  shift 2
  for ((i = 0; i < patience * 4; i++)); do
    if "$@" >/dev/null 2>&1; then
      say "ok    $what"
      return
    fi
    sleep 0.25
  done
  fail "$what: not within ${patience} s"
}
healthy() { [[ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" == healthy ]]; }
trap '"${compose[@]}" down -v >/dev/null 2>&1 || true' EXIT

say "# the image"
docker build -q -t redis-stream-service:local . >/dev/null
say "ok    it builds"

say "# docker compose up, as it is"
PUBLISHED_PORT="$first" "${compose[@]}" up -d --no-build
container="$("${compose[@]}" ps -q service)"
eventually 60 "Docker calls it healthy" healthy "$container"
eventually 30 "ready" curl -fsS "http://127.0.0.1:$first/health/ready"
./test-health-checks.sh "http://127.0.0.1:$first" >/dev/null || fail "test-health-checks.sh"
say "ok    test-health-checks.sh"
inside() { docker exec "$container" sh -c "$1" 2>/dev/null || true; }
check "user and group" "65532 65532" "$(inside 'echo $(id -u) $(id -g)')"
check "no capability in any of the five sets" "5" "$(inside 'grep -Ec "^Cap.*:[[:space:]]0000000000000000$" /proc/1/status')"
check "no new privileges" "1" "$(inside 'sed -n "s/^NoNewPrivs:[[:space:]]*//p" /proc/1/status')"
check "seccomp filters" "2" "$(inside 'sed -n "s/^Seccomp:[[:space:]]*//p" /proc/1/status')"
places="/ /app /tmp /var/tmp /deno-cache /home"
check "nothing can be written" "writable:" "$(inside "printf writable:; for d in $places; do touch \$d/x 2>/dev/null && printf ' %s' \$d; done; :")"
# A shell in the container knows its only child's environment.
flag='tr "\0" "\n" </proc/$(cut -d" " -f1 /proc/1/task/1/children)/environ | sed -n s/^DENO_V8_FLAGS=//p'
flags="--max-old-space-size=256,$(sed -n 's/^export const V8_FLAGS = "\(.*\)";/\1/p' tools/print_flags.ts)"
check "the heap's limit is half of the container's, with room for what is young" "$flags" "$(inside "$flag")"
check "cli in the image" "0" "$(docker exec "$container" sh -c 'deno run -q --cached-only --frozen $(deno run -q --cached-only --frozen --allow-env --allow-read tools/cli_permissions.ts) cli.ts stats --json' >/dev/null 2>&1; echo $?)"
docker stop -t 30 "$container" >/dev/null
check "exit code of docker stop" "0" "$(docker inspect -f '{{.State.ExitCode}}' "$container")"
"${compose[@]}" down -v >/dev/null 2>&1

say "# a signal during the start"
for delay in 0 0.05 0.1 0.2 0.3 0.5 0.8; do
  container="$(docker run -d --read-only --cap-drop ALL --security-opt no-new-privileges --memory 512m \
    -e REDIS_HOST=127.0.0.1 -e REDIS_PORT=1 redis-stream-service:local)"
  sleep "$delay"
  docker kill -s TERM "$container" >/dev/null
  check "exit code after $delay s" "0" "$(timeout 60 docker wait "$container")"
  docker rm -f "$container" >/dev/null
done

say "# two replicas, restarted one after the other"
PUBLISHED_PORT="$ports" "${verify[@]}" up -d --no-build --scale service=2
redis="$("${verify[@]}" ps -q redis)"
mapfile -t replicas < <("${verify[@]}" ps -q service)
for replica in "${replicas[@]}"; do eventually 60 "healthy" healthy "$replica"; done
deno run -q --allow-net=127.0.0.1 --allow-run=docker deploy/docker/rolling_restart.ts "$redis" "${replicas[@]}" || fail "the rolling restart"

say "# a backlog of $backlog entries of 10 KB, one replica"
for replica in "${replicas[@]}"; do docker stop -t 30 "$replica" >/dev/null; done
fill='local d = string.rep("x", 10000)
for i = 1, ARGV[1] do redis.call("XADD", KEYS[1], "*", "id", "b" .. ARGV[2] + i, "type", "memory.big", "source", "t", "data", "\"" .. d .. "\"") end'
for ((done = 0; done < backlog; done += 1000)); do
  docker exec "$redis" redis-cli EVAL "$fill" 1 event-stream 1000 "$done" >/dev/null
done
replica="${replicas[0]}"
docker start "$replica" >/dev/null
left() { docker exec "$redis" redis-cli XINFO GROUPS event-stream | tr '\n' ' ' | grep -Eq 'pending 0 .*lag 0 ?$'; }
eventually 300 "handled" left
memory='grep VmHWM /proc/$(cut -d" " -f1 /proc/1/task/1/children)/status'
say "      peak resident: $(docker exec "$replica" sh -c "$memory" | tr -s '\t ' ' ')"
check "killed for memory, restarts" "false 0" "$(docker inspect -f '{{.State.OOMKilled}} {{.RestartCount}}' "$replica")"
say "# everything holds"
