-- Settles deliveries of a stream, each in one step: its keys are marked, its outputs appended and its entry
-- acknowledged, or nothing of it is done.
--
-- KEYS, for each delivery: its stream, the names of its records, the stream of each of its outputs. ARGV, for each: the
-- group, the consumer, the entry, how often it was handed over; twice the number of its keys, plus 1 if an absent
-- record is accepted; two a key: the record that is written and its life (ms); the number of its outputs; for each
-- twice the number of its fields, and those, name and value by turns.
-- Answers a word per delivery and what belongs to it: 'applied' and how many commits came late; 'settled', by this
-- attempt, whose reply was lost; 'other', handed to somebody else; 'gone', pending for nobody; 'fence' and which key's
-- is lost; 'unreadable' and the record, or nothing if it is none; 'refused' and why.
-- Redis does not undo what a script has written: every check of a delivery precedes its first write, and nothing that
-- can fail lies between two of its writes.

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

-- The place of a delivery's parts, if they begin behind these.
local function laid_out(key, arg)
  local header = tonumber(ARGV[arg + 5])
  local count = math.floor(header / 2)
  local at = arg + 6 + 2 * count
  local d = {
    key = key, arg = arg, count = count, accept_absent = header % 2 == 1, outputs = tonumber(ARGV[at]),
    first_output = at,
  }
  for _ = 1, d.outputs do at = at + 1 + tonumber(ARGV[at + 1]) end
  d.last_key, d.last_arg = key + 1 + count + d.outputs, at
  return d
end

local function append_all(d)
  local at = d.first_output
  for i = 1, d.outputs do
    local fields = tonumber(ARGV[at + 1])
    append(KEYS[d.key + 1 + d.count + i], at + 2, at + 1 + fields)
    at = at + 1 + fields
  end
end

local function settle(d)
  local stream, group, consumer = KEYS[d.key + 1], ARGV[d.arg + 1], ARGV[d.arg + 2]
  local id, handed_over = ARGV[d.arg + 3], ARGV[d.arg + 4]
  local whose, why = owned(stream, group, consumer, id, handed_over)
  if whose == 'refused' then return { whose, why } end
  if whose ~= 'ours' then
    return { settled_before(d.key + 1, d.arg + 5, d.count) and 'settled' or whose }
  end
  for i = 1, d.outputs do
    local name = KEYS[d.key + 1 + d.count + i]
    if not is_stream(name) then return { 'refused', 'there is something else than a stream under ' .. name } end
  end
  local answer, writes = judged_all(d.key + 1, d.arg + 5, d.count, d.accept_absent)
  if type(answer) ~= 'number' then return { 'unreadable', answer } end
  if answer < 0 then return { 'fence', -answer } end
  write_all(writes)
  append_all(d)
  acknowledge(stream, group, id)
  return { 'applied', answer }
end

local answers, key, arg = {}, 0, 0
while arg < #ARGV - 1 do
  local d = laid_out(key, arg)
  answers[#answers + 1] = settle(d)
  key, arg = d.last_key, d.last_arg
end
return answers
