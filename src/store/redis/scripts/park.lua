#!lua
-- Holds entries until they are due. ARGV from 4: ref, delay ms, record (JSON, open at its end for the due time), …
-- Returns for each when it is due, 0 where it is gone, its error where that cannot be told; -1 when fenced.
--@include common
if not leased(ME) then return -1 end
local mine = PRE .. 'parked:' .. ME
local wrong = check(RECORDS, 'hash', mine, 'zset')
  or allow({ 'HSET', RECORDS, '0', '0' }, { 'ZADD', mine, '0', '0' }, { 'XCLAIM', S, G, PARKED, '0', '0-0', 'JUSTID' })
if wrong then return wrong end

local now, result, records, due_times, count = now_ms(), {}, {}, {}, 0
-- Where a ref stands in the result: what is asked twice is parked once, and gone for the second.
local format, position, ids = string.format, {}, { [S] = {}, [R] = {} }
-- Acknowledgements go before parks, so that not much else is pending for the caller between the first of these and the
-- last: one look at that tells of nearly all, in a third of the time that a look at each takes.
local surely_mine = {}
if #ARGV > 12 then
  local rows = redis.pcall('XPENDING', S, G, ARGV[4], ARGV[#ARGV - 2], 2 * (#ARGV / 3 - 1), ME)
  for _, row in ipairs(rows.err and {} or rows) do surely_mine[row[1]] = true end
end
for i = 4, #ARGV, 3 do
  local ref, at = ARGV[i], (i - 1) / 3
  local key, id, holder, failed = S, ref, ME, nil
  if not surely_mine[ref] then
    key, id = place(ref)
    holder, failed = holder_of(key, id)
  end
  result[at] = failed or 0
  if holder == ME and not position[ref] then
    local due = now + tonumber(ARGV[i + 1])
    local digits = format('%.0f', due)
    position[ref], result[at] = at, due
    count = count + 2
    records[count - 1], records[count] = ref, ARGV[i + 2] .. digits .. '}'
    due_times[count - 1], due_times[count] = digits, ref
    local of = ids[key]
    of[#of + 1] = id
  end
end
if count == 0 then return result end
wrong = #ids[R] > 0 and allow({ 'XCLAIM', R, G, PARKED, '0', '0-0', 'JUSTID' }) or nil
if wrong then return wrong end

redis.call('HSET', RECORDS, unpack(records))
redis.call('ZADD', mine, unpack(due_times))
for _, key in ipairs({ S, R }) do
  for _, ref in ipairs(give(key, PARKED, ids[key])) do
    redis.call('HDEL', RECORDS, ref)
    redis.call('ZREM', mine, ref)
    result[position[ref]] = 0
  end
end
return result
