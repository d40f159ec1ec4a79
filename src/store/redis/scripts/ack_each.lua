#!lua flags=allow-oom
-- Acknowledges entries that have a record, or are replays. ARGV from 4: refs. Returns 1 or 0 for each, -1 when fenced.
--@include common
if not leased(ME) then return -1 end
local wrong = check(RECORDS, 'hash')
if wrong then return wrong end
local result = {}
for i = 4, #ARGV do
  local key, id = place(ARGV[i])
  result[#result + 1] = owner(key, id) == ME and finish(ARGV[i]) or 0
end
return result
