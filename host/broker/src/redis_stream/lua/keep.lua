
-- Keeps an entry fresh that is ours. One that was trimmed stays pending only as long as nobody claims it, its owner
-- included; it is left alone, and its owner is known to be alive.
local function one(key, at)
  local group, consumer, id, count = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local whose, why = owned(key, group, consumer, id, count)
  if whose == 'ours' and redis.call('XRANGE', key, id, id)[1] then
    redis.call('XCLAIM', key, group, consumer, 0, id, 'JUSTID')
  end
  return { whose, why or '' }, at + 4
end
