-- How many entries left the stream before the group had read them: those that were ever added, less those that are
-- there, less those that were read. Whoever counts them sets the group's own count right, so that they are counted
-- once among many hosts.

local function about(list)
  local values = {}
  for i = 1, #list, 2 do values[list[i]] = list[i + 1] end
  return values
end

-- Whether one id lies before another. Numbers of 64 bits do not fit into Lua's.
local function is_before(a, b)
  local a_ms, a_sequence = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_sequence = string.match(b, '^(%d+)-(%d+)$')
  for _, pair in ipairs({ { a_ms, b_ms }, { a_sequence, b_sequence } }) do
    if #pair[1] ~= #pair[2] then return #pair[1] < #pair[2] end
    if pair[1] ~= pair[2] then return pair[1] < pair[2] end
  end
  return false
end

local stream, groups = redis.pcall('XINFO', 'STREAM', KEYS[1]), redis.pcall('XINFO', 'GROUPS', KEYS[1])
if stream.err or groups.err then return {} end
stream = about(stream)
local group
for _, found in ipairs(groups) do
  local values = about(found)
  if values['name'] == ARGV[1] then group = values end
end
if not group then return {} end

local first, last = stream['first-entry'] and stream['first-entry'][1], group['last-delivered-id']
if first and not is_before(last, first) then return {} end
local gone, read = stream['entries-added'] - stream['length'], group['entries-read']
if read and gone <= read then return {} end
local counted = string.format('%.0f', gone)
local set = redis.pcall('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', counted)
if set.err or not read then return {} end
return { gone - read, last, first or '' }
