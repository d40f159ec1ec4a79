#!lua
-- Appends all or none. ARGV 4 base `{stream}:` · 5 window ms · 6 key of the batch's mark ('' none) · 7 items, then them
-- Returns {entry id or false, 1 when deduplicated} each.
--@include common
--@include emit
local base, window, batch, count = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local wrong = check(emit_targets(S, base)) or (batch ~= '' and allow({ 'SET', batch, '1', 'PX', window }) or nil)
if wrong then return wrong end
local function marked(key)
  local value = key ~= '' and redis.pcall('GET', key)
  return type(value) == 'string' and value or nil
end

local first = marked(batch)
if first then
  local answer = {}
  for i, id in ipairs(cmsgpack.unpack(first)) do answer[i] = { id ~= '' and id, 1 } end
  return answer
end

local now, at, result, ids = now_ms(), 8, {}, {}
for i = 1, count do
  local item
  item, at = take(at)
  local known = marked(item.mark)
  if known then
    ids[i], result[i] = known, { known ~= '' and known, 1 }
  else
    local id = emit(S, base, item, now)
    ids[i], result[i] = id or '', { id, 0 }
    if item.mark ~= '' then redis.call('SET', item.mark, ids[i], 'PX', window) end
  end
end
if batch ~= '' then redis.call('SET', batch, cmsgpack.pack(ids), 'PX', window) end
return result
