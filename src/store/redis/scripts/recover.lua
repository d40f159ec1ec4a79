#!lua flags=allow-oom
-- Content of entries that the caller holds without knowing. ARGV from 4: refs. Returns {ref, fields, record} each.
--@include common
if not leased(ME) then return {} end
local wrong = check(RECORDS, 'hash')
if wrong then return wrong end
local ids = { [S] = {}, [R] = {} }
for i = 4, #ARGV do
  local key, id = place(ARGV[i])
  -- It may have been settled since the caller asked; a parked one must not be pulled back.
  if owner(key, id) == ME then ids[key][#ids[key] + 1] = id end
end
local rows = {}
for _, key in ipairs({ S, R }) do
  for _, row in ipairs((claim(key, key == R and 'r:' or '', ids[key]))) do
    rows[#rows + 1] = { row[1], row[2], redis.call('HGET', RECORDS, row[1]) }
  end
end
return rows
