#!lua flags=allow-oom
-- Takes what belongs to nobody into the caller's care. ARGV 4 limit. Returns {ref, due, order key or false} each.
--@include common
if not leased(ME) then return {} end
local mine = PRE .. 'parked:' .. ME
local wrong = check(RECORDS, 'hash', ORPHANS, 'zset', mine, 'zset')
if wrong then return wrong end
local found = redis.call('ZRANGE', ORPHANS, 0, tonumber(ARGV[4]) - 1, 'WITHSCORES')
local rows = {}
for i = 1, #found, 2 do
  local ref, due = found[i], found[i + 1]
  redis.call('ZADD', mine, due, ref)
  redis.call('ZREM', ORPHANS, ref)
  local record = record_of(ref)
  if record then
    record.by = ME
    -- Whoever had the rest was another.
    record.kept = nil
    redis.call('HSET', RECORDS, ref, cjson.encode(record))
  end
  rows[#rows + 1] = { ref, due, record and record.orderKey or false }
end
return rows
