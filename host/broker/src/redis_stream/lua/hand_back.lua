
-- Gives an entry that is ours to a consumer that nobody is, as stale as one must be to be taken over, and as if it had not
-- been handed over. So nothing is pending for its consumer any more, which can go.
local function one(key, at)
  local group, consumer, id, count = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local whose, why = owned(key, group, consumer, id, count)
  -- Claiming what was trimmed would make it vanish without a word.
  if whose == 'ours' and redis.call('XRANGE', key, id, id)[1] then
    local before = string.format('%.0f', tonumber(count) - 1)
    redis.call('XCLAIM', key, group, ARGV[at + 6], 0, id, 'IDLE', ARGV[at + 5], 'RETRYCOUNT', before, 'JUSTID')
  end
  return { whose, why or '' }, at + 6
end
