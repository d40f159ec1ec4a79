#!lua flags=allow-oom
-- Second half of replaying a letter with too many fields for a script, inside the MULTI that added it to the replays:
-- removes the letter, or takes the replay back. ARGV 4 letter id · 5 entry id
--@include common
local last = redis.call('XREVRANGE', R, '+', '-', 'COUNT', 1)[1]
local n = last and #last[2] or 0
if n < 4 or last[2][n - 2] ~= ARGV[5] then return -1 end
if redis.call('XDEL', PRE .. 'dlq', ARGV[4]) == 1 then return 1 end
redis.call('XDEL', R, last[1])
return 0
