-- Makes dead keys claimable again, each if it is the dead letter's.
--
-- KEYS: the records' names. ARGV, three a key: the dead letter's fence; the forgotten record, whose sequence is filled
-- in here; its life (ms).
-- Answers per key: 1 if it is done, now or before; nil if there is no record; 0 if the key holds no string; otherwise
-- the record that was left alone.

-- Whether the record is what an operator's forget or requeue left, and not older than the fence.
local function is_done(found, fence)
  if byte(found, 2) ~= RELEASED or not flagged(found, 1) or sub(found, 13, 28) ~= NOBODY then return false end
  local high, low = struct.unpack('>I4I4', found, 5)
  local least_high, least_low = struct.unpack('>I4I4', fence)
  return high > least_high or high == least_high and low >= least_low
end

return answer_each(function(name, found, fence, forgotten, life_ms)
  if not found then return false end
  if not readable(found) then return found end
  if byte(found, 2) == DEAD and sub(found, 13, 28) == sub(fence, 9) then
    change(name, sub(forgotten, 1, 4) .. raised(found) .. sub(forgotten, 13), life_ms)
    return 1
  end
  return is_done(found, fence) and 1 or found
end)
