#!lua
-- Holds one entry until it is due. ARGV 4 ref · 5 delay ms · 6 record, JSON without due time
--@include common
if not leased(ME) then return { 'fenced' } end
local ref, mine = ARGV[4], PRE .. 'parked:' .. ME
local key, id = place(ref)
if owner(key, id) ~= ME then return { 'gone' } end
local wrong = check(RECORDS, 'hash', mine, 'zset')
if wrong then return wrong end
local due = now_ms() + tonumber(ARGV[5])
local record = string.sub(ARGV[6], 1, -2) .. string.format(',"dueMs":%.0f}', due)
redis.call('HSET', RECORDS, ref, record)
redis.call('ZADD', mine, due, ref)
if #redis.call('XCLAIM', key, G, PARKED, 0, id, 'JUSTID') == 0 then
  redis.call('HDEL', RECORDS, ref)
  redis.call('ZREM', mine, ref)
  return { 'gone' }
end
return { 'settled', due }
