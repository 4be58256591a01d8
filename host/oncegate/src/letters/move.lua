-- Sends a dead letter again, and takes it off, in one step.
--
-- KEYS: the dead letters, the source. ARGV: the entry's id; the fields of what is appended.
-- Answers the new entry's id; nil if the dead letter is gone already; an error, before anything was written, if the
-- source is no stream.

if redis.call('TYPE', KEYS[2]).ok ~= 'stream' then
  return redis.error_reply('ERR there is no stream under this name')
end
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return false end
local id = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 2))
redis.call('XDEL', KEYS[1], ARGV[1])
return id
