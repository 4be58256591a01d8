-- Takes, renews or gives up a name that one process holds at a time.
--
-- KEYS: the names. ARGV, three a name: who asks, in words that nobody else has; for how long (ms), 0 to give it up;
-- and 1 if it is only to be renewed, 0 if it may be taken.
-- Answers per name: 1 if it is the asker's (or given up) now; otherwise who holds it and what is left of that (ms).

local answers = {}
for i = 1, #KEYS do
  local holder, life_ms, renew = ARGV[3 * i - 2], tonumber(ARGV[3 * i - 1]), ARGV[3 * i] == '1'
  local found = redis.call('GET', KEYS[i])
  if found == holder or (not found and not renew) then
    if life_ms > 0 then
      redis.call('SET', KEYS[i], holder, 'PX', life_ms)
    elseif found then
      redis.call('DEL', KEYS[i])
    end
    answers[i] = 1
  else
    answers[i] = { found or '', found and redis.call('PTTL', KEYS[i]) or 0 }
  end
end
return answers
