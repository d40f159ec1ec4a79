#!lua
-- Writes a dead letter, then acknowledges.
-- ARGV 4 ref · 5 entry id · 6 reason · 7 error · 8 deliveries · 9 first ms · 10 last ms · 11 replays · 12… fields
--@include common
--@include rfc3339
if not leased(ME) then return { 'fenced' } end
local ref = ARGV[4]
local key, id = place(ref)
if owner(key, id) ~= ME then return { 'gone' } end
local wrong = check(RECORDS, 'hash', PRE .. 'dlq', 'stream') or may_finish(ref)
if wrong then return wrong end
local now, values = now_ms(), {}
for i = 12, #ARGV do values[#values + 1] = ARGV[i] end
local ours = {
  'dlq.entry', ARGV[5], 'dlq.stream', S, 'dlq.group', G, 'dlq.consumer', ME, 'dlq.reason', ARGV[6],
  'dlq.error', ARGV[7], 'dlq.deliveries', ARGV[8], 'dlq.first', rfc3339(tonumber(ARGV[9]), now),
  'dlq.last', rfc3339(tonumber(ARGV[10]), now), 'dlq.replays', ARGV[11],
}
for i = 1, #ours do values[#values + 1] = ours[i] end
local letter = redis.call('XADD', PRE .. 'dlq', '*', unpack(values))
finish(ref)
return { 'settled', letter }
