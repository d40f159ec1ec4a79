#!lua
-- Publishes occurrences later than the last one. ARGV 4 base · 5 schedule · 6 seen ms ('' none) · 7 count,
-- then for each: occurrence ms and its item. Returns how many were published.
--@include common
--@include emit
local base, schedule, count = ARGV[4], ARGV[5], tonumber(ARGV[7])
local schedules = PRE .. 'schedules'
local wrong = check(schedules, 'hash', emit_targets(S, base)) or allow({ 'HSET', schedules, schedule, '0' })
if wrong then return wrong end
if count == 0 then
  if ARGV[6] ~= '' then redis.call('HSETNX', schedules, schedule, ARGV[6]) end
  return 0
end
local last = tonumber(redis.call('HGET', schedules, schedule) or nil)
local now, at, fired = now_ms(), 8, 0
for _ = 1, count do
  local occurrence, item = tonumber(ARGV[at]), nil
  item, at = take(at + 1)
  if not last or occurrence > last then
    emit(S, base, item, now)
    last, fired = occurrence, fired + 1
  end
end
if fired > 0 then redis.call('HSET', schedules, schedule, string.format('%.0f', last)) end
return fired
