#!lua
-- Renews the caller's lease, shows by itself that writes are taken, and tells what other loops would ask for.
-- ARGV 4 lease ms, empty without one · 5 base · 6 '1' where effects are relayed from an outbox
-- Returns {held | fenced | none, store time, 1 when paused, ms to what is to be promoted or -1, free parked entries,
-- 1 when the caller has parked some, entries the caller holds or -1, what changes with stream and group,
-- 1 where there are replays, entries, dead letters, when the group was made, 1 when nobody else is there whose entries
-- could ever have to be taken over}
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
-- What the caller holds of a stream; nil where that cannot be told. Sees in passing whether others hold something.
local others = false
local function pending(key)
  local ok, summary = pcall(tolerant, 'XPENDING', key, G)
  if not ok then return nil end
  local mine = 0
  for _, row in ipairs(summary[4] or {}) do
    if row[1] == ME then mine = tonumber(row[2]) elseif row[1] ~= PARKED then others = true end
  end
  return mine
end
-- Whether a registered name has, or may come to have, what would have to be taken over; see peers.lua.
local function peer(name, entry)
  if name == ME then return false end
  return string.sub(entry, 1, 7) ~= 'fenced:' or asked('EXISTS', PRE .. 'parked:' .. name) ~= 0
end
-- Those fenced are remembered for a day; where there are many of them, nobody looks through them every second.
local function alone()
  local page = not others and asked('HSCAN', CONSUMERS, 0, 'COUNT', 50)
  if not page or page[1] ~= '0' then return false end
  for name, entry in pairs(map(page[2])) do
    if peer(name, entry) then return false end
  end
  return true
end
local now = now_ms()
local first = (asked('ZRANGE', ARGV[5] .. 'delayed', 0, 0, 'WITHSCORES') or {})[2]
local due = first and math.max(0, tonumber(first) - now) or -1
-- The loop that promotes relays, too, what a settling step could not.
if ARGV[6] == '1' and (asked('XLEN', PRE .. 'outbox') or 0) > 0 then due = 0 end
local mine, replays = pending(S), pending(R)
local length, made = asked('XLEN', S) or '', asked('GET', PRE .. 'made') or ''
local marks = { length, made }
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
  length, asked('XLEN', PRE .. 'dlq') or '', made, mine and replays and alone() and 1 or 0,
}
