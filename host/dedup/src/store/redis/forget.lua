-- Forgets keys: leaves released records with raised sequences.
--
-- KEYS: the records' names. ARGV, three a key: the fence that the record must bear, or nothing; the forgotten
-- record, whose sequence is filled in here; its life (ms).
-- Answers per key: 1 if it is done; nil if there is no record; 0 if the key holds no string; otherwise the
-- record that was left alone, because it has another fence or cannot be read.

local answers = {}
for i = 1, #KEYS do
  local expected, forgotten, life_ms = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local found = pcall('GET', KEYS[i])
  if not found then
    answers[i] = false
  elseif of_other_type(found) then
    answers[i] = 0
  elseif not readable(found) or (expected ~= '' and expected ~= sub(found, 5, 28)) then
    answers[i] = found
  else
    change(KEYS[i], sub(forgotten, 1, 4) .. raised(found) .. sub(forgotten, 13), life_ms)
    answers[i] = 1
  end
end
return answers
