#!lua flags=allow-oom
-- The hot path: one check, one XACK. KEYS lease, stream · ARGV group, then at most 1,000 ids.
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
return redis.call('XACK', KEYS[2], unpack(ARGV))
