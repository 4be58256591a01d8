-- Reads records.
--
-- KEYS: their names. Answers per key: nil if there is none; otherwise the record, or 0 if the key holds no string,
-- and what is left of its life (ms).

local answers = {}
for i = 1, #KEYS do
  local found = pcall('GET', KEYS[i])
  if not found then
    answers[i] = false
  elseif of_other_type(found) then
    answers[i] = { 0, call('PTTL', KEYS[i]) }
  else
    answers[i] = { found, call('PTTL', KEYS[i]) }
  end
end
return answers
