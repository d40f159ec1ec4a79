#!lua flags=no-writes
-- Counts dead letters by type, reason and kind of error, newest first. ARGV as of admin_range.lua
-- Returns {{type or '', reason, kind, count, newest id, oldest id}…, letters looked at, id looked at last or ''}
--@include common
--@include filter
local from, to = ARGV[6], ARGV[7]
local rows, by_key, bytes, scanned, last = {}, {}, 0, 0, ''

local function count(id, values)
  local ours, n = letter_of(values)
  local kind = { type_of(values, n) or '', ours and values[#values - 10] or 'unknown', ours and kind_of(values[#values - 8]) or '' }
  local key = kind[1] .. '\0' .. kind[2] .. '\0' .. kind[3]
  local row = by_key[key]
  if not row then
    row = { kind[1], kind[2], kind[3], 0, id, id }
    by_key[key], rows[#rows + 1] = row, row
  end
  row[4], row[6] = row[4] + 1, id
end

-- Letters can be large, and Lua gets them whole: a call ends by their bytes too.
while scanned < 1000 and bytes < 4000000 do
  local page = redis.call('XREVRANGE', PRE .. 'dlq', to, from, 'COUNT', 20)
  for _, row in ipairs(page) do
    last, scanned = row[1], scanned + 1
    for i = 2, #row[2], 2 do bytes = bytes + #row[2][i] end
    if fits(row[2]) then count(row[1], row[2]) end
  end
  if #page < 20 then return { rows, scanned, '' } end
  to = '(' .. last
end
return { rows, scanned, last }
