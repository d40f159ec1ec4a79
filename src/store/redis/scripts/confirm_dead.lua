#!lua flags=allow-oom
-- Second half of writing a letter with too many fields for a script, inside the MULTI that wrote it: acknowledges, or
-- takes the letter back. ARGV 4 ref · 5 entry id
--@include common
local ref = ARGV[4]
local last = redis.call('XREVRANGE', PRE .. 'dlq', '+', '-', 'COUNT', 1)[1]
local n = last and #last[2] or 0
if n < 20 or last[2][n - 18] ~= ARGV[5] or last[2][n - 12] ~= ME then return { 'refused' } end
local state = not leased(ME) and 'fenced' or owner(place(ref)) ~= ME and 'gone' or 'settled'
if state ~= 'settled' then
  redis.call('XDEL', PRE .. 'dlq', last[1])
else
  finish(ref)
end
return { state }
