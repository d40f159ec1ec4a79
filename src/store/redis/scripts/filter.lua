-- Which entries and letters are asked for; put in place of the include line. ARGV 4 'entries' or 'letters' · 9 type ('' any)
-- 10 reason ('' any) · 11 event id · 12 subject · 13 trace · 14 kind of error · 15 text ('' any)
local LETTERS = ARGV[4] == 'letters'

-- Of a repeated name the first; CloudEvents names win over others.
local function value_of(values, n, name, alias)
  local other = nil
  for i = 1, n, 2 do
    if values[i] == name then return values[i + 1] end
    if values[i] == alias then other = other or values[i + 1] end
  end
  return other
end

local function type_of(values, n)
  return value_of(values, n, 'type', 'event')
end

-- An error without what differs from one event to the next: see delivery/letter_kind.ts.
local function kind_of(text)
  local head = string.sub(text, 1, 300)
  if #text > 300 then head = string.gsub(head, '[\192-\255][\128-\191]*$', '') end
  return (string.gsub(head, '[A-Za-z0-9_%-]+', function(word)
    return string.find(word, '%d') and '#' or nil
  end))
end

-- Whether our own fields are there, and how many values lie before them.
local function letter_of(values)
  local n = #values
  local ours = LETTERS and n >= 20 and values[n - 19] == 'dlq.entry' and values[n - 1] == 'dlq.replays'
  return ours, ours and n - 20 or n
end

local function has_trace(values, n, wanted)
  local parent = value_of(values, n, 'traceparent') or ''
  return parent == wanted or string.sub(parent, 4, 35) == wanted or value_of(values, n, 'correlationid') == wanted
end

local function has_text(values, n, ours, wanted)
  for _, text in ipairs({
    ours and values[#values - 8] or '', type_of(values, n) or '', value_of(values, n, 'id') or '',
    value_of(values, n, 'subject', 'aggregateId') or '',
  }) do
    if string.find(string.lower(string.sub(text, 1, 4000)), wanted, 1, true) then return true end
  end
  return false
end

local function fits(values)
  local ours, n = letter_of(values)
  if ARGV[10] ~= '' and not (ours and values[#values - 10] == ARGV[10]) then return false end
  if ARGV[9] ~= '' and type_of(values, n) ~= ARGV[9] then return false end
  if ARGV[11] ~= '' and value_of(values, n, 'id') ~= ARGV[11] then return false end
  if ARGV[12] ~= '' and value_of(values, n, 'subject', 'aggregateId') ~= ARGV[12] then return false end
  if ARGV[13] ~= '' and not has_trace(values, n, ARGV[13]) then return false end
  if ARGV[14] ~= '' and not (ours and kind_of(values[#values - 8]) == ARGV[14]) then return false end
  return ARGV[15] == '' or has_text(values, n, ours, string.lower(ARGV[15]))
end
