#!lua flags=allow-oom
-- Claims parked entries of the caller that are due. ARGV 4 limit.
-- Returns {held, {ref, fields, record}…, ms to the next or -1, lost, refs to forget, refs of which the caller has the rest}
--@include common
if not leased(ME) then return { 'fenced', {}, -1, 0, {}, {} } end
local mine = PRE .. 'parked:' .. ME
local wrong = check(RECORDS, 'hash', mine, 'zset') or allow({ 'XCLAIM', S, G, ME, '0', '0-0' })
if wrong then return wrong end
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', mine, '-inf', now, 'LIMIT', 0, tonumber(ARGV[4]))

-- Whether a record is one that the caller parked with its history. Most are, and decoding them costs more than all else
-- that is done for an entry here. No text in a record can look like this: the quotes in it are escaped.
local by_me = '"by":"' .. ME .. '"'
-- Nor like this: it says that the caller has kept the fields and the history, and wants to hear nothing but the ref. Only
-- `dueMs` follows; where it is not looked for far enough, the entry comes with its fields.
local kept_by_me = by_me .. ',"kept":true'
local tail = -(#kept_by_me + #',"dueMs":1763928000000}')
local find = string.find
local function plainly_mine(raw)
  return raw and find(raw, by_me, 1, true) and find(raw, '"history":', 1, true)
end

local function parsed(raw)
  local ok, record = pcall(cjson.decode, raw or '')
  return ok and type(record) == 'table' and record or nil
end

local forget, stale, lost, ids, raw_of, bare, kept = {}, {}, 0, { [S] = {}, [R] = {} }, {}, {}, {}
local raws, count = {}, 0
if #due > 0 and redis.acl_check_cmd('HMGET', RECORDS, '0') then
  raws = redis.call('HMGET', RECORDS, unpack(due))
else
  -- A user who was set up for an earlier version may not.
  for i, ref in ipairs(due) do raws[i] = redis.call('HGET', RECORDS, ref) end
end
for i, ref in ipairs(due) do
  local key, id = place(ref)
  local holder, failed = holder_of(key, id)
  -- What was parked in a stream that is none any more is gone; any other reason passes, and nothing has changed yet.
  if failed and (key == S or not find(failed.err, 'WRONGTYPE', 1, true)) then return failed end
  local raw = raws[i]
  if holder == PARKED and key == S and raw and find(raw, kept_by_me, tail, true) then
    count = count + 1
    kept[count] = id
  else
    local record = not plainly_mine(raw) and parsed(raw) or nil
    if holder == PARKED and not (record and record.by and record.by ~= ME) then
      ids[key][#ids[key] + 1] = id
      raw_of[ref] = raw
      -- A record that holds no history was only there for its order key; left behind, nobody would remove it.
      if record and not record.history then bare[#bare + 1] = ref end
    else
      -- The group was made anew, or somebody acknowledged or claimed it by hand: the index was stale.
      forget[#forget + 1] = ref
      if not holder then
        stale[#stale + 1] = ref
        if not failed and #tolerant('XRANGE', key, id, id) == 0 then lost = lost + 1 end
      end
    end
  end
end
wrong = #ids[R] > 0 and allow({ 'XCLAIM', R, G, ME, '0', '0-0' }) or nil
if wrong then return wrong end
if #due > 0 then redis.call('ZREM', mine, unpack(due)) end
if #stale > 0 then redis.call('HDEL', RECORDS, unpack(stale)) end

local rows, gone_kept = {}, give(S, ME, kept)
if #gone_kept > 0 then
  local gone = {}
  for _, ref in ipairs(gone_kept) do
    gone[ref] = true
    forget[#forget + 1] = ref
    redis.call('HDEL', RECORDS, ref)
  end
  lost = lost + #gone_kept
  local there = {}
  for _, id in ipairs(kept) do if not gone[id] then there[#there + 1] = id end end
  kept = there
end
for _, key in ipairs({ S, R }) do
  local claimed, gone = claim(key, key == R and 'r:' or '', ids[key])
  for _, row in ipairs(claimed) do
    row[3] = raw_of[row[1]] or false
    rows[#rows + 1] = row
  end
  for _, ref in ipairs(gone) do forget[#forget + 1] = ref end
  lost = lost + #gone
end
if #bare > 0 then redis.call('HDEL', RECORDS, unpack(bare)) end
local first = redis.call('ZRANGE', mine, 0, 0, 'WITHSCORES')[2]
return { 'held', rows, first and math.max(0, tonumber(first) - now) or -1, lost, forget, kept }
