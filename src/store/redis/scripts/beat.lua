#!lua
-- Renews the caller's lease, shows by itself that writes are taken, and tells what other loops would ask for.
-- ARGV 4 lease ms, empty without one · 5 base · 6 '1' where effects are relayed from an outbox
-- Returns {held | fenced | none, store time, 1 when paused, ms to what is to be promoted or -1, free parked entries,
-- 1 when the caller has parked some, entries the caller holds or -1, what changes with stream and group,
-- 1 where there are replays}
--@include common
local lease = 'none'
if ARGV[4] ~= '' then
  lease = redis.call('SET', PRE .. 'lease:' .. ME, ARGV[4], 'XX', 'PX', HORIZON) and 'held' or 'fenced'
else
  redis.call('SET', ARGV[5] .. 'probe', '1', 'PX', 60000)
end
-- Appending can be forbidden by itself, and nobody would notice before the next event. Nothing is appended: the key is not there.
local append = redis.pcall('XADD', ARGV[5] .. 'probe:append', 'NOMKSTREAM', 'MAXLEN', 1, '*', 'x', 'x')
if type(append) == 'table' and append.err then return append end
-- Whatever is wrong with the rest is no reason to lose a lease: whose business it is will meet it.
local function asked(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then return nil end
  return reply
end
local function pending(key)
  local ok, found = pcall(pending_of, key, ME)
  return ok and found or nil
end
local now = now_ms()
local first = (asked('ZRANGE', ARGV[5] .. 'delayed', 0, 0, 'WITHSCORES') or {})[2]
local due = first and math.max(0, tonumber(first) - now) or -1
-- The loop that promotes relays, too, what a settling step could not.
if ARGV[6] == '1' and (asked('XLEN', PRE .. 'outbox') or 0) > 0 then due = 0 end
local mine, replays = pending(S), pending(R)
local marks = { asked('XLEN', S) or '', asked('GET', PRE .. 'made') or '' }
for _, flat in ipairs(asked('XINFO', 'GROUPS', S) or {}) do
  local info = map(flat)
  if info.name == G then
    for _, name in ipairs({ 'last-delivered-id', 'entries-read', 'lag', 'pending' }) do
      marks[#marks + 1] = tostring(info[name])
    end
  end
end
return {
  lease, now, asked('EXISTS', PRE .. 'paused') or 0, due,
  asked('ZCARD', ORPHANS) or 0, asked('EXISTS', PRE .. 'parked:' .. ME) or 0,
  mine and replays and mine + replays or -1, table.concat(marks, ' '), (asked('XLEN', R) or 0) > 0 and 1 or 0,
}
