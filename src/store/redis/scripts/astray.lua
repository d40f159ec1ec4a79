#!lua flags=no-writes
-- Parked entries that are not in the caller's care any more. ARGV from 4: refs. Returns those of them.
--@include common
local mine, result = PRE .. 'parked:' .. ME, {}
local function listed(ref)
  local score = redis.pcall('ZSCORE', mine, ref)
  return type(score) == 'string'
end
for i = 4, #ARGV do
  local key, id = place(ARGV[i])
  -- One that is ours by its owner was claimed in an answer that was lost; it comes by itself, if it is there.
  if not listed(ARGV[i]) and (owner(key, id) ~= ME or #tolerant('XRANGE', key, id, id) == 0) then
    result[#result + 1] = ARGV[i]
  end
end
return result
