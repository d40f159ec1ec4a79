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
return created
