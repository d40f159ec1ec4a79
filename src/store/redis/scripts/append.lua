#!lua
-- Appends all or none. ARGV 4 base `{stream}:` · 5 window ms · 6 key of the batch's mark ('' none) · 7 packed items, then
-- long values. Packed is: list of how many values each has, negative where some are long · list of marks (empty, or '' none) ·
-- list of due ms (empty, or 0: at once) · the values, in place of a long one its place in ARGV
-- Returns the entry ids, '' while one waits, '=' before one that was deduplicated, with a space between: one text, since a list
-- costs both sides as much as the ids do.
-- Called for every event that is published: it does without all that it does not need.
local S = KEYS[1]
--@include guards
--@include emit
local base, window, batch, packed = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local call, unpack_limit = redis.call, cmsgpack.unpack_limit
local at, counts, marks, dues = unpack_limit(packed, 3)

-- Which marks there are.
local marked = {}
for i = 1, #marks do
  if marks[i] ~= '' then marked[#marked + 1] = marks[i] end
end

-- Where nothing is delayed the first write is to the stream, and says itself whether that can be written.
local wrong = #dues > 0 and check(emit_targets(S, base)) or nil
local mark = batch ~= '' and batch or marked[1]
if not wrong and mark then wrong = allow({ 'SET', mark, '1', 'PX', window }) end
if wrong then return wrong end

local first = batch ~= '' and redis.pcall('GET', batch)
if type(first) == 'string' then return '=' .. table.concat(cmsgpack.unpack(first), ' =') end

local known = {}
for from = 1, #marked, 1000 do
  local to = math.min(from + 999, #marked)
  local values = redis.pcall('MGET', unpack(marked, from, to))
  for i = from, to do known[marked[i]] = values[i - from + 1] or nil end
end

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
  local now = now_ms()
  put = function(i, next, ...)
    at = next
    return emit(S, base, { due = dues[i], mark = marks[i] or '', values = whole(...) }, now) or ''
  end
end

-- Entry id of each item, '' while it waits, and what is told of it.
local ids, told = {}, {}
for i = 1, #counts do
  mark = marks[i]
  if known[mark] then
    at = unpack_limit(packed, math.abs(counts[i]), at)
    ids[i], told[i] = known[mark], '=' .. known[mark]
  else
    local id = put(i, unpack_limit(packed, math.abs(counts[i]), at))
    ids[i], told[i] = id, id
    if mark and mark ~= '' then
      known[mark] = id
      call('SET', mark, id, 'PX', window)
    end
  end
end
if batch ~= '' then call('SET', batch, cmsgpack.pack(ids), 'PX', window) end
return table.concat(told, ' ')
