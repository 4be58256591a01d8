-- What scripts do with the entries of a stream. Whoever joins this text with something else gets these local functions,
-- `call` and `try`, and nothing besides; all that they look at is looked at before anything is written.

-- What is used for every entry is local: looking a global up costs more than many a call.
local call, try = redis.call, redis.pcall

-- Whose an entry is: 'ours' if it is pending for this consumer and was handed over this often, 'other' if it is
-- pending for somebody else or was handed over again since, 'gone' if it is pending for nobody. 'refused', with the
-- server's words, if that cannot be known.
local function owned(stream, group, consumer, id, count)
  -- As text: a number would be written down anew for each.
  local rows = try('XPENDING', stream, group, id, id, '1')
  if rows.err then return 'refused', rows.err end
  local row = rows[1]
  if not row then return 'gone' end
  if row[2] == consumer and row[4] == tonumber(count) then return 'ours' end
  return 'other'
end

-- Whether entries can be appended: what is not there is made by the first one.
local function appendable(stream)
  local kind = call('TYPE', stream).ok
  return kind == 'stream' or kind == 'none'
end

-- Appends an entry. Its fields, names and values by turns, are arguments of the script. No more than 7,900: Lua
-- cannot hand on 8,000.
local function append(stream, first, last)
  return call('XADD', stream, '*', unpack(ARGV, first, last))
end

-- Ends an entry that is ours. Redis does as it is told for those that are not.
local function acknowledge(stream, group, id)
  return call('XACK', stream, group, id)
end
