-- How a delivery's keys would end, and what is written for them. Used by every script that settles.

-- The record to write over `stored`, which may be older than the one that the host prepared.
local function ended(stored, wanted, late)
  local released = byte(wanted, 2) == RELEASED
  if not late and not released and sub(stored, 29, 36) == sub(wanted, 29, 36) then return wanted end
  local sequence = late and raised(stored) or sub(wanted, 5, 12)
  local counts, rest = sub(stored, 29, 36), sub(wanted, 37)
  local flags = sub(wanted, 3, 3)
  if released then
    if number(wanted, 29) == 0 then
      counts = struct.pack('>I4', math.max(number(stored, 29) - 1, 0)) .. sub(stored, 33, 36)
    end
    local first_error = text_of(stored)
    if #first_error > 2 then rest = sub(wanted, 37, 60) .. first_error end
    if flagged(stored, 1) then flags = string.char(byte(wanted, 3) + 1) end
  end
  return sub(wanted, 1, 2) .. flags .. sub(wanted, 4, 4) .. sequence .. sub(wanted, 13, 28) .. counts .. rest
end

local LOST, APPLY, ALREADY, UNREADABLE = 0, 1, 2, 3

-- How one key would end; with APPLY, the record to write and whether it is late; with UNREADABLE, the record.
local function judged(name, wanted, accept_absent)
  local stored = pcall('GET', name)
  local to = byte(wanted, 2)
  if not stored then
    if to == RELEASED then return ALREADY end
    if accept_absent then return APPLY, wanted, true end
    return LOST
  end
  if of_other_type(stored) then return UNREADABLE, false end
  if not readable(stored) then return UNREADABLE, stored end
  local from = byte(stored, 2)
  local ours = sub(stored, 5, 28) == sub(wanted, 5, 28)
  if from == CLAIMED then
    if ours then return APPLY, ended(stored, wanted, false), false end
  elseif from == RELEASED then
    if to == RELEASED then
      if ours then return ALREADY end
    elseif not flagged(stored, 1) then
      return APPLY, ended(stored, wanted, not ours), not ours
    end
  elseif from == to and sub(stored, 13, 28) == sub(wanted, 13, 28) then
    return ALREADY
  end
  return LOST
end

-- What is to be written for the delivery at hand. Used for one after the other: tables cost more than keys.
local names, records, lives = {}, {}, {}

-- A delivery's answer, and how many records are to be written for it.
local function judged_all(key, arg, count, accept_absent)
  local writes, late_keys = 0, 0
  for i = 1, count do
    local name, wanted = KEYS[key + i], ARGV[arg + 2 * i - 1]
    local how, record, late = judged(name, wanted, accept_absent)
    if how == LOST then return -i, 0 end
    if how == UNREADABLE then return record, 0 end
    if how == APPLY then
      writes = writes + 1
      names[writes], records[writes], lives[writes] = name, record, ARGV[arg + 2 * i]
      if late then late_keys = late_keys + 1 end
    end
  end
  return late_keys, writes
end

local function write_all(writes)
  for i = 1, writes do call('SET', names[i], records[i], 'PX', lives[i]) end
end

-- Whether a record still is the mark that somebody was told of: its state, and behind it the fingerprint of a commit, if
-- there was one, or the delivery that died. Only what lies at fixed places is looked at: nothing is written over.
local function is_mark(name, told)
  local stored = pcall('GET', name)
  if not stored or of_other_type(stored) or #stored < 62 then return false end
  local version, state = byte(stored, 1, 2)
  if version ~= 1 or state ~= byte(told, 1) then return false end
  if state == DEAD then return flagged(stored, 16) and sub(stored, 61, 76) == sub(told, 2) end
  return #told == 1 or not flagged(stored, 4) or sub(stored, 45, 60) == sub(told, 2)
end
