#!lua flags=allow-oom
-- Removes what retention allows and every group has finished with; a bounded part of it.
-- ARGV 4 most entries · 5 most age ms · 6 budget, entries. Returns {removed, letters removed, 1 when there is more,
-- group that holds back or false, entry id it needs or false, ms for which nothing becomes too old or 0}
--@include common
local max_length, budget = tonumber(ARGV[4]), tonumber(ARGV[6])
local oldest_ms = math.max(0, now_ms() - tonumber(ARGV[5]))
local oldest = string.format('%.0f-0', oldest_ms)
local more = 0

-- What a group still needs begins at its oldest pending entry, or right behind the last one delivered.
local function need_of(info)
  local need = after(info['last-delivered-id'])
  if info.pending > 0 then
    local first = redis.call('XPENDING', S, info.name)[2]
    if first and before(first, need) then need = first end
  end
  return need
end

local function floor_of_groups()
  local floor, by, ours = nil, nil, false
  if redis.call('EXISTS', S) == 0 then return nil end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', S)) do
    local info = map(flat)
    local need = need_of(info)
    if info.name == G then ours = true end
    if not floor or before(need, floor) then floor, by = need, info.name end
  end
  -- Our group was destroyed and will be made again at 0: everything is still needed.
  if not ours then return nil end
  return floor, by
end

-- Whole nodes with `~` and LIMIT, which never go past the id or the budget, then exactly within one node.
local function trim_below(key, id, limit)
  local removed = redis.call('XTRIM', key, 'MINID', '~', id, 'LIMIT', limit)
  if removed + 1000 < limit then return removed + redis.call('XTRIM', key, 'MINID', '=', id) end
  more = 1
  return removed
end

local function trim_excess(key, floor)
  local length = redis.call('XLEN', key)
  local excess = length - max_length
  if excess <= 0 then return 0 end
  local wanted = math.min(excess, budget)
  local removed = redis.call('XTRIM', key, 'MINID', '~', floor, 'LIMIT', wanted)
  local left = wanted - removed
  while left > 0 do
    local count = math.min(left, 128)
    local rows = #redis.call('XRANGE', key, '-', '(' .. floor, 'COUNT', count)
    if rows > 0 then removed = removed + redis.call('XTRIM', key, 'MAXLEN', '=', redis.call('XLEN', key) - rows) end
    if rows < count then return removed end
    left = left - rows
  end
  if excess > budget then more = 1 end
  return removed
end

local removed, letters = 0, 0
local floor, by = floor_of_groups()
if floor then
  removed = trim_below(S, before(floor, oldest) and floor or oldest, budget) + trim_excess(S, floor)
end

local dlq = PRE .. 'dlq'
letters = trim_below(dlq, oldest, budget)
local length = redis.call('XLEN', dlq)
if length > max_length then
  local keep = math.max(max_length, length - budget)
  letters = letters + redis.call('XTRIM', dlq, 'MAXLEN', '=', keep)
  if keep > max_length then more = 1 end
end

-- Until what was added then is too old.
local function left_of(id)
  return math.max(0, tonumber(string.match(id, '^(%d+)')) - oldest_ms)
end

local quiet = 0
if floor and more == 0 then
  local first = redis.call('XRANGE', S, '-', '+', 'COUNT', 1)[1]
  if first and (redis.call('XLEN', S) > max_length or before(first[1], oldest)) then
    return { removed, letters, more, by, first[1], 0 }
  end
  local letter = redis.call('XRANGE', dlq, '-', '+', 'COUNT', 1)[1]
  if first then quiet = math.min(left_of(first[1]), letter and left_of(letter[1]) or math.huge) end
end
return { removed, letters, more, false, false, quiet }
