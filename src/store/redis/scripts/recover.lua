#!lua flags=allow-oom
-- Content of entries that the caller holds without knowing. ARGV from 4: refs.
-- Returns {{ref, fields, record}…, refs whose content is gone}; nothing when fenced.
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
local rows, lost = {}, {}
for _, key in ipairs({ S, R }) do
  local claimed, gone = claim(key, key == R and 'r:' or '', ids[key])
  for _, row in ipairs(claimed) do rows[#rows + 1] = { row[1], row[2], redis.call('HGET', RECORDS, row[1]) } end
  for _, ref in ipairs(gone) do lost[#lost + 1] = ref end
end
return { rows, lost }
