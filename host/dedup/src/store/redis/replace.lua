-- Replaces a sentinel, if it is still the one that was read.
--
-- KEYS: its name. ARGV: the text that was read; the new text up to the time since when its epoch is known; that time
-- (ms), or nothing if the epoch is new: then it is now, by this server's clock.
-- Answers the text as it stands afterwards; nil if there is none. Of many hosts that notice a new epoch at once, one
-- replaces the text, and the others find another one than they read: so all of them go by one time.

local found = redis.call('GET', KEYS[1])
if found == ARGV[1] then
  local since = ARGV[3]
  if since == '' then
    local seconds, micros = unpack(redis.call('TIME'))
    since = string.format('%.0f', seconds * 1000 + math.floor(micros / 1000))
  end
  found = ARGV[2] .. since
  redis.call('SET', KEYS[1], found)
end
return found
