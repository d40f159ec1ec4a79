#!lua flags=allow-oom
-- Removes records of entries that are pending no longer, names fenced more than a day ago, and what is remembered of published
-- events where none was published for so long that all of it is older than the window. ARGV 4 cursor · 5 base
-- Returns the next cursor.
--@include common
local base = ARGV[5]
--@include published
local wrong = check(RECORDS, 'hash', CONSUMERS, 'hash')
if wrong then return wrong end
local page = redis.call('HSCAN', RECORDS, ARGV[4], 'COUNT', 200)
for i = 1, #page[2], 2 do
  local ref = page[2][i]
  local ok, holder = pcall(function() return owner(place(ref)) end)
  if ok and not holder then redis.call('HDEL', RECORDS, ref) end
end
if page[1] == '0' then
  local now = now_ms()
  local long_ago = now - 86400000
  for name, entry in pairs(map(redis.call('HGETALL', CONSUMERS))) do
    local since = tonumber(string.match(entry, '^fenced:%d+:(%d+)$') or nil)
    if since and since < long_ago and redis.call('EXISTS', PRE .. 'parked:' .. name) == 0
      and pending_of(S, name) + pending_of(R, name) == 0 then
      redis.call('HDEL', CONSUMERS, name)
    end
  end
  for _, key in ipairs(PUBLISHED) do
    local begun, window, turn = begun_of(redis.pcall('HGET', key, ''))
    if begun > 0 and now - begun > turn + window then forget(key) end
  end
end
return page[1]
