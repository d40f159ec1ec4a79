#!lua
-- Appends all or none. ARGV 4 base `{stream}:` · 5 window ms · 6 key of the batch's mark ('' none) · 7 items, then them
-- Returns entry id or false, and 1 when deduplicated, else 0, of one after the other.
-- Called for every event that is published: it does without all that it does not need.
local S = KEYS[1]
--@include guards
--@include emit
local base, window, batch, count = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])

-- Where each item begins, which marks there are, and whether anything may have to wait.
local starts, marks, delayed, at = {}, {}, false, 8
for i = 1, count do
  starts[i] = at
  if ARGV[at] ~= '0' then delayed = true end
  if ARGV[at + 1] ~= '' then marks[#marks + 1] = ARGV[at + 1] end
  at = at + 3 + ARGV[at + 2]
end

-- Where nothing is delayed the first write is to the stream, and says itself whether that can be written.
local wrong = delayed and check(emit_targets(S, base)) or nil
local mark = batch ~= '' and batch or marks[1]
if not wrong and mark then wrong = allow({ 'SET', mark, '1', 'PX', window }) end
if wrong then return wrong end

local result, ids, known = {}, {}, {}
local function tell(i, id, deduplicated)
  result[2 * i - 1], result[2 * i], ids[i] = id ~= '' and id, deduplicated, id
end

local first = batch ~= '' and redis.pcall('GET', batch)
if type(first) == 'string' then
  for i, id in ipairs(cmsgpack.unpack(first)) do tell(i, id, 1) end
  return result
end

for from = 1, #marks, 1000 do
  local to = math.min(from + 999, #marks)
  local values = redis.pcall('MGET', unpack(marks, from, to))
  for i = from, to do known[marks[i]] = values[i - from + 1] or nil end
end

local now = delayed and now_ms()
for i = 1, count do
  at, mark = starts[i], ARGV[starts[i] + 1]
  if known[mark] then
    tell(i, known[mark], 1)
  else
    local id
    if ARGV[at] == '0' then id = redis.call('XADD', S, '*', unpack(ARGV, at + 3, at + 2 + ARGV[at + 2]))
    else id = emit(S, base, take(at), now) or '' end
    tell(i, id, 0)
    if mark ~= '' then
      known[mark] = id
      redis.call('SET', mark, id, 'PX', window)
    end
  end
end
if batch ~= '' then redis.call('SET', batch, cmsgpack.pack(ids), 'PX', window) end
return result
