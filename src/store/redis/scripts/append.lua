#!lua
-- Appends all or none. ARGV 4 base `{stream}:` · 5 window ms · 6 key of the batch's mark ('' none) · 7 packed items, then
-- long values. Packed is: list of how many values each has, negative where some are long · list of marks (empty, or '' none) ·
-- list of due ms (empty, or 0: at once) · the values, in place of a long one its place in ARGV
-- Returns the entry ids, '' while one waits, '=' before one that was deduplicated, with a space between: one text, since a list
-- costs both sides as much as the ids do.
-- Called for every event that is published: it does without all that it does not need.
local S = KEYS[1]
local base, window, batch, packed = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
--@include guards
--@include emit
--@include published
local call, unpack_limit = redis.call, cmsgpack.unpack_limit
local at, counts, marks, dues = unpack_limit(packed, 3)
local now = (#marks > 0 or #dues > 0) and now_ms() or 0

-- Entry id by mark, '' while it waits.
local known = {}

-- Field '' of a hash, then those of the marks, or an error.
local function fetch(key, from, to)
  local found = redis.pcall('HMGET', key, '', unpack(marks, from, to))
  if not found.err or redis.acl_check_cmd('HMGET', key, '') then return found end
  -- A user who was set up for an earlier version may not.
  local wrong = allow({ 'HGET', key, '' })
  if wrong then return wrong end
  found = { redis.call('HGET', key, '') }
  for i = from, to do found[#found + 1] = redis.call('HGET', key, marks[i]) end
  return found
end

-- Takes from a hash what is not older than the window. Returns its field '', or an error.
local function recall(key)
  local begun
  for from = 1, #marks, 1000 do
    local found = fetch(key, from, math.min(from + 999, #marks))
    if found.err then return nil, found end
    begun = found[1]
    for i = 2, #found do
      local ms, id
      if found[i] then ms, id = told_of(found[i]) end
      if ms and now - ms < window then known[marks[from + i - 2]] = id end
    end
  end
  return begun, nil
end

-- Where nothing is delayed the first write is to the stream, and says itself whether that can be written.
local wrong = #dues > 0 and check(emit_targets(S, base)) or nil
if not wrong and batch ~= '' then wrong = allow({ 'SET', batch, '1', 'PX', window }) end
-- The hash to write, whether it begins now, and what its field '' is to be where that changes.
local target, begins, since, span, turn
if not wrong and #marks > 0 then
  local begun, spans, turns = {}, {}, {}
  for k = 1, 2 do
    local field
    field, wrong = recall(PUBLISHED[k])
    if wrong then return wrong end
    begun[k], spans[k], turns[k] = begun_of(field)
  end
  known[''] = nil
  local young = begun[2] > begun[1] and 2 or 1
  -- Where the clock of Redis was put back its turn begins anew: how old it is nobody knows, so nothing is forgotten.
  since = math.min(begun[young], now)
  span, turn = math.max(window, spans[young]), math.max(window, turns[young], spans[3 - young])
  begins = now - since >= turn
  if begins then
    target, since, span, turn = PUBLISHED[3 - young], now, window, math.max(window, spans[young])
  else
    target = PUBLISHED[young]
    if since == begun[young] and span == spans[young] and turn == turns[young] then since = nil end
  end
  wrong = allow({ 'HSET', target, '', '' }, since and { 'PEXPIRE', target, '1' } or nil)
  if begins and not wrong and not redis.acl_check_cmd('UNLINK', target) then wrong = allow({ 'DEL', target }) end
end
if wrong then return wrong end

local first = batch ~= '' and redis.pcall('GET', batch)
if type(first) == 'string' then return '=' .. table.concat(cmsgpack.unpack(first), ' =') end

-- Values of which some may be places of long ones: ARGV has nothing at a text.
local function whole(...)
  local values = { ... }
  for k = 1, #values do values[k] = ARGV[values[k]] or values[k] end
  return values
end

-- Given the place of the next item and the values of this one, which so need no table. Entry id, '' while it waits.
local put
if #dues == 0 then
  put = function(i, next, ...)
    at = next
    if counts[i] < 0 then return call('XADD', S, '*', unpack(whole(...))) end
    return call('XADD', S, '*', ...)
  end
else
  put = function(i, next, ...)
    at = next
    return emit(S, base, { due = dues[i], mark = marks[i] or '', values = whole(...) }, now) or ''
  end
end

-- Entry id of each item, '' while it waits; what is told of it; what is to be remembered, marks and their values.
local ids, told, fresh = {}, {}, {}
for i = 1, #counts do
  local mark = marks[i]
  local id = known[mark]
  if id then
    at = unpack_limit(packed, math.abs(counts[i]), at)
    ids[i], told[i] = id, '=' .. id
  else
    id = put(i, unpack_limit(packed, math.abs(counts[i]), at))
    ids[i], told[i] = id, id
    if mark and mark ~= '' then
      known[mark] = id
      fresh[#fresh + 1] = mark
      fresh[#fresh + 1] = id
    end
  end
end
if #fresh > 0 then
  -- Ids run ahead of a clock that was put back, and of one by which nobody goes who writes ids of his own.
  if #dues > 0 or told_of(fresh[2]) - now > 1000 then
    local published = string.format('~%.0f~', now)
    for i = 2, #fresh, 2 do fresh[i] = published .. fresh[i] end
  end
  if begins then forget(target) end
  for from = 1, #fresh, 2000 do call('HSET', target, unpack(fresh, from, math.min(from + 1999, #fresh))) end
  if since then
    call('HSET', target, '', string.format('%.0f %.0f %.0f', since, span, turn))
    -- Upkeep removes it before.
    call('PEXPIRE', target, string.format('%.0f', turn + span + 3600000))
  end
end
if batch ~= '' then call('SET', batch, cmsgpack.pack(ids), 'PX', ARGV[5]) end
return table.concat(told, ' ')
