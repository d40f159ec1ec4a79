#!lua flags=no-writes
-- Counts entries from an id on, at most 1,000. ARGV 4 direction '+' or '-' · 5 start, exclusive ('' none) · 6 end
-- Returns {count, last id seen or '', 1 when the end was reached}
--@include common
local forward, from, to = ARGV[4] == '+', ARGV[5], ARGV[6]
local count, reached = 0, 0
-- Pages are small because entries can be large, and Lua gets them whole.
for _ = 1, 20 do
  local start = from == '' and '-' or '(' .. from
  local rows
  if forward then
    rows = redis.call('XRANGE', S, start, '+', 'COUNT', 50)
  else
    rows = redis.call('XRANGE', S, start, to, 'COUNT', 50)
  end
  count = count + #rows
  if #rows < 50 then
    reached = 1
    break
  end
  from = rows[#rows][1]
end
return { count, from, reached }
