#!lua
-- Acknowledges one entry together with its effects and its dedup mark. Effects first, acknowledge last.
-- ARGV 4 ref · 5 window ms · 6 key of the mark ('' none) · 7 stream for effects ('' the outbox) · 8 its base · 9 items, then the items
--@include common
--@include emit
if not leased(ME) then return { 'fenced' } end
local ref, window, mark, target, base = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local key, id = place(ref)
if owner(key, id) ~= ME then return { 'gone' } end
local wrong = check(RECORDS, 'hash') or may_finish(ref)
  or (mark ~= '' and allow({ 'SET', mark, '1', 'PX', window }) or nil)
if wrong then return wrong end
if mark ~= '' and redis.call('EXISTS', mark) == 1 then
  finish(ref)
  return { 'duplicate' }
end
local count = tonumber(ARGV[9])
if count > 0 then
  if target == '' then wrong = check(PRE .. 'outbox', 'stream')
  else wrong = check(emit_targets(target, base)) end
  if wrong then return wrong end
end
local now, at, appended = now_ms(), 10, {}
for i = 1, count do
  local item
  item, at = take(at)
  if target == '' then
    redis.call('XADD', PRE .. 'outbox', '*', 'due', string.format('%.0f', item.due), unpack(item.values))
    appended[i] = false
  else
    appended[i] = emit(target, base, item, now)
  end
end
if mark ~= '' then redis.call('SET', mark, '1', 'PX', window) end
finish(ref)
return { 'settled', appended }
