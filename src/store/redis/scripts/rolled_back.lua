#!lua flags=allow-oom
-- Entries that were there and are not, because the store went back: a replica took over that had not got them yet, or the
-- disk had not. ARGV 4 when the group was made, as the caller knows it ('' unknown) · 5 ids, newest first. Returns {how many,
-- not told of before; 1 when older ones may be gone too}
--@include common
if redis.call('GET', PRE .. 'made') ~= ARGV[4] or redis.call('EXISTS', S) == 0 then return { 0, 0 } end
local stream = map(redis.call('XINFO', 'STREAM', S))
local first, latest, tomb = stream['first-entry'], stream['last-generated-id'], stream['max-deleted-entry-id'] or '0-0'

local count = 0
for i = 5, #ARGV do
  local id = ARGV[i]
  -- What is older than everything that is there was trimmed, and what is older than something deleted may have been, too.
  local trimmed = not before(latest, id) and not (first and before(first[1], id))
  if trimmed or not before(tomb, id) then return { count, 0 } end
  if #redis.call('XRANGE', S, id, id) == 0 then count = count + tell_once(id) end
end
return { count, 1 }
