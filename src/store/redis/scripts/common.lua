-- Shared by most scripts; put in place of the include line when scripts are loaded.
-- KEYS[1] stream · KEYS[2] a key that is never there (see keys.ts)
-- ARGV[1] prefix of the group's keys, `{stream}:group:` · ARGV[2] group · ARGV[3] calling consumer
-- Every key that is not declared carries the stream's hash tag.
local S, PRE, G, ME = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local R, PARKED = PRE .. 'replay', '@parked'
local ORPHANS, RECORDS, CONSUMERS = PRE .. 'orphans', PRE .. 'records', PRE .. 'consumers'
local HORIZON = 604800000

--@include guards

local function leased(consumer)
  return redis.call('EXISTS', PRE .. 'lease:' .. consumer) == 1
end

-- Milliseconds left of a lease, negative when it ran out, nil when there is none.
local function lease_left(consumer)
  local key = PRE .. 'lease:' .. consumer
  local lease = redis.pcall('GET', key)
  -- A key of another type is no lease either: nobody would ever put right that of a dead consumer.
  if type(lease) ~= 'string' then return nil end
  return tonumber(lease) - (HORIZON - redis.call('PTTL', key))
end

-- Which stream a ref lies in, its id there, and the prefix of refs of that stream.
local function place(ref)
  if string.byte(ref) == 114 then return R, string.sub(ref, 3), 'r:' end
  return S, ref, ''
end

-- A call for which a missing stream or group is no error but an empty answer.
local function tolerant(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    local text = reply.err
    if string.find(text, 'NOGROUP', 1, true) or string.find(text, 'no such key', 1, true)
      or string.find(text, 'requires the key to exist', 1, true) then
      return {}
    end
    error(reply)
  end
  return reply
end

-- Who holds an entry; nil when it is not pending.
local function owner(key, id)
  local row = tolerant('XPENDING', key, G, id, id, 1)[1]
  return row and row[2]
end

-- The same in a batch, where one entry's failure must not fail its neighbours: who holds it, and the error reply if any.
-- Asked for each entry of each batch, so it takes the short way where there is no error.
local function holder_of(key, id)
  local reply = redis.pcall('XPENDING', key, G, id, id, '1')
  local row = reply[1]
  if row then return row[2], nil end
  if not reply.err then return nil, nil end
  local ok, found = pcall(owner, key, id)
  if ok then return found, nil end
  return nil, redis.error_reply(type(found) == 'table' and found.err or tostring(found))
end

local function pending_of(key, consumer)
  for _, row in ipairs(tolerant('XPENDING', key, G)[4] or {}) do
    if row[1] == consumer then return tonumber(row[2]) end
  end
  return 0
end

local function record_of(ref)
  local raw = redis.call('HGET', RECORDS, ref)
  if not raw then return nil end
  local ok, record = pcall(cjson.decode, raw)
  return ok and type(record) == 'table' and record or nil, raw
end

-- Claims for the caller. Returns rows {ref, fields} and the refs whose content is gone, which Redis then drops.
local function claim(key, prefix, ids)
  local rows, lost = {}, {}
  for from = 1, #ids, 500 do
    local to = math.min(from + 499, #ids)
    local found = {}
    for _, entry in ipairs(redis.call('XCLAIM', key, G, ME, 0, unpack(ids, from, to))) do
      if entry and entry[2] then
        found[entry[1]] = true
        rows[#rows + 1] = { prefix .. entry[1], entry[2] }
      end
    end
    for i = from, to do
      if not found[ids[i]] then lost[#lost + 1] = prefix .. ids[i] end
    end
  end
  for _, ref in ipairs(lost) do redis.call('HDEL', RECORDS, ref) end
  return rows, lost
end

-- Acknowledges one entry and forgets its record. A replay's entry serves nobody else, so it goes too.
local function finish(ref)
  local key, id = place(ref)
  redis.call('HDEL', RECORDS, ref)
  local acked = redis.call('XACK', key, G, id)
  if key == R then redis.call('XDEL', R, id) end
  return acked
end

-- Whether finish() is allowed.
local function may_finish(ref)
  local key, id = place(ref)
  return allow({ 'HDEL', RECORDS, ref }, { 'XACK', key, G, id }, key == R and { 'XDEL', R, id } or nil)
end

-- Gives a pending entry to @parked and lists it as free. False when its content is gone.
local function hand_back(ref)
  local key, id = place(ref)
  if #redis.call('XCLAIM', key, G, PARKED, 0, id, 'JUSTID') == 0 then
    redis.call('HDEL', RECORDS, ref)
    return false
  end
  redis.call('ZADD', ORPHANS, 0, ref)
  return true
end

-- Gives pending entries of one stream to a consumer, as they are. Returns the refs of those whose content is gone, which
-- Redis then drops.
local function give(key, consumer, ids)
  local count, found, gone = #ids, {}, {}
  if count == 0 then return gone end
  ids[count + 1] = 'JUSTID'
  local given = redis.call('XCLAIM', key, G, consumer, 0, unpack(ids))
  ids[count + 1] = nil
  if #given == count then return gone end
  for _, id in ipairs(given) do found[id] = true end
  for i = 1, count do
    if not found[ids[i]] then gone[#gone + 1] = (key == R and 'r:' or '') .. ids[i] end
  end
  return gone
end

-- Moves what a consumer had parked to the orphans; a bounded part of it. Returns how many are left.
local function orphan(consumer)
  local key = PRE .. 'parked:' .. consumer
  if redis.call('EXISTS', key) == 0 then return 0 end
  if redis.call('EXISTS', ORPHANS) == 0 then
    redis.call('RENAME', key, ORPHANS)
    return 0
  end
  for _ = 1, 10 do
    local part = redis.call('ZRANGE', key, 0, 499, 'WITHSCORES')
    if #part == 0 then return 0 end
    local add, remove = {}, {}
    for i = 1, #part, 2 do
      add[#add + 1], add[#add + 2] = part[i + 1], part[i]
      remove[#remove + 1] = part[i]
    end
    redis.call('ZADD', ORPHANS, unpack(add))
    redis.call('ZREM', key, unpack(remove))
  end
  return redis.call('ZCARD', key)
end

-- A flat reply of XINFO as a table.
local function map(flat)
  local result = {}
  for i = 1, #flat, 2 do result[flat[i]] = flat[i + 1] end
  return result
end

-- 1 for an entry that the store lost and of which nobody has told yet, else 0. Remembered for an hour.
local function tell_once(id)
  local key = PRE .. 'told'
  local fresh = redis.pcall('HSETNX', key, id, '1')
  redis.call('PEXPIRE', key, 3600000)
  return fresh == 0 and 0 or 1
end

-- Decimal strings of any length; a sequence number can exceed what a Lua number holds exactly.
local function less_digits(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

-- Whether entry id a lies before b.
local function before(a, b)
  local am, as = string.match(a, '^(%d+)-(%d+)$')
  local bm, bs = string.match(b, '^(%d+)-(%d+)$')
  if am ~= bm then return less_digits(am, bm) end
  return less_digits(as, bs)
end

-- The id after this one; the id itself where the number is too long to count on.
local function after(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  if #seq > 14 then return id end
  return ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)
end
