#!lua flags=allow-oom
-- Where entries are that the caller no longer has. ARGV from 4: ref, ms that it was held for, …
-- Returns 'kept', 'deleted' or 'removed' for each. What was told before, by whomever, counts as kept.
--@include common
local result = {}
-- Taken over: they are in the care of others.
local state = redis.call('HGET', CONSUMERS, ME)
local taken = state and string.sub(state, 1, 7) == 'fenced:'
local made, now = tonumber(redis.call('GET', PRE .. 'made') or nil), now_ms()

local function delivered_up_to(key)
  for _, flat in ipairs(tolerant('XINFO', 'GROUPS', key)) do
    local info = map(flat)
    if info.name == G then return info['last-delivered-id'] end
  end
  return '0-0'
end

local reached = {}
local function fate(ref, held_ms)
  if taken then return 'kept' end
  local key, id = place(ref)
  if owner(key, id) then return 'kept' end
  if #redis.call('XRANGE', key, id, id) == 0 then return tell_once(ref) == 1 and 'deleted' or 'kept' end
  -- The group is gone or was made anew since then: it starts from the beginning, and somebody may be through with it.
  if made and made > now - held_ms then return 'kept' end
  reached[key] = reached[key] or delivered_up_to(key)
  return before(reached[key], id) and 'kept' or 'removed'
end

for i = 4, #ARGV, 2 do result[#result + 1] = fate(ARGV[i], tonumber(ARGV[i + 1])) end
return result
