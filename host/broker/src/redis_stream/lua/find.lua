
-- A page of what is pending: for one consumer, or for so long without a word from its owner.
local function one(key, at)
  local group, consumer, own = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local idle, after, most = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
  local rows
  if own == '1' then
    rows = redis.pcall('XPENDING', key, group, after, '+', most, consumer)
  else
    rows = redis.pcall('XPENDING', key, group, 'IDLE', idle, after, '+', most)
  end
  if rows.err then return { 'refused', rows.err }, at + 6 end
  return { 'found', rows }, at + 6
end
