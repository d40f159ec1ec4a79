#!lua flags=no-writes
-- The other consumers. Returns {name, pending, idle ms, state, lease left ms} each.
--@include common
local seen, order = {}, {}
local function meet(name)
  if name == ME or name == PARKED then return nil end
  if not seen[name] then
    seen[name] = { pending = 0, idle = nil }
    order[#order + 1] = name
  end
  return seen[name]
end
for _, key in ipairs({ S, R }) do
  for _, flat in ipairs(tolerant('XINFO', 'CONSUMERS', key, G)) do
    local info = map(flat)
    local peer = meet(info.name)
    if peer then
      peer.pending = peer.pending + info.pending
      peer.idle = math.min(peer.idle or info.idle, info.idle)
    end
  end
end
local known = map(redis.call('HGETALL', CONSUMERS))
for name in pairs(known) do meet(name) end
table.sort(order)
local rows = {}
for _, name in ipairs(order) do
  local peer, left, entry = seen[name], lease_left(name), known[name]
  local state = 'foreign'
  if left then
    state = left > 0 and 'alive' or 'expired'
  elseif entry then
    state = string.sub(entry, 1, 7) == 'fenced:' and 'fenced' or 'expired'
  end
  local parked = redis.call('EXISTS', PRE .. 'parked:' .. name) == 1
  if state ~= 'fenced' or peer.pending > 0 or parked then
    rows[#rows + 1] = { name, peer.pending, peer.idle or 0, state, math.max(0, left or 0) }
  end
end
return rows
