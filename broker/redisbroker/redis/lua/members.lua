-- Members: counts who is in a channel, and reads those after one.
-- KEYS: the channel, its members in order
-- ARGV: '' or '(' and the member after which to read, how many at most
-- Returns: version, count, members
local answer = {redis.call('HGET', KEYS[1], 'v') or '0', tostring(redis.call('ZCARD', KEYS[2]))}
if ARGV[2] ~= '0' then
  local from = ARGV[1]
  if from == '' then from = '-' end
  for _, m in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], from, '+', 'LIMIT', 0, ARGV[2])) do answer[#answer + 1] = m end
end
return answer
