#!lua flags=allow-oom
-- Claims parked entries of the caller that are due. ARGV 4 limit.
-- Returns {held, {ref, fields, record}…, ms to the next or -1, lost, refs to forget}
--@include common
if not leased(ME) then return { 'fenced', {}, -1, 0, {} } end
local mine = PRE .. 'parked:' .. ME
local wrong = check(RECORDS, 'hash', mine, 'zset') or allow({ 'XCLAIM', S, G, ME, '0', '0-0' })
if wrong then return wrong end
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', mine, '-inf', now, 'LIMIT', 0, tonumber(ARGV[4]))

-- Whether a record is one that the caller parked with its history. Most are, and decoding them costs more than all else
-- that is done for an entry here. No text in a record can look like this: the quotes in it are escaped.
local by_me = '"by":"' .. ME .. '"'
local function plainly_mine(raw)
  return raw and string.find(raw, by_me, 1, true) and string.find(raw, '"history":', 1, true)
end

local function parsed(raw)
  local ok, record = pcall(cjson.decode, raw or '')
  return ok and type(record) == 'table' and record or nil
end

local forget, stale, lost, ids, raw_of, bare = {}, {}, 0, { [S] = {}, [R] = {} }, {}, {}
for _, ref in ipairs(due) do
  local key, id = place(ref)
  local holder, failed = holder_of(key, id)
  -- What was parked in a stream that is none any more is gone; any other reason passes, and nothing has changed yet.
  if failed and (key == S or not string.find(failed.err, 'WRONGTYPE', 1, true)) then return failed end
  local raw = redis.call('HGET', RECORDS, ref)
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
wrong = #ids[R] > 0 and allow({ 'XCLAIM', R, G, ME, '0', '0-0' }) or nil
if wrong then return wrong end
if #due > 0 then redis.call('ZREM', mine, unpack(due)) end
if #stale > 0 then redis.call('HDEL', RECORDS, unpack(stale)) end

local rows = {}
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
return { 'held', rows, first and math.max(0, tonumber(first) - now) or -1, lost, forget }
