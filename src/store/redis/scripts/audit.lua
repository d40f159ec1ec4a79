#!lua flags=allow-oom
-- Finds parked entries without an index. ARGV 4 's' or 'r' · 5 start of the page · 6 limit
-- Returns {repaired, lost, start of the next page or ''}
--@include common
local wrong = check(RECORDS, 'hash', ORPHANS, 'zset', CONSUMERS, 'hash')
if wrong then return wrong end
local key, prefix = S, ''
if ARGV[4] == 'r' then key, prefix = R, 'r:' end
local names = redis.call('HKEYS', CONSUMERS)

local function indexed(ref, by)
  if redis.call('ZSCORE', ORPHANS, ref) then return true end
  if by and redis.call('HEXISTS', CONSUMERS, by) == 1 and redis.call('ZSCORE', PRE .. 'parked:' .. by, ref) then
    return true
  end
  for _, name in ipairs(names) do
    if redis.call('ZSCORE', PRE .. 'parked:' .. name, ref) then return true end
  end
  return false
end

local repaired, lost = 0, 0
local rows = tolerant('XPENDING', key, G, ARGV[5], '+', tonumber(ARGV[6]), PARKED)
for _, row in ipairs(rows) do
  local ref = prefix .. row[1]
  local record = record_of(ref)
  if not indexed(ref, record and record.by) then
    if hand_back(ref) then
      redis.call('ZADD', ORPHANS, record and record.dueMs or 0, ref)
      repaired = repaired + 1
    else
      lost = lost + 1
    end
  end
end
return { repaired, lost, #rows == tonumber(ARGV[6]) and '(' .. rows[#rows][1] or '' }
