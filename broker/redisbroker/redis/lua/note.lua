-- Note: keeps a note on a board, or takes it away, and sends it on.
-- KEYS: the board, its stream of changes
-- ARGV: life in milliseconds (0: it is taken away), key, value
local time = redis.call('TIME')
local now, ttl = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1])
if redis.call('HEXISTS', KEYS[1], 'v') == 0 then -- a version is never lower than one before it, also if that was lost
  redis.call('HSET', KEYS[1], 'v', string.format('%.0f', time[1] * 1000000 + time[2])) -- microseconds: notes are slower
end
local version = redis.call('HINCRBY', KEYS[1], 'v', 1)
if ttl <= 0 then
  redis.call('HDEL', KEYS[1], 'n' .. ARGV[2])
else
  redis.call('HSET', KEYS[1], 'n' .. ARGV[2], string.format('%.0f ', now + ttl) .. ARGV[3])
end
if version % 256 == 0 then -- drop what is over its time
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if all[i] ~= 'v' and tonumber(string.match(all[i + 1], '^%d+')) <= now then redis.call('HDEL', KEYS[1], all[i]) end
  end
end
redis.call('SPUBLISH', KEYS[2], string.format('%.0f %.0f %d:', version, ttl, #ARGV[2]) .. ARGV[2] .. ARGV[3])
return 1
