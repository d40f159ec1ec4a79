#!lua flags=allow-oom
-- One check, one XACK: for few ids, and for many where acknowledging under a watch is not possible at the moment.
-- KEYS lease, stream · ARGV group, then at most 1,000 ids.
-- Returns -1 when fenced; how many were acknowledged; 1 or 0 for each where they are few.
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
if #ARGV > 17 then return redis.call('XACK', KEYS[2], unpack(ARGV)) end
local result = {}
for i = 2, #ARGV do result[i - 1] = redis.call('XACK', KEYS[2], ARGV[1], ARGV[i]) end
return result
