-- What the scripts of an operator share.

-- Tells every host that what it knows of a key holds no longer. The message is the
-- record's name.
local CHANNEL = 'oncegate:forgotten:1'
local NOBODY = string.rep('\0', 16)

-- Writes a changed record and tells of it.
local function change(name, record, life_ms)
  -- Told first: the one command that a user may lack the right to. Hosts hear of it once the script is done.
  call('PUBLISH', CHANNEL, name)
  call('SET', name, record, 'PX', life_ms)
end

-- An answer per key, in order: what `changed` makes of the record that was found (nothing if there is none) and of the
-- key's three arguments; 0 if the key holds no string.
local function answer_each(changed)
  local answers = {}
  for i = 1, #KEYS do
    local found = pcall('GET', KEYS[i])
    if found and of_other_type(found) then
      answers[i] = 0
    else
      answers[i] = changed(KEYS[i], found, ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i])
    end
  end
  return answers
end

