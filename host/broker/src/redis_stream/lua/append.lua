
-- Appends an entry. One that the server does not take keeps no other from being appended.
local function one(key, at)
  local first, last = at + 2, at + 1 + tonumber(ARGV[at + 1])
  if not appendable(key) then
    return { 'refused', 'there is something else than a stream under its name' }, last
  end
  local done, reply = pcall(append, key, first, last)
  if done then return { 'appended', reply }, last end
  return { 'failed', type(reply) == 'table' and reply.err or tostring(reply) }, last
end
