-- Settles deliveries of a stream, each in one step: its keys are marked, its outputs appended and its entry
-- acknowledged, or nothing of it is done.
--
-- KEYS: a stream; for each of its deliveries the names of its records, those of the marks that it relies on, and the
-- stream of each of its outputs. ARGV: an empty one, the group, the consumer; for each delivery the entry, how often it was
-- handed over; twice the number of its keys, plus 1 if an absent record is accepted; two a key: the record that is written
-- and its life (ms); the number of marks that it relies on, and what each of them says; the number of its outputs; for each
-- twice the number of its fields, and those, name and value by turns. Where an empty one stands for an entry, all of this
-- begins anew: what many deliveries have in common is said once, since each argument costs Redis as much as a small
-- command.
-- Answers per delivery how many commits came late if it is applied; otherwise a word and what belongs to it: 'settled',
-- by this attempt, whose reply was lost; 'other', handed to somebody else; 'gone', pending for nobody; 'fence' and which
-- key's is lost; 'unreadable' and the record, or nothing if it is none; 'refused' and why.
-- Redis does not undo what a script has written: every check of a delivery precedes its first write, and nothing that
-- can fail lies between two of its writes.

local floor = math.floor

-- Whether this attempt has settled the delivery before. Claims that it only gave up say nothing: others may have them.
local function settled_before(key, arg, count)
  local marks = 0
  for i = 1, count do
    local wanted = ARGV[arg + 2 * i - 1]
    if byte(wanted, 2) ~= RELEASED then
      if judged(KEYS[key + i], wanted, false) ~= ALREADY then return false end
      marks = marks + 1
    end
  end
  return marks > 0
end

local streams = {}

local function is_stream(name)
  if streams[name] == nil then streams[name] = appendable(name) end
  return streams[name]
end

-- Whose the deliveries are, and the one at hand. Used for one after the other: tables cost more than keys.
local stream, group, consumer
local d = {}

-- The place of a delivery's parts, if they begin behind these.
local function lay_out(key, arg)
  local header = tonumber(ARGV[arg + 3])
  local count = floor(header / 2)
  local at = arg + 4 + 2 * count
  local marks = tonumber(ARGV[at])
  d.marks, d.first_mark, d.first_stream = marks, at, key + count + marks
  at = at + 1 + marks
  local outputs = tonumber(ARGV[at])
  d.key, d.arg, d.count, d.accept_absent, d.outputs, d.first_output = key, arg, count, header % 2 == 1, outputs, at
  for _ = 1, outputs do at = at + 1 + tonumber(ARGV[at + 1]) end
  d.last_key, d.last_arg = d.first_stream + outputs, at
end

local function append_all()
  local at = d.first_output
  for i = 1, d.outputs do
    local fields = tonumber(ARGV[at + 1])
    append(KEYS[d.first_stream + i], at + 2, at + 1 + fields)
    at = at + 1 + fields
  end
end

local function settle()
  local key, arg, count = d.key, d.arg, d.count
  local id = ARGV[arg + 1]
  local whose, why = owned(stream, group, consumer, id, ARGV[arg + 2])
  if whose == 'refused' then return { whose, why } end
  if whose ~= 'ours' then
    return { settled_before(key, arg + 3, count) and 'settled' or whose }
  end
  for i = 1, d.outputs do
    local name = KEYS[d.first_stream + i]
    if not is_stream(name) then return { 'refused', 'there is something else than a stream under ' .. name } end
  end
  -- A server that failed over may have forgotten a mark by which the delivery was found to be a duplicate.
  for i = 1, d.marks do
    if not is_mark(KEYS[key + count + i], ARGV[d.first_mark + i]) then return { 'fence', count + i } end
  end
  local answer, writes = judged_all(key, arg + 3, count, d.accept_absent)
  if type(answer) ~= 'number' then return { 'unreadable', answer } end
  if answer < 0 then return { 'fence', -answer } end
  write_all(writes)
  append_all()
  acknowledge(stream, group, id)
  return answer
end

local answers, key, arg = {}, 0, 0
while arg < #ARGV - 1 do
  if ARGV[arg + 1] == '' then
    stream, group, consumer = KEYS[key + 1], ARGV[arg + 2], ARGV[arg + 3]
    key, arg = key + 1, arg + 3
  else
    lay_out(key, arg)
    answers[#answers + 1] = settle()
    key, arg = d.last_key, d.last_arg
  end
end
return answers
