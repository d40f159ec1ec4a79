#!/usr/bin/env bash
# Exercises every health and trigger endpoint of a running service, a line each.
#
#   ./test-health-checks.sh [BASE_URL]        default http://localhost:8000
#
# Exit code 0 only if everything holds, 1 if something does not, 2 on wrong use. Set API_TOKEN where the service has one.
# Needs bash and curl. Publishes two test events.
set -u -o pipefail
shopt -s extglob

if [[ $# -gt 1 || "${1:-}" == -* ]]; then
  echo "usage: $0 [BASE_URL]" >&2
  exit 2
fi
base="${1:-http://localhost:8000}"
base="${base%/}"
if ! command -v curl >/dev/null 2>&1; then
  echo "FAIL  curl is not installed; it is wanted to talk to ${base} (apt-get install curl, apk add curl, brew install curl)" >&2
  exit 1
fi

passed=0
failed=0
answer_status="" answer_headers="" answer_body=""

# request METHOD PATH [curl arguments]: fills the answer_* variables; status 000 where nothing answered.
request() {
  local method="$1" path="$2" raw
  shift 2
  local args=(--silent --include --max-time 10 --http1.1)
  if [[ $method == HEAD ]]; then args+=(--head); else args+=(--request "$method"); fi
  # As a configuration on standard input, so that the token is in no process list.
  raw="$(auth_config | curl --config - "${args[@]}" "$@" "${base}${path}" 2>/dev/null | tr -d '\r')"
  answer_headers="${raw%%$'\n\n'*}"
  answer_body="${raw#*$'\n\n'}"
  [[ $answer_body == "$raw" ]] && answer_body=""
  answer_status="$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' <<<"$answer_headers")"
  answer_status="${answer_status:-000}"
}

auth_config() {
  local token="${API_TOKEN:-}"
  token="${token//\\/\\\\}"
  token="${token//\"/\\\"}"
  if [[ -n $token ]]; then printf 'header = "Authorization: Bearer %s"\n' "$token"; fi
}

# trigger [curl arguments]: POSTs; where a rate limit is in the way, waits as told and asks once more.
trigger() {
  request POST /trigger-test-event "$@"
  if [[ $answer_status == 429 ]]; then
    local seconds
    seconds="$(header retry-after)"
    sleep "${seconds:-1}"
    request POST /trigger-test-event "$@"
  fi
}

header() {
  awk -v name="$1" 'BEGIN { name = tolower(name) ":" }
    tolower(substr($0, 1, length(name))) == name { sub(/^[^:]*: */, ""); print; exit }' <<<"$answer_headers"
}

report() {
  local ok="$1" name="$2" detail="$3"
  if [[ $ok == yes ]]; then
    passed=$((passed + 1))
    printf 'PASS  %s\n' "$name"
  else
    failed=$((failed + 1))
    printf 'FAIL  %s: %s\n' "$name" "$detail"
  fi
}

# expect NAME STATUS [BODY_PATTERN]: a glob that the body must match; "" is an empty body.
expect() {
  local name="$1" status="$2" ok=yes
  [[ $answer_status == "$status" ]] || ok=no
  # shellcheck disable=SC2053 # a pattern is wanted
  if [[ $# -gt 2 ]]; then [[ $answer_body == $3 ]] || ok=no; fi
  report "$ok" "$name" "wanted ${status}${3:+ with $3}, found ${answer_status} ${answer_body:0:200}"
}

# expect_header NAME HEADER PATTERN
expect_header() {
  local found ok=yes
  found="$(header "$2")"
  # shellcheck disable=SC2053 # a pattern is wanted
  [[ $found == $3 ]] || ok=no
  report "$ok" "$1" "wanted $2: $3, found '${found}'"
}

get_and_head() {
  local path="$1" pattern="$2"
  request GET "$path"
  expect "GET  ${path}" 200 "$pattern"
  request HEAD "$path"
  expect "HEAD ${path}" 200 ""
}

echo "Checking ${base}"
request GET /health/live
if [[ $answer_status == 000 ]]; then
  echo "FAIL  nothing answers HTTP at ${base}; start the service, or give its address: $0 http://host:port"
  exit 1
fi
get_and_head /health/live "OK"
get_and_head /health/ready '{"status":"ready","timestamp":"*Z"}'
get_and_head /health '{"status":"@(healthy|degraded)","timestamp":*"service":*"checks":*"redis":*"eventStream":*}'
get_and_head /health-check "ok"

trigger
expect "POST /trigger-test-event without a body" 200 '{"success":true,"message":"Test event published","stream":*"eventId":*"entryId":*}'
trigger --header 'Content-Type: application/json' --data '{"probe":"test-health-checks"}'
expect "POST /trigger-test-event with a body" 200 '{"success":true,*"entryId":*}'
trigger --header 'Content-Type: application/json' --data '[1,2]'
expect "POST /trigger-test-event with a body that is no object" 400 '*"status":400*'

for pair in "POST /health" "POST /health/live" "POST /health/ready" "POST /health-check"; do
  request POST "${pair#* }"
  expect "${pair} is not allowed" 405 '*"status":405*'
  expect_header "${pair} tells what is" Allow "GET, HEAD"
done
request GET /trigger-test-event
expect "GET  /trigger-test-event is not allowed" 405 '*"status":405*'
expect_header "GET  /trigger-test-event tells what is" Allow "POST"

request GET /no-such-path
expect "GET  /no-such-path is unknown" 404 '*"status":404*'
expect_header "errors are problem documents" Content-Type "application/problem+json*"
expect_header "errors have security headers" X-Content-Type-Options "nosniff"

request GET /health/live --header 'X-Correlation-ID: test-health-checks-1'
expect_header "a correlation id comes back" X-Correlation-ID "test-health-checks-1"
request GET /health/live --header 'X-Correlation-ID: not <safe>'
expect_header "a hostile correlation id is replaced" X-Correlation-ID "+([A-Za-z0-9_.:-])"
request GET /health/live
expect_header "a correlation id is made where none came" X-Correlation-ID "+([A-Za-z0-9_.:-])"

echo "${passed} passed, ${failed} failed"
((failed == 0))
