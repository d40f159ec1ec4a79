#!lua flags=allow-oom
-- Entries that were there and are not, because the store went back: a replica took over that had not got them yet, or the
-- disk had not. Such entries are the newest. ARGV 4 when the group was made, as the caller knows it ('' unknown) · 5 ids,
-- newest first. Returns {how many, not told of before; 1 when older ones may be gone too}
--@include common
if redis.call('GET', PRE .. 'made') ~= ARGV[4] or redis.call('EXISTS', S) == 0 then return { 0, 0 } end
local stream = map(redis.call('XINFO', 'STREAM', S))
local first, latest = stream['first-entry'] and stream['first-entry'][1], stream['last-generated-id']

local count = 0
for i = 5, #ARGV do
  local id = ARGV[i]
  -- What is older than everything that is there was trimmed.
  local trimmed = not before(latest, id) and not (first and before(first, id))
  if trimmed or #redis.call('XRANGE', S, id, id) > 0 then return { count, 0 } end
  count = count + tell_once(id)
end
return { count, 1 }
