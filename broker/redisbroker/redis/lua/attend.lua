-- Attend: who came to a channel on a node, and who left it there.
-- KEYS: the channel, its (node, member) pairs, its members in order, the partition's nodes, the node's channels,
--       the stream of changes
-- ARGV: node, lease in milliseconds, 1 if the node has been here before, the channel's name, its life, how many joined,
--       those, and those who left
-- Returns: 'gone' if the node was here before and its lease was over, else 'ok'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local node, joined, left = ARGV[1], {}, {}
if ARGV[3] == '1' and not redis.call('ZSCORE', KEYS[4], node) then return 'gone' end
redis.call('ZADD', KEYS[4], now + ARGV[2], node)
local own = 0
for i = 7, #ARGV do
  local member = ARGV[i]
  if i < 7 + ARGV[6] then
    if redis.call('HSETNX', KEYS[2], node .. '\0' .. member, '') == 1 then
      own = own + 1
      if redis.call('HINCRBY', KEYS[2], '#' .. member, 1) == 1 then
        redis.call('ZADD', KEYS[3], 0, member)
        joined[#joined + 1] = member
      end
    end
  elseif redis.call('HDEL', KEYS[2], node .. '\0' .. member) == 1 then
    own = own - 1
    if redis.call('HINCRBY', KEYS[2], '#' .. member, -1) <= 0 then
      redis.call('HDEL', KEYS[2], '#' .. member)
      redis.call('ZREM', KEYS[3], member)
      left[#left + 1] = member
    end
  end
end
if own ~= 0 then
  if redis.call('HINCRBY', KEYS[2], '@' .. node, own) <= 0 then
    redis.call('HDEL', KEYS[2], '@' .. node)
    redis.call('SREM', KEYS[5], 'a' .. ARGV[4])
  else
    redis.call('SADD', KEYS[5], 'a' .. ARGV[4])
  end
end
if #joined + #left == 0 then return 'ok' end
if not redis.call('HGET', KEYS[1], 'v') then -- a version is never lower than one before it, also if that was forgotten
  redis.call('HSET', KEYS[1], 'v', string.format('%.0f', time[1] * 1000000 + time[2])) -- microseconds: changes are slower
  if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
end
local version = redis.call('HINCRBY', KEYS[1], 'v', 1)
local text = string.format('%.0f %d %d %d ', version, redis.call('ZCARD', KEYS[3]), #joined, #left)
for _, m in ipairs(joined) do text = text .. #m .. ':' .. m end
for _, m in ipairs(left) do text = text .. #m .. ':' .. m end
redis.call('SPUBLISH', KEYS[6], text)
return 'ok'
