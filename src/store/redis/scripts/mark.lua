#!lua flags=allow-oom
-- Remembers what runs. ARGV 4 JSON {r: refs, x: exact}
--@include common
if not leased(ME) then return 0 end
redis.call('SET', PRE .. 'running:' .. ME, ARGV[4], 'PX', HORIZON)
return 1
