
local function one(key, at)
  for _, command in ipairs({ { 'TYPE', key }, { 'XADD', key, '*', 'payload', '' } }) do
    if not redis.acl_check_cmd(unpack(command)) then
      return { 'refused', 'the user may not call ' .. command[1] .. ' on it' }, at
    end
  end
  if not appendable(key) then return { 'refused', 'there is something else than a stream under its name' }, at end
  return { 'there' }, at
end
