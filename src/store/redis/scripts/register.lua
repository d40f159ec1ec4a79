#!lua flags=allow-oom
-- Registers a consumer. ARGV 4 lease ms. A lease must start whatever the memory: nothing can be settled without one.
--@include common
local wrong = check(CONSUMERS, 'hash')
if wrong then return wrong end
redis.call('SET', PRE .. 'lease:' .. ME, ARGV[4], 'PX', HORIZON)
-- Watched by acknowledgements: never written again until it is deleted together with the lease.
redis.call('SET', PRE .. 'fence:' .. ME, '1')
redis.call('HSET', CONSUMERS, ME, string.format('registered:%.0f', now_ms()))
return 1
