#!lua flags=allow-oom
-- Fences a consumer whose lease ran out and claims part of what it held. ARGV 4 who · 5 lease ms · 6 limit · 7 '0' where nothing crashed
-- Returns {state, {ref, fields, record}…, remaining, lost}
--@include common
if not leased(ME) then return { 'fenced', {}, 0, 0 } end
local dead, lease_ms, limit = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local function held_by_dead() return pending_of(S, dead) + pending_of(R, dead) end
if dead == ME or dead == PARKED then return { 'alive', {}, held_by_dead(), 0 } end
local wrong = check(RECORDS, 'hash', ORPHANS, 'zset', CONSUMERS, 'hash', PRE .. 'parked:' .. dead, 'zset')
if wrong then return wrong end

local now, left, known = now_ms(), lease_left(dead), redis.call('HGET', CONSUMERS, dead)
if left and left > 0 then return { 'alive', {}, held_by_dead(), 0 } end
local foreign = not left and not known

-- The fence: from here on nothing that the dead consumer sends changes anything. `held` is what it held at that moment.
local held = 0
-- What its acknowledgements watch; in any case, so that it never outlasts a lease that was lost in another way.
redis.call('DEL', PRE .. 'fence:' .. dead)
if not foreign then
  held = not left and tonumber(string.match(known, '^fenced:(%d+)') or nil)
  if not held then
    -- Nothing of what a consumer held that only lost its lease is to blame for anything.
    held = ARGV[7] == '0' and 0 or held_by_dead()
    redis.call('DEL', PRE .. 'lease:' .. dead)
    redis.call('HSET', CONSUMERS, dead, string.format('fenced:%d:%.0f', held, now))
  end
end

local marks, marked, exact = {}, 0, false
local ok, running = pcall(cjson.decode, redis.call('GET', PRE .. 'running:' .. dead) or '')
if ok and type(running) == 'table' and type(running.r) == 'table' then
  for _, ref in ipairs(running.r) do
    marks[ref] = true
    marked = marked + 1
  end
  exact = running.x == true
end

-- What the death says about one entry: the field of its history to count up, or nil.
local function verdict(ref)
  -- Foreign consumers keep no marks; held == 0: read by a blocked call of a consumer that was already fenced.
  if foreign or held == 0 then return nil end
  if marks[ref] then
    return (held == 1 or (marked == 1 and exact)) and 'soloCrashes' or 'sharedCrashes'
  end
  if exact then return nil end
  return held == 1 and 'soloCrashes' or 'suspicions'
end

local function judge(ref)
  local record, raw = record_of(ref)
  local field = verdict(ref)
  if not field then return raw or false end
  record = record or {}
  local history = record.history or {}
  history[field] = (history[field] or 0) + 1
  if field ~= 'suspicions' then
    if (history.firstMs or 0) == 0 then history.firstMs = now end
    history.lastMs = now
  end
  record.history = history
  raw = cjson.encode(record)
  redis.call('HSET', RECORDS, ref, raw)
  return raw
end

local function held_ids(key, count)
  if count <= 0 then return {} end
  local rows
  if foreign then
    rows = tolerant('XPENDING', key, G, 'IDLE', lease_ms, '-', '+', count, dead)
  else
    rows = tolerant('XPENDING', key, G, '-', '+', count, dead)
  end
  local ids = {}
  for i, row in ipairs(rows) do ids[i] = row[1] end
  return ids
end

local deliveries, lost, asked = {}, 0, 0
for _, key in ipairs({ S, R }) do
  local ids = held_ids(key, limit - asked)
  asked = asked + #ids
  local rows, gone = claim(key, key == R and 'r:' or '', ids)
  lost = lost + #gone
  for _, row in ipairs(rows) do deliveries[#deliveries + 1] = { row[1], row[2], judge(row[1]) } end
end

local remaining = held_by_dead() + (foreign and 0 or orphan(dead))
if remaining > 0 then
  return { foreign and asked == 0 and 'alive' or 'taken', deliveries, remaining, lost }
end
if foreign and asked == 0 then
  for _, flat in ipairs(tolerant('XINFO', 'CONSUMERS', S, G)) do
    local info = map(flat)
    if info.name == dead and info.idle < lease_ms then return { 'alive', deliveries, 0, lost } end
  end
end
tolerant('XGROUP', 'DELCONSUMER', S, G, dead)
tolerant('XGROUP', 'DELCONSUMER', R, G, dead)
redis.call('DEL', PRE .. 'running:' .. dead)
-- Remembered for a day (see audit): a blocked read of a zombie can still pull entries in after this.
if not foreign then redis.call('HSET', CONSUMERS, dead, string.format('fenced:0:%.0f', now)) end
return { 'retired', deliveries, 0, lost }
