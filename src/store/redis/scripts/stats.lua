#!lua flags=no-writes
-- Counts. ARGV 4 base. Returns {length, lag or -1, last delivered, last generated, held, parked, letters, delayed,
-- consumers, oldest unfinished ms or -1, now, undelivered replays, ever added}; lag -1: Redis cannot tell, count from last delivered.
--@include common
local function stream_of(key)
  if redis.call('EXISTS', key) == 0 then return { length = 0, ['last-generated-id'] = '0-0' } end
  return map(redis.call('XINFO', 'STREAM', key))
end

-- A key of a wrong type is another part's fault to report; the counts must still come.
local function count_of(command, key)
  local count = redis.pcall(command, key)
  return type(count) == 'number' and count or 0
end

local function group_of(key)
  for _, flat in ipairs(tolerant('XINFO', 'GROUPS', key)) do
    local info = map(flat)
    if info.name == G then return info end
  end
  return { pending = 0, ['last-delivered-id'] = '0-0' }
end

-- A null in a Lua table ends it early where it is flattened, so a missing lag must be told from a wrong one by type.
local function lag_of(stream, group)
  local first = stream['first-entry']
  if not first or not before(group['last-delivered-id'], stream['last-generated-id']) then return 0 end
  -- Also where undelivered entries were trimmed, which Redis 7.0 goes on counting.
  if before(group['last-delivered-id'], first[1]) then return stream.length end
  return type(group.lag) == 'number' and math.min(group.lag, stream.length) or -1
end

local stream, group = stream_of(S), group_of(S)
local replays, replay_group = stream_of(R), group_of(R)
local lag = lag_of(stream, group)
-- A replay leaves its stream when it is settled, so what is not pending was not delivered.
local replay_lag = math.max(0, replays.length - replay_group.pending)

local oldest = nil
local function unfinished(id)
  local ms = tonumber(string.match(id, '^(%d+)'))
  oldest = math.min(oldest or ms, ms)
end
for _, key in ipairs({ S, R }) do
  local summary = tolerant('XPENDING', key, G)
  if summary[2] then unfinished(summary[2]) end
end
if lag ~= 0 then
  local nxt = redis.call('XRANGE', S, '(' .. group['last-delivered-id'], '+', 'COUNT', 1)[1]
  if nxt then unfinished(nxt[1]) end
end
if replay_lag > 0 then
  local nxt = redis.call('XRANGE', R, '(' .. replay_group['last-delivered-id'], '+', 'COUNT', 1)[1]
  if nxt then unfinished(nxt[1]) end
end

local consumers, names = 0, {}
local function meet(name)
  if name ~= PARKED and not names[name] then
    names[name] = true
    consumers = consumers + 1
  end
end
for _, flat in ipairs(tolerant('XINFO', 'CONSUMERS', S, G)) do meet(map(flat).name) end
for name, entry in pairs(map(redis.call('HGETALL', CONSUMERS))) do
  if string.sub(entry, 1, 7) ~= 'fenced:' then meet(name) end
end

local parked = pending_of(S, PARKED) + pending_of(R, PARKED)
return {
  stream.length, lag == -1 and -1 or lag + replay_lag, group['last-delivered-id'], stream['last-generated-id'],
  group.pending + replay_group.pending - parked, parked, count_of('XLEN', PRE .. 'dlq'),
  count_of('ZCARD', ARGV[4] .. 'delayed'), consumers, oldest or -1, now_ms(), replay_lag, stream['entries-added'] or 0,
}
