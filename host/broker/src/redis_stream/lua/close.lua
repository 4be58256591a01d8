
-- Removes a consumer for which nothing is pending: what is pending for one that is removed is lost.
local function one(key, at)
  local group, consumer = ARGV[at + 1], ARGV[at + 2]
  local rows = redis.pcall('XPENDING', key, group, '-', '+', 1, consumer)
  if rows.err then return { 'refused', rows.err }, at + 2 end
  if rows[1] then return { 'pending' }, at + 2 end
  redis.call('XGROUP', 'DELCONSUMER', key, group, consumer)
  return { 'removed' }, at + 2
end
