#!lua
-- Gives a dead letter back to its group. ARGV 4 letter id.
-- Returns 1, 0 when there is none, -1 when it has more fields than a script can hand to one command.
--@include common
local letter = ARGV[4]
local wrong = check(PRE .. 'dlq', 'stream', R, 'stream') or allow({ 'XDEL', PRE .. 'dlq', letter })
if wrong then return wrong end
local found = redis.call('XRANGE', PRE .. 'dlq', letter, letter)[1]
if not found then return 0 end
local values, entry, replays = found[2], letter, 0
local n = #values
-- Ours are the last ten; an original field of the same name lies before them.
if n >= 20 and values[n - 19] == 'dlq.entry' and values[n - 1] == 'dlq.replays' then
  entry, replays = values[n - 18], tonumber(values[n]) or 0
  for i = n, n - 19, -1 do values[i] = nil end
end
if #values > 7900 then return -1 end
redis.pcall('XGROUP', 'CREATE', R, G, '0', 'MKSTREAM')
values[#values + 1], values[#values + 2] = 'dlq.entry', entry
values[#values + 1], values[#values + 2] = 'dlq.replays', tostring(replays + 1)
redis.call('XADD', R, '*', unpack(values))
redis.call('XDEL', PRE .. 'dlq', letter)
return 1
