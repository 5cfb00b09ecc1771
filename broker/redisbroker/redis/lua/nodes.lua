-- Nodes: what the nodes whose lease holds have reported.
-- KEYS: when each node's lease is over, what each reported
local time = redis.call('TIME')
local answer = {}
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), '+inf')) do
  answer[#answer + 1] = redis.call('HGET', KEYS[2], node) or ''
end
return answer
