-- Which events were published, by source and id, shared by append and promote. A key of its own for each event took most of
-- what publishing costs Redis, and as much again at its end. So two hashes take turns: one is written until it is as old as
-- the window; then the other, emptied, since all that it held is older than the window by then.
-- Field '' is `<ms of the first mark> <window> <turn>`: the longest window that was asked for while it was written, and for how
-- long it is written. A mark is the entry id; of a delayed event it is `~<ms when published>~`, to which the entry id is added
-- once there is one. So is that of an event whose entry id does not tell the time.
local PUBLISHED = { base .. 'pub:events:1', base .. 'pub:events:2' }

-- When it was published, and its entry id, '' while it waits.
local function told_of(mark)
  if string.byte(mark) == 126 then return string.match(mark, '^~(%d+)~(.*)$') end
  return string.match(mark, '^(%d+)'), mark
end

-- When a hash was begun, for which window, and for how long it is written, from its field ''; 0 where it was not.
local function begun_of(field)
  local ms, window, turn = string.match(type(field) == 'string' and field or '', '^(%d+) (%d+) (%d+)$')
  return tonumber(ms or 0), tonumber(window or 0), tonumber(turn or 0)
end

-- Freeing so much at once would hold Redis up. A user who was set up before that was needed may only do it so.
local function forget(key)
  if redis.acl_check_cmd('UNLINK', key) then redis.call('UNLINK', key) else redis.pcall('DEL', key) end
end
