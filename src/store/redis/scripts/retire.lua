#!lua flags=allow-oom
-- Hands back part of what the caller holds; ends its registration once nothing is left. ARGV 4 limit
-- Returns {handed back, remaining, 1 when fenced}
--@include common
local function held() return pending_of(S, ME) + pending_of(R, ME) end
if not leased(ME) then return { 0, held(), 1 } end
local wrong = check(RECORDS, 'hash', ORPHANS, 'zset', CONSUMERS, 'hash', PRE .. 'parked:' .. ME, 'zset')
if wrong then return wrong end
local limit, back = tonumber(ARGV[4]), 0
for _, key in ipairs({ S, R }) do
  for _, row in ipairs(tolerant('XPENDING', key, G, '-', '+', limit, ME)) do
    if hand_back((key == R and 'r:' or '') .. row[1]) then back = back + 1 end
  end
end
local remaining = held() + orphan(ME)
if remaining > 0 then return { back, remaining, 0 } end
tolerant('XGROUP', 'DELCONSUMER', S, G, ME)
tolerant('XGROUP', 'DELCONSUMER', R, G, ME)
redis.call('DEL', PRE .. 'running:' .. ME, PRE .. 'lease:' .. ME, PRE .. 'fence:' .. ME)
-- Not simply forgotten: a half-open connection of it may still read. Peers would then take that at once.
redis.call('HSET', CONSUMERS, ME, string.format('fenced:0:%.0f', now_ms()))
return { back, 0, 0 }
