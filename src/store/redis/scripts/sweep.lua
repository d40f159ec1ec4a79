#!lua flags=allow-oom
-- Removes records of entries that are pending no longer, and names fenced more than a day ago. ARGV 4 cursor
-- Returns the next cursor.
--@include common
local wrong = check(RECORDS, 'hash', CONSUMERS, 'hash')
if wrong then return wrong end
local page = redis.call('HSCAN', RECORDS, ARGV[4], 'COUNT', 200)
for i = 1, #page[2], 2 do
  local ref = page[2][i]
  local ok, holder = pcall(function() return owner(place(ref)) end)
  if ok and not holder then redis.call('HDEL', RECORDS, ref) end
end
if page[1] == '0' then
  local long_ago = now_ms() - 86400000
  for name, entry in pairs(map(redis.call('HGETALL', CONSUMERS))) do
    local since = tonumber(string.match(entry, '^fenced:%d+:(%d+)$') or nil)
    if since and since < long_ago and redis.call('EXISTS', PRE .. 'parked:' .. name) == 0
      and pending_of(S, name) + pending_of(R, name) == 0 then
      redis.call('HDEL', CONSUMERS, name)
    end
  end
end
return page[1]
