-- What the scripts know of a record. The layout is described in src/record.rs, the rules in src/transition.rs.
-- Numbers of 64 bits do not fit into Lua's: sequences are compared as bytes and raised in two halves.

-- What is used for every key is local: looking a global up costs more than many a call.
local KEYS, ARGV, call, pcall = KEYS, ARGV, redis.call, redis.pcall
local byte, sub, band = string.byte, string.sub, bit.band
local CLAIMED, RELEASED, COMMITTED, DEAD = 1, 2, 3, 4
local MAX_32 = 4294967295
local MAX_TEXT_BYTES = 1024
local NO_FINGERPRINT, NO_TEXT = string.rep('\0', 16), '\0\0'

local function flagged(record, flag)
  return band(byte(record, 3), flag) ~= 0
end

-- Replacing valid sequences one by one leaves a byte beyond ASCII only if it belongs to none.
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then return true end
  for _, sequence in ipairs({
    '[\194-\223][\128-\191]',
    '\224[\160-\191][\128-\191]',
    '[\225-\236\238\239][\128-\191][\128-\191]',
    '\237[\128-\159][\128-\191]',
    '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]',
    '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    text = string.gsub(text, sequence, '.')
  end
  return not string.find(text, '[\128-\255]')
end

-- The length and the text, as they stand in the record; nil if they do not.
local function text_of(record)
  local at = flagged(record, 16) and 77 or 61
  local high, low = byte(record, at, at + 1)
  if not low then return nil end
  local last = at + 1 + high * 256 + low
  if #record < last then return nil end
  return sub(record, at, last), last
end

-- Whether the host could decode the record. What it could not decode is never written over.
local function readable(record)
  if #record < 62 then return false end
  local version, state, flags, zero = byte(record, 1, 4)
  if version ~= 1 or state < CLAIMED or state > DEAD or flags >= 64 or zero ~= 0 then return false end
  -- A fingerprint and nothing else: what nearly every claim is.
  if flags == 4 and #record == 62 then return sub(record, 61, 62) == NO_TEXT end
  if not flagged(record, 4) and sub(record, 45, 60) ~= NO_FINGERPRINT then return false end
  local text, last = text_of(record)
  if not text or #text - 2 > MAX_TEXT_BYTES then return false end
  if not flagged(record, 8) and #record > last then return false end
  return is_utf8(sub(text, 3))
end

local function number(record, at)
  return (struct.unpack('>I4', record, at))
end

-- The sequence after the record's, as bytes.
local function raised(record)
  local high, low = struct.unpack('>I4I4', record, 5)
  if low < MAX_32 then return struct.pack('>I4I4', high, low + 1) end
  if high < MAX_32 then return struct.pack('>I4I4', high + 1, 0) end
  return sub(record, 5, 12)
end

-- Whether a reply says that the key holds something else than a string; any other error ends the script.
local function of_other_type(reply)
  if type(reply) ~= 'table' or not reply.err then return false end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then return true end
  error(reply.err)
end
