
-- Removes consumers of hosts that are gone: those named like ours, for which nothing is pending, silent for so long.
local function one(key, at)
  local group, consumer, prefix, idle = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  at = at + 4
  local consumers = redis.pcall('XINFO', 'CONSUMERS', key, group)
  if consumers.err then return { 'refused', consumers.err }, at end
  local removed = 0
  for _, found in ipairs(consumers) do
    local about = {}
    for i = 1, #found, 2 do about[found[i]] = found[i + 1] end
    local name = about['name']
    local is_ours = string.sub(name, 1, #prefix) == prefix and name ~= consumer
    if is_ours and about['pending'] == 0 and about['idle'] >= idle then
      redis.call('XGROUP', 'DELCONSUMER', key, group, name)
      removed = removed + 1
    end
  end
  return { 'cleaned', removed }, at
end
