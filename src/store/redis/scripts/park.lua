#!lua
-- Holds entries until they are due. ARGV from 4: ref, delay ms, record (JSON without due time), …
-- Returns for each when it is due, 0 where it is gone, its error where that cannot be told; -1 when fenced.
--@include common
if not leased(ME) then return -1 end
local mine = PRE .. 'parked:' .. ME
local wrong = check(RECORDS, 'hash', mine, 'zset')
  or allow({ 'HSET', RECORDS, '0', '0' }, { 'ZADD', mine, '0', '0' }, { 'XCLAIM', S, G, PARKED, '0', '0-0', 'JUSTID' })
if wrong then return wrong end

local now, result, records, due_times = now_ms(), {}, {}, {}
-- Where a ref stands in the result: what is asked twice is parked once, and gone for the second.
local position, ids = {}, { [S] = {}, [R] = {} }
for i = 4, #ARGV, 3 do
  local ref, at = ARGV[i], #result + 1
  local key, id = place(ref)
  local holder, failed = holder_of(key, id)
  result[at] = failed or 0
  if holder == ME and not position[ref] then
    local due, n = now + tonumber(ARGV[i + 1]), #records
    position[ref], result[at] = at, due
    records[n + 1], records[n + 2] = ref, string.sub(ARGV[i + 2], 1, -2) .. string.format(',"dueMs":%.0f}', due)
    due_times[n + 1], due_times[n + 2] = due, ref
    ids[key][#ids[key] + 1] = id
  end
end
if #records == 0 then return result end
wrong = #ids[R] > 0 and allow({ 'XCLAIM', R, G, PARKED, '0', '0-0', 'JUSTID' }) or nil
if wrong then return wrong end

redis.call('HSET', RECORDS, unpack(records))
redis.call('ZADD', mine, unpack(due_times))
for _, key in ipairs({ S, R }) do
  for _, ref in ipairs(give_to_parked(key, ids[key])) do
    redis.call('HDEL', RECORDS, ref)
    redis.call('ZREM', mine, ref)
    result[position[ref]] = 0
  end
end
return result
