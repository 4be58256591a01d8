
-- What the source will do, asked of the same user before anything is read.
local function denied(key, group)
  for _, command in ipairs({
    { 'TYPE', key },
    { 'XREADGROUP', 'GROUP', group, 'c', 'COUNT', '1', 'STREAMS', key, '>' },
    { 'XPENDING', key, group, '0-0', '0-0', '1' },
    { 'XCLAIM', key, group, 'c', '0', '0-0' },
    { 'XACK', key, group, '0-0' },
    { 'XRANGE', key, '0-0', '0-0' },
    { 'XINFO', 'STREAM', key },
    { 'XINFO', 'GROUPS', key },
    { 'XINFO', 'CONSUMERS', key, group },
    { 'XGROUP', 'CREATE', key, group, '0' },
    { 'XGROUP', 'SETID', key, group, '0' },
    { 'XGROUP', 'DELCONSUMER', key, group, 'c' },
  }) do
    if not redis.acl_check_cmd(unpack(command)) then
      local name = command[1]
      if name == 'XINFO' or name == 'XGROUP' then name = name .. ' ' .. command[2] end
      return name
    end
  end
end

local function one(key, at)
  local group, start = ARGV[at + 1], ARGV[at + 3]
  at = at + 3
  local name = denied(key, group)
  if name then return { 'unfit', 'the user may not call ' .. name .. ' on it' }, at end
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'stream' and kind ~= 'none' then
    return { 'unfit', 'there is a ' .. kind .. ' under its name' }, at
  end
  local read = 0
  if kind == 'stream' then
    for _, found in ipairs(redis.call('XINFO', 'GROUPS', key)) do
      if found[2] == group then return { 'there' }, at end
    end
    -- So many entries will never be read: that is no loss.
    local about = redis.call('XINFO', 'STREAM', key)
    for i = 1, #about, 2 do
      if about[i] == 'entries-added' then read = read + about[i + 1] end
      if about[i] == 'length' and start == '0' then read = read - about[i + 1] end
    end
  end
  redis.call('XGROUP', 'CREATE', key, group, start, 'MKSTREAM', 'ENTRIESREAD', string.format('%.0f', read))
  return { 'made' }, at
end
