-- Shared by all that write. Apart from the rest, because Redis makes every function anew with each call of a script.
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Lua does not roll back: what could fail half way is checked before the first write.
local function check(...)
  local pairs_ = { ... }
  for i = 1, #pairs_, 2 do
    local found = redis.call('TYPE', pairs_[i]).ok
    if found ~= 'none' and found ~= pairs_[i + 1] then
      return redis.error_reply('WRONGTYPE key ' .. pairs_[i] .. ' holds a ' .. found .. ', wanted is a ' .. pairs_[i + 1])
    end
  end
  return nil
end

-- The same for what the user may not do: an error reply for the first command that is not allowed.
local function allow(...)
  for _, command in ipairs({ ... }) do
    if not redis.acl_check_cmd(unpack(command)) then
      return redis.error_reply('NOPERM this user may not run ' .. command[1] .. ' on ' .. command[2])
    end
  end
  return nil
end
