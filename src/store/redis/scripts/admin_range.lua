#!lua flags=no-writes
-- A part of a range, filtered here so that what does not fit need not travel.
-- ARGV 4 'entries' or 'letters' · 5 'up' or 'down' · 6 from · 7 to · 8 limit · the rest is for the filter
-- Returns {{id, fields}…, id looked at last or ''}; '': the whole range was looked at
--@include common
--@include filter
local down, from, to, limit = ARGV[5] == 'down', ARGV[6], ARGV[7], tonumber(ARGV[8])
local key = LETTERS and PRE .. 'dlq' or S

local rows, bytes, scanned, last = {}, 0, 0, ''
-- Pages are small because entries can be large, and Lua gets them whole.
while scanned < 1000 do
  local page
  if down then page = redis.call('XREVRANGE', key, to, from, 'COUNT', 20)
  else page = redis.call('XRANGE', key, from, to, 'COUNT', 20) end
  for _, row in ipairs(page) do
    last, scanned = row[1], scanned + 1
    if fits(row[2]) then
      rows[#rows + 1] = row
      for i = 1, #row[2] do bytes = bytes + #row[2][i] end
      if #rows >= limit or bytes > 2000000 then return { rows, last } end
    end
  end
  if #page < 20 then return { rows, '' } end
  if down then to = '(' .. last else from = '(' .. last end
end
return { rows, last }
