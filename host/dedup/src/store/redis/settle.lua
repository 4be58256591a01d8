-- Settles deliveries, each all or nothing, or (without WRITE) says how that would end.
--
-- KEYS: the names of the first delivery's records, then those of the second, and so on. ARGV, for each
-- delivery: twice the number of its keys, plus 1 if an absent record is accepted; then two a key: the record
-- that the end of a first claim writes, and its life (ms).
-- Answers per delivery: late commits (0 or more) if it is applied; -i if the fence of its i-th key is lost; the
-- record that cannot be read; nil if a key holds no string.
-- Redis does not undo what a script has written: every check of a delivery precedes its first write, and
-- nothing that can fail lies between two of its writes.

local answers, key, arg = {}, 0, 0
while arg < #ARGV - 1 do
  local header = tonumber(ARGV[arg + 1])
  local count = math.floor(header / 2)
  local answer, writes = judged_all(key, arg + 1, count, header % 2 == 1)
  if WRITE then write_all(writes) end
  answers[#answers + 1] = answer
  key, arg = key + count, arg + 1 + 2 * count
end
return answers
