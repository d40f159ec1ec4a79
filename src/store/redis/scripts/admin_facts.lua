#!lua flags=no-writes
-- Groups of the stream, and what is due. ARGV 4 base
-- Returns {now, {name, consumers, pending, last delivered, lag or -1, oldest id needed}…, due, paused since or false}
--@include common
local now = now_ms()

local function score_count(key)
  local count = redis.pcall('ZCOUNT', key, '-inf', now)
  return type(count) == 'number' and count or 0
end

local groups = {}
for _, flat in ipairs(tolerant('XINFO', 'GROUPS', S)) do
  local info = map(flat)
  local needs = after(info['last-delivered-id'])
  local first = info.pending > 0 and redis.call('XPENDING', S, info.name)[2]
  if first and before(first, needs) then needs = first end
  local lag = type(info.lag) == 'number' and info.lag or -1
  groups[#groups + 1] = { info.name, info.consumers, info.pending, info['last-delivered-id'], lag, needs }
end

local due = score_count(ORPHANS) + score_count(ARGV[4] .. 'delayed')
local names = redis.pcall('HKEYS', CONSUMERS)
for _, name in ipairs(names.err and {} or names) do due = due + score_count(PRE .. 'parked:' .. name) end
local paused = redis.pcall('GET', PRE .. 'paused')
return { now, groups, due, type(paused) == 'string' and paused or false }
