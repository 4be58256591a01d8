
local function one(key, at)
  local group, consumer, id, count = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local whose, why = owned(key, group, consumer, id, count)
  if whose == 'ours' then acknowledge(key, group, id) end
  return { whose, why or '' }, at + 4
end
