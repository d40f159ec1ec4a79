#!lua flags=allow-oom
-- Creates both groups where absent. Plain XGROUP CREATE is refused under out-of-memory even where the group exists.
--@include common
local function create(key)
  local reply = redis.pcall('XGROUP', 'CREATE', key, G, '0', 'MKSTREAM')
  if reply.err then
    if string.find(reply.err, 'BUSYGROUP', 1, true) then return 0 end
    error(reply)
  end
  return 1
end
local created = create(S)
create(R)
if created == 0 then return 0 end
redis.call('SET', PRE .. 'made', string.format('%.0f', now_ms()))

-- What was parked for the old group and lost its content is due at once, so that it is counted and its key goes on.
-- The rest is delivered anew; whoever finds it in an index then sees that it is not parked any more.
local function settle_index(key)
  local refs = redis.pcall('ZRANGE', key, 0, -1)
  for _, ref in ipairs(refs.err and {} or refs) do
    local stream, id = place(ref)
    if #redis.call('XRANGE', stream, id, id) == 0 then redis.call('ZADD', key, 'XX', 0, ref) end
  end
end
settle_index(ORPHANS)
local names = redis.pcall('HKEYS', CONSUMERS)
for _, name in ipairs(names.err and {} or names) do settle_index(PRE .. 'parked:' .. name) end
return 1
