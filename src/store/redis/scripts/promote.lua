#!lua
-- Moves delayed events that are due into the stream. ARGV 4 base · 5 limit. Returns {moved, ms to the next or -1}
--@include common
--@include emit
local base, limit = ARGV[4], tonumber(ARGV[5])
--@include published
local waiting, events = base .. 'delayed', base .. 'delayed:events'
local wrong = check(emit_targets(S, base)) or allow({ 'HDEL', events, '0' }, { 'ZREM', waiting, '0' })
if wrong then return wrong end

-- It is told by its entry id from now on, unless the mark is that of an event published since; `published` ms.
local function remember(mark, published, entry)
  local waiting = string.format('~%.0f~', published)
  for _, key in ipairs(PUBLISHED) do
    if redis.pcall('HGET', key, mark) == waiting then redis.pcall('HSET', key, mark, waiting .. entry) end
  end
end

local now, moved = now_ms(), 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', now, 'LIMIT', 0, limit)) do
  local packed = redis.call('HGET', events, id)
  if packed then
    local event = cmsgpack.unpack(packed)
    local entry = redis.call('XADD', S, '*', unpack(event[2]))
    -- Those of an older version have no more than two parts.
    if (event[3] or '') ~= '' then remember(event[3], event[4], entry) end
    redis.call('HDEL', events, id)
    moved = moved + 1
  end
  redis.call('ZREM', waiting, id)
end
local first = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2]
return { moved, first and math.max(0, tonumber(first) - now) or -1 }
