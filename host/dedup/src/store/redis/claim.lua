-- Claims keys, each in one atomic step.
--
-- KEYS: the records' names. ARGV, three a key: the record that a first claim writes, the record's life (ms),
-- and after how many host deaths the key is a suspect. Behind them, for how long from now (ms) a key that could be had
-- may be one whose last claim this server has forgotten while somebody works on it.
-- Answers per key: nil where the key was absent and is claimed now, or that time where it could be had and that time is
-- not over; otherwise what was found: the record, what is left of its life (ms) and whether the claim took it over; 0
-- where it is no string.
-- The host derives the outcome from what was found by the rules that it has anyway; only what decides whether
-- to write is said here a second time.

local function takeover(found, left_ms, fresh, suspect_after)
  local state = byte(found, 2)
  if state ~= CLAIMED and state ~= RELEASED or not readable(found) then return nil end
  local attempts, deaths, died_alone = number(found, 29), number(found, 33), false
  if state == CLAIMED then
    if sub(found, 13, 28) == sub(fresh, 13, 28) then return nil end
    -- A claim without expiry (somebody's PERSIST) has none left: it must not hold its key for ever.
    local high, low = struct.unpack('>I4I4', found, 37)
    if left_ms - (high * 4294967296 + low) > 0 then return nil end
    deaths = math.min(deaths + 1, MAX_32)
    attempts = math.max(attempts, 1)
    died_alone = flagged(found, 2) and deaths > suspect_after
  else
    attempts = math.min(attempts + 1, MAX_32)
  end
  if deaths > suspect_after and not flagged(fresh, 2) then return nil end
  local flags = string.char(byte(fresh, 3) + (died_alone and 32 or 0) + (flagged(found, 1) and 1 or 0))
  local counts = struct.pack('>I4I4', attempts, deaths)
  return sub(fresh, 1, 2) .. flags .. sub(fresh, 4, 4) .. raised(found) .. sub(fresh, 13, 28) .. counts
    .. sub(fresh, 37, 60) .. text_of(found)
end

local hold_ms = tonumber(ARGV[#ARGV])
local answers = {}
for i = 1, #KEYS do
  local fresh, life_ms, suspect_after = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local found
  if hold_ms > 0 then
    found = pcall('GET', KEYS[i])
  else
    found = pcall('SET', KEYS[i], fresh, 'NX', 'GET', 'PX', life_ms)
  end
  if not found then
    answers[i] = hold_ms > 0 and hold_ms
  elseif of_other_type(found) then
    answers[i] = 0
  else
    local left_ms = call('PTTL', KEYS[i])
    local taken = takeover(found, left_ms, fresh, tonumber(suspect_after))
    if taken and hold_ms > 0 then
      -- It may have been granted since to somebody of whom this server knows nothing.
      answers[i] = hold_ms
    else
      if taken then call('SET', KEYS[i], taken, 'PX', life_ms) end
      answers[i] = { found, left_ms, taken and 1 or 0 }
    end
  end
end
return answers
