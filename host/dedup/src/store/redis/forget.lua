-- Forgets keys: leaves released records with raised sequences.
--
-- KEYS: the records' names. ARGV, three a key: the fence that the record must bear, or nothing; the forgotten
-- record, whose sequence is filled in here; its life (ms).
-- Answers per key: 1 if it is done; nil if there is no record; 0 if the key holds no string; otherwise the
-- record that was left alone, because it has another fence or cannot be read.

return answer_each(function(name, found, expected, forgotten, life_ms)
  if not found then return false end
  if not readable(found) or (expected ~= '' and expected ~= sub(found, 5, 28)) then return found end
  change(name, sub(forgotten, 1, 4) .. raised(found) .. sub(forgotten, 13), life_ms)
  return 1
end)
