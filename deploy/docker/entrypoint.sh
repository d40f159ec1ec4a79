#!/bin/sh
# Process 1 of the container: works out the permissions, runs main.ts with them, hands signals down and the exit code up.
#
# Why a shell, and why it stays: Deno fixes permissions at its start, so something must run before it. `deno task` in that
# place ends with 143 when a signal comes during the start. `exec deno` would make Deno process 1, which loses a signal,
# or crashes on it, until main.ts listens. A waiting shell costs 2 MB and does neither.
set -u -f # no globbing: [::]:8000 is an address

signals=0
child=""

# TERM for both: a background process of a shell starts with INT ignored. The second one forces the end, as main.ts says.
on_signal() {
  signals=$((signals + 1))
  [ -z "$child" ] || kill -s TERM "$child" 2>/dev/null
}
trap on_signal TERM INT

# Deno sees the machine's memory, not the container's, and would be killed before it collects. Half is for the heap, the
# rest for its young part, buffers and code. DENO_V8_FLAGS of your own wins. (DENO_USE_CGROUPS=1
# does it where the container sees a cgroup namespace of its own, and finds nothing elsewhere.)
for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
  limit=$(cat "$file" 2>/dev/null) || continue
  case $limit in *[!0-9]* | "" | ??????????????*) continue ;; esac # "max", or a number that means "none"
  # As tools/print_flags.ts has it where nothing is limited.
  young=""
  [ "$limit" -lt 536870912 ] || young=",--min-semi-space-size=32,--max-semi-space-size=32"
  export DENO_V8_FLAGS="${DENO_V8_FLAGS:---max-old-space-size=$((limit / 2097152))$young}"
done

# The same two steps as `deno task start:prod`.
run="deno run -q --cached-only --frozen --env-file"
flags=$($run --allow-env --allow-read tools/prod_permissions.ts) || exit 1
[ "$signals" -eq 0 ] || exit 0

# In a session of its own: Ctrl-C at a terminal reaches this shell alone, and so arrives once.
# shellcheck disable=SC2086 # words are wanted
setsid $run $flags main.ts &
child=$!
[ "$signals" -eq 0 ] || kill -s TERM "$child" 2>/dev/null

# A signal interrupts `wait`: go on until the child is known to be gone. 127: its code has been told before. What the
# shell says itself about a child that a signal ended has no place in the log.
wait "$child" 2>/dev/null
code=$?
while [ "$code" -ge 128 ]; do
  kill -0 "$child" 2>/dev/null
  gone=$?
  wait "$child" 2>/dev/null
  again=$?
  [ "$again" -eq 127 ] || code=$again
  [ "$gone" -eq 0 ] || break
done

# Ended by the signal itself, before main.ts listened: nothing had begun.
[ "$code" -ne 143 ] || [ "$signals" -eq 0 ] || exit 0
exit "$code"
