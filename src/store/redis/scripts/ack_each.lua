#!lua flags=allow-oom
-- Acknowledges entries that have a record, or are replays. ARGV from 4: refs.
-- Returns for each 1, 0 where it is gone, its error where that cannot be told; -1 when fenced.
--@include common
if not leased(ME) then return -1 end
local wrong = check(RECORDS, 'hash')
if wrong then return wrong end

local result, refs, ids, taken = {}, {}, { [S] = {}, [R] = {} }, {}
for i = 4, #ARGV do
  local ref, at = ARGV[i], #result + 1
  local key, id = place(ref)
  local holder, failed = holder_of(key, id)
  result[at] = failed or 0
  if holder == ME and not taken[ref] then
    taken[ref], result[at] = true, 1
    refs[#refs + 1] = ref
    ids[key][#ids[key] + 1] = id
  end
end
if #refs == 0 then return result end
wrong = allow({ 'HDEL', RECORDS, '0' }, { 'XACK', S, G, '0-0' }, #ids[R] > 0 and { 'XACK', R, G, '0-0' } or nil,
  #ids[R] > 0 and { 'XDEL', R, '0-0' } or nil)
if wrong then return wrong end

redis.call('HDEL', RECORDS, unpack(refs))
for _, key in ipairs({ S, R }) do
  if #ids[key] > 0 then redis.call('XACK', key, G, unpack(ids[key])) end
end
if #ids[R] > 0 then redis.call('XDEL', R, unpack(ids[R])) end
return result
