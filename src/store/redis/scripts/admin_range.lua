#!lua flags=no-writes
-- A part of a range, filtered here so that what does not fit need not travel.
-- ARGV 4 'entries' or 'letters' · 5 'up' or 'down' · 6 from · 7 to · 8 limit · 9 type ('' any) · 10 reason ('' any)
-- Returns {{id, fields}…, id looked at last or ''}; '': the whole range was looked at
--@include common
local letters, down, from, to = ARGV[4] == 'letters', ARGV[5] == 'down', ARGV[6], ARGV[7]
local limit, wanted_type, wanted_reason = tonumber(ARGV[8]), ARGV[9], ARGV[10]
local key = letters and PRE .. 'dlq' or S

-- Of a repeated name the first; CloudEvents names win over others.
local function type_of(values, n)
  local alias = nil
  for i = 1, n, 2 do
    if values[i] == 'type' then return values[i + 1] end
    if values[i] == 'event' then alias = alias or values[i + 1] end
  end
  return alias
end

local function fits(values)
  local n = #values
  local ours = letters and n >= 20 and values[n - 19] == 'dlq.entry' and values[n - 1] == 'dlq.replays'
  if wanted_reason ~= '' and not (ours and values[n - 10] == wanted_reason) then return false end
  return wanted_type == '' or type_of(values, ours and n - 20 or n) == wanted_type
end

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
