-- Heard: how many subscriptions a channel has on a node, in place of what was said before.
-- KEYS: who hears the channel on which node, the partition's nodes, the node's channels, the channel
-- ARGV: node, lease in milliseconds, 1 if the node has been here before, the channel's name, how many
-- Returns: 'gone' if the node was here before and its lease was over, else 'ok'
local time = redis.call('TIME')
if ARGV[3] == '1' and not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 'gone' end
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
if ARGV[5] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('SREM', KEYS[3], 'r' .. ARGV[4])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[5])
  redis.call('SADD', KEYS[3], 'r' .. ARGV[4])
end
if redis.call('HEXISTS', KEYS[4], 's') == 1 then -- so that a publish need not look if nobody hears it
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HSET', KEYS[4], 'w', '1')
  else
    redis.call('HDEL', KEYS[4], 'w')
  end
end
return 'ok'
