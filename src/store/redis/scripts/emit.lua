-- Appending, shared by append, done, fire and promote. An item in ARGV is:
--   due ms ('0': at once) · key of its publish mark ('' none) · number of values · the values
local function emit_targets(stream, base)
  return stream, 'stream', base .. 'delayed', 'zset', base .. 'delayed:events', 'hash'
end

local function take(at)
  local count = tonumber(ARGV[at + 2])
  local values = {}
  for i = 1, count do values[i] = ARGV[at + 2 + i] end
  return { due = tonumber(ARGV[at]), mark = ARGV[at + 1], values = values }, at + 3 + count
end

-- Appends or delays one item; its entry id, or false while it waits. What waits is '' · values · mark · ms when published:
-- versions of before the two hashes take what comes first for a key of their own, and would break off half way writing it.
local function emit(stream, base, item, now)
  if item.due <= now then return redis.call('XADD', stream, '*', unpack(item.values)) end
  local number = redis.call('HINCRBY', base .. 'delayed:events', '#', 1)
  local id = string.format('%016.0f', number)
  redis.call('HSET', base .. 'delayed:events', id, cmsgpack.pack({ '', item.values, item.mark, now }))
  redis.call('ZADD', base .. 'delayed', item.due, id)
  return false
end
