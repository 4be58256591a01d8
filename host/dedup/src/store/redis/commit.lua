-- Commits keys by an operator's word.
--
-- KEYS: the records' names. ARGV, three a key: the fence that the record must bear, or nothing; the committed record
-- as it is where there is none; its life (ms).
-- Answers per key: 1 if it is done, now or before; nil if there is no record and a fence was named; 0 if the key holds
-- no string; otherwise the record that was left alone, because an attempt has committed it, it has another fence, or
-- it cannot be read.

-- The committed record over what was found: counts and fingerprint stay, the sequence rises.
local function committed(found, wanted)
  local flags = string.char(band(byte(found, 3), 4))
  return sub(wanted, 1, 2) .. flags .. sub(wanted, 4, 4) .. raised(found) .. sub(wanted, 13, 28)
    .. sub(found, 29, 36) .. sub(wanted, 37, 44) .. sub(found, 45, 60) .. sub(wanted, 61)
end

return answer_each(function(name, found, expected, wanted, life_ms)
  if not found then
    if expected ~= '' then return false end
    change(name, wanted, life_ms)
    return 1
  end
  if not readable(found) then return found end
  if byte(found, 2) == COMMITTED then return sub(found, 13, 28) == NOBODY and 1 or found end
  if expected ~= '' and expected ~= sub(found, 5, 28) then return found end
  change(name, committed(found, wanted), life_ms)
  return 1
end)
