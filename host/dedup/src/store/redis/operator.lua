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
