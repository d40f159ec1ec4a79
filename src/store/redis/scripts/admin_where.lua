#!lua flags=no-writes
-- Where an entry is. ARGV 4 entry id · 5 where to go on in the replays · 6 in the letters ('' begins, 'end' does not)
-- Returns {state of the entry, found letter {id, fields} or false, where to go on in the replays, in the letters}
-- The state: {'pending', ref, owner, idle, due or -1, record or false, lease left or false, in whose care or false}
-- or {'waiting', ref} or {'there'}: delivered and not pending; or {'removed', 1 when the group had got past it}
-- or {'never'}: there was no such entry.
--@include common
local id = ARGV[4]

local function cared_for_by(ref)
  local due = redis.call('ZSCORE', ORPHANS, ref)
  if due then return due, false end
  for _, name in ipairs(redis.call('HKEYS', CONSUMERS)) do
    due = redis.call('ZSCORE', PRE .. 'parked:' .. name, ref)
    if due then return due, name end
  end
  return nil, false
end

local function pending_state(ref)
  local key, at = place(ref)
  local row = tolerant('XPENDING', key, G, at, at, 1)[1]
  if not row then return nil end
  local _, raw = record_of(ref)
  local due, by = nil, false
  if row[2] == PARKED then due, by = cared_for_by(ref) end
  local left = row[2] ~= PARKED and lease_left(row[2])
  return { 'pending', ref, row[2], row[3], due or '-1', raw or false, left or false, by }
end

local function group_info()
  for _, flat in ipairs(tolerant('XINFO', 'GROUPS', S)) do
    local info = map(flat)
    if info.name == G then return info end
  end
  return nil
end

-- Redis does not remember what it removed, only how far that went: an id above it, or in a stream that never lost an
-- entry, was never given.
local function was_removed()
  local stream = map(redis.call('XINFO', 'STREAM', S))
  if (stream['entries-added'] or math.huge) <= stream.length or before(stream['last-generated-id'], id) then return false end
  local first = stream['first-entry']
  return not first or before(id, first[1]) or not before(stream['max-deleted-entry-id'] or '0-0', id)
end

local function stream_state()
  if redis.call('EXISTS', S) == 0 then return { 'never' } end
  local there, pending = #redis.call('XRANGE', S, id, id) == 1, pending_state(id)
  if pending and there then return pending end
  local group = group_info()
  local delivered = group ~= nil and not before(group['last-delivered-id'], id)
  if there then return delivered and { 'there' } or { 'waiting', id } end
  if was_removed() then return { 'removed', delivered and 1 or 0 } end
  return { 'never' }
end

-- Looks for an entry's name in what was made of it: never before it. `at`: how far from the end the name lies.
local function find(key, cursor, at)
  if cursor == 'end' then return nil, 'end' end
  local from = cursor == '' and string.match(id, '^(%d+)') or '(' .. cursor
  if cursor == '' and tonumber(from) > now_ms() then from = '-' end
  for _ = 1, 50 do
    local page = redis.call('XRANGE', key, from, '+', 'COUNT', 20)
    for _, row in ipairs(page) do
      local n = #row[2]
      if n > at and row[2][n - at] == 'dlq.entry' and row[2][n - at + 1] == id then return row, 'end' end
    end
    if #page < 20 then return nil, 'end' end
    from = '(' .. page[#page][1]
  end
  return nil, string.sub(from, 2)
end

local state = stream_state()
if state[1] == 'pending' or state[1] == 'waiting' then return { state, false, 'end', 'end' } end
local replay, more_replays = find(R, ARGV[5], 3)
if replay then
  return { pending_state('r:' .. replay[1]) or { 'waiting', 'r:' .. replay[1] }, false, 'end', 'end' }
end
local letter, more_letters = find(PRE .. 'dlq', ARGV[6], 19)
return { state, letter or false, more_replays, more_letters }
