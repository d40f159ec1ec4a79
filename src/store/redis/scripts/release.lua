#!lua flags=allow-oom
-- Hands entries back. ARGV from 4: ref, order key ('' none), … Returns 1 or 0 for each, -1 when fenced.
--@include common
if not leased(ME) then return -1 end
local wrong = check(RECORDS, 'hash', ORPHANS, 'zset')
if wrong then return wrong end
local result = {}
for i = 4, #ARGV, 2 do
  local ref, done = ARGV[i], 0
  local key, id = place(ref)
  if owner(key, id) == ME and hand_back(ref) then
    done = 1
    if ARGV[i + 1] ~= '' then redis.call('HSETNX', RECORDS, ref, cjson.encode({ orderKey = ARGV[i + 1] })) end
  end
  result[#result + 1] = done
end
return result
