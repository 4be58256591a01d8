-- Keeps what namespaces take: a hash for each, with a number of keys and of bytes for each time at which records expire.
--
-- KEYS: the hashes. ARGV per key: who says so, the number of what it says, how many additions follow; then for each a
-- life (ms), keys and bytes. Answers per key: keys and bytes that have not expired. What was said before, and is said
-- again because its reply was lost, adds nothing.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local REMEMBERED = 3600 * 1000

-- As in account.rs.
local function bucket(life)
  local width = 512
  while width < math.floor(life / 64) do width = width * 2 end
  return math.ceil((now + life) / width) * width
end

local function add(name, field, count)
  if count ~= 0 then redis.call('HINCRBY', name, field, string.format('%.0f', count)) end
end

local answers, at, last = {}, 1, now
for i, name in ipairs(KEYS) do
  local who, number, count = 'w:' .. ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local said = redis.call('HGET', name, who)
  local is_new = not said or string.match(said, '^[^ ]+') ~= number
  for _ = 1, count do
    if is_new then
      local ends = string.format('%.0f', bucket(tonumber(ARGV[at])))
      add(name, 'k:' .. ends, tonumber(ARGV[at + 1]))
      add(name, 'b:' .. ends, tonumber(ARGV[at + 2]))
    end
    at = at + 3
  end
  if count > 0 then redis.call('HSET', name, who, number .. ' ' .. string.format('%.0f', now)) end
  local keys, bytes, latest = 0, 0, now
  local fields = redis.call('HGETALL', name)
  for f = 1, #fields, 2 do
    local kind, rest = string.match(fields[f], '^(%a):(.*)$')
    if kind == 'w' then
      local when = tonumber(string.match(fields[f + 1], '(%d+)$')) or 0
      if when + REMEMBERED < now then redis.call('HDEL', name, fields[f]) end
    elseif (tonumber(rest) or 0) <= now then
      redis.call('HDEL', name, fields[f])
    else
      latest = math.max(latest, tonumber(rest))
      if kind == 'k' then keys = keys + tonumber(fields[f + 1]) else bytes = bytes + tonumber(fields[f + 1]) end
    end
  end
  if count > 0 then redis.call('PEXPIREAT', name, string.format('%.0f', math.max(latest, now + REMEMBERED))) end
  answers[i] = { keys, bytes }
end
return answers
