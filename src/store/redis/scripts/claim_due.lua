#!lua flags=allow-oom
-- Claims parked entries of the caller that are due. ARGV 4 limit.
-- Returns {held, {ref, fields, record}…, ms to the next or -1, lost, refs to forget}
--@include common
if not leased(ME) then return { 'fenced', {}, -1, 0, {} } end
local mine = PRE .. 'parked:' .. ME
local wrong = check(RECORDS, 'hash', mine, 'zset') or allow({ 'XCLAIM', S, G, ME, '0', '0-0' })
if wrong then return wrong end
local now = now_ms()
local forget, lost, ids = {}, 0, { [S] = {}, [R] = {} }
for _, ref in ipairs(redis.call('ZRANGEBYSCORE', mine, '-inf', now, 'LIMIT', 0, tonumber(ARGV[4]))) do
  redis.call('ZREM', mine, ref)
  local key, id = place(ref)
  local holder, record = owner(key, id), record_of(ref)
  if holder == PARKED and not (record and record.by and record.by ~= ME) then
    ids[key][#ids[key] + 1] = id
  else
    -- The group was made anew, or somebody acknowledged or claimed it by hand: the index was stale.
    forget[#forget + 1] = ref
    if not holder then
      redis.call('HDEL', RECORDS, ref)
      if #tolerant('XRANGE', key, id, id) == 0 then lost = lost + 1 end
    end
  end
end
local rows = {}
for _, key in ipairs({ S, R }) do
  local claimed, gone = claim(key, key == R and 'r:' or '', ids[key])
  for _, row in ipairs(claimed) do
    local record, raw = record_of(row[1])
    -- A record that holds no history was only there for its order key; left behind, nobody would remove it.
    if record and not record.history then redis.call('HDEL', RECORDS, row[1]) end
    rows[#rows + 1] = { row[1], row[2], raw or false }
  end
  for _, ref in ipairs(gone) do forget[#forget + 1] = ref end
  lost = lost + #gone
end
local first = redis.call('ZRANGE', mine, 0, 0, 'WITHSCORES')[2]
return { 'held', rows, first and math.max(0, tonumber(first) - now) or -1, lost, forget }
