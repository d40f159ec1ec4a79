#!lua
-- Appends effects that wait in the outbox of a stream on another node, each once: they come in the order of their ids,
-- and what lies at or before the last one that was appended has been. ARGV 4 base · 5 whose outbox · 6 count, then for
-- each: its id there and its item. Returns the ids of the new entries.
--@include common
--@include emit
local base, source, count = ARGV[4], ARGV[5], tonumber(ARGV[6])
local relayed = base .. 'relayed'
local wrong = check(relayed, 'hash', emit_targets(S, base)) or allow({ 'HSET', relayed, source, '0' })
if wrong then return wrong end
local last, now, at, appended = redis.call('HGET', relayed, source), now_ms(), 7, {}
for _ = 1, count do
  local id, item = ARGV[at], nil
  item, at = take(at + 1)
  if not last or before(last, id) then
    local entry = emit(S, base, item, now)
    if entry then appended[#appended + 1] = entry end
    last = id
  end
end
if last then redis.call('HSET', relayed, source, last) end
return appended
