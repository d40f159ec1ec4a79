#!lua flags=allow-oom
-- Notices what was destroyed that no consumer had in its care, by comparing with what the last census of any replica
-- wrote down. Returns {deleted, trimmed, 1 when there was an earlier census, at stake or -1 when unknown, when the group was
-- made}
--@include common
local LEDGER = PRE .. 'ledger'
local wrong = check(LEDGER, 'hash', CONSUMERS, 'hash', ORPHANS, 'zset')
if wrong then return wrong end
local function group_of(key)
  for _, flat in ipairs(tolerant('XINFO', 'GROUPS', key)) do
    local info = map(flat)
    if info.name == G then return info end
  end
end
local group = group_of(S)
-- What was destroyed shows when the group is back.
if not group then return { 0, 0, 1, -1 } end
local stream = map(redis.call('XINFO', 'STREAM', S))
local made = redis.call('GET', PRE .. 'made') or ''
local last, latest, added = group['last-delivered-id'], stream['last-generated-id'], stream['entries-added']
local first, tomb = stream['first-entry'] and stream['first-entry'][1], stream['max-deleted-entry-id']
-- Redis itself loses count where undelivered entries are deleted; then it says null, and later starts from right.
local read = type(group['entries-read']) == 'number' and group['entries-read'] or nil
local old = map(redis.call('HGETALL', LEDGER))
local known = old.latest ~= nil
-- A replica knows how many entries there are, but not how many were read: after a failover that count is off by some number
-- (the gap), which is known again when what is undelivered has once been counted.
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local comparable = known and (old.run == nil or old.run == run)
local remade = known and (old.made ~= made or added < tonumber(old.added) or before(latest, old.latest))
local gap = 0
if known and not remade then gap = comparable and tonumber(old.gap) or nil end

-- Pages are small because entries can be large, and Lua gets them whole.
local function counted()
  local from, count = last, 0
  for _ = 1, 20 do
    local rows = redis.call('XRANGE', S, '(' .. from, '+', 'COUNT', 20)
    count = count + #rows
    if #rows < 20 then return count end
    from = rows[#rows][1]
  end
  return nil
end

local function undelivered_now()
  if not first or not before(last, latest) then return 0 end
  if before(last, first) then return stream.length end
  local told = read and gap and not before(last, tomb) and math.max(0, added - read - gap)
  -- Many are not counted one by one where their number is known.
  return told and told > 400 and told or counted() or told or nil
end

local undelivered = undelivered_now()
local new_gap = gap
if undelivered then new_gap = read and added - read - undelivered or 0 end
local lost = 0
if remade then
  -- Where anything of before is still there only the group is new, and everything is delivered again.
  local emptied = tonumber(old.length) > 0 and #redis.call('XRANGE', S, '-', old.latest, 'COUNT', 1) == 0
  lost = emptied and tonumber(old.unnoticed) or 0
elseif comparable and undelivered then
  if old.last == last and old.undelivered ~= '' then
    lost = tonumber(old.undelivered) + added - tonumber(old.added) - undelivered
  -- Of a group that had read nothing, nothing was miscounted, though Redis does not say 0 then.
  elseif read and gap and (old.read ~= '' or old.last == '0-0') then
    lost = new_gap - gap
  end
end
lost = math.max(0, lost)

-- What dead and foreign consumers hold, and what is parked in the care of nobody alive.
local held, parked = 0, redis.call('ZCARD', ORPHANS)
local function dead(name) return (lease_left(name) or 0) <= 0 end
for _, row in ipairs(tolerant('XPENDING', S, G)[4] or {}) do
  if row[1] ~= PARKED and dead(row[1]) then held = held + tonumber(row[2]) end
end
for _, name in ipairs(redis.call('HKEYS', CONSUMERS)) do
  if dead(name) then
    local count = redis.pcall('ZCARD', PRE .. 'parked:' .. name)
    parked = parked + (type(count) == 'number' and count or 0)
  end
end

redis.call('HSET', LEDGER, 'made', made, 'last', last, 'latest', latest, 'added', added, 'length', stream.length,
  'undelivered', undelivered or '', 'gap', new_gap or '', 'unnoticed', (undelivered or 0) + held, 'tomb', tomb, 'run', run, 'read', read or '')
local deleted = remade or old.tomb ~= tomb
local replays = redis.call('EXISTS', R) == 1 and redis.call('XLEN', R) - ((group_of(R) or {}).pending or 0) or 0
return {
  deleted and lost or 0, deleted and 0 or lost, known and 1 or 0,
  undelivered and undelivered + held + parked + math.max(0, replays) or -1, made,
}
