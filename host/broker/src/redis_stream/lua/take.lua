
-- Whether the consumer has done something lately. An entry that was trimmed cannot be kept fresh.
local function is_alive(key, group, consumer, idle)
  for _, found in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
    local about = {}
    for i = 1, #found, 2 do about[found[i]] = found[i + 1] end
    if about['name'] == consumer then return about['idle'] < idle end
  end
  return false
end

-- Takes an entry, if it is still pending as it was found: for this owner, handed over this often and, unless it is
-- our own, silent for so long. Answers its count and its fields.
local function one(key, at)
  local group, consumer, owner, id = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local count, idle, new_count = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]), ARGV[at + 7]
  at = at + 7
  local rows = redis.pcall('XPENDING', key, group, id, id, 1)
  if rows.err then return { 'refused', rows.err }, at end
  local row = rows[1]
  if not row or row[2] ~= owner or row[3] < idle or row[4] ~= count then return { 'missed' }, at end
  local entry = redis.call('XRANGE', key, id, id)[1]
  if not entry then
    if owner ~= consumer and is_alive(key, group, owner, idle) then return { 'missed' }, at end
    acknowledge(key, group, id)
    return { 'trimmed' }, at
  end
  redis.call('XCLAIM', key, group, consumer, 0, id, 'RETRYCOUNT', new_count, 'JUSTID')
  return { 'taken', new_count, entry[2] }, at
end
