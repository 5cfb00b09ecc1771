-- Reap: takes back what a node said, if its lease is over or it says so itself, at most 1,000 members a call.
-- KEYS: the partition's nodes
-- ARGV: what names begin with, the node that leaves, or '' for any whose lease is over, life of a channel
-- Returns: 1 if there is more to do, else 0
local prefix, node = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if node == '' then
  node = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)[1]
  if not node then return 0 end
end
local of, left = prefix .. 'of:' .. node, 1000
for _, entry in ipairs(redis.call('SRANDMEMBER', of, 100)) do
  local kind, name = string.sub(entry, 1, 1), string.sub(entry, 2)
  if kind == 'r' then
    redis.call('HDEL', prefix .. 'r:' .. name, node)
    if redis.call('EXISTS', prefix .. 'r:' .. name) == 0 then redis.call('HDEL', prefix .. 'c:' .. name, 'w') end
    redis.call('SREM', of, entry)
  else
    local pairs_, members, gone, own = prefix .. 'a:' .. name, prefix .. 'm:' .. name, {}, node .. '\0'
    local done = 0
    for _, field in ipairs(redis.call('HKEYS', pairs_)) do
      if left <= 0 then break end
      if string.sub(field, 1, #own) == own then
        local member = string.sub(field, #own + 1)
        left, done = left - 1, done + 1
        redis.call('HDEL', pairs_, field)
        if redis.call('HINCRBY', pairs_, '#' .. member, -1) <= 0 then
          redis.call('HDEL', pairs_, '#' .. member)
          redis.call('ZREM', members, member)
          gone[#gone + 1] = member
        end
      end
    end
    if left > 0 or redis.call('HINCRBY', pairs_, '@' .. node, -done) <= 0 then
      redis.call('HDEL', pairs_, '@' .. node)
      redis.call('SREM', of, entry)
    end
    if #gone > 0 then
      local c = prefix .. 'c:' .. name
      if not redis.call('HGET', c, 'v') then
        redis.call('HSET', c, 'v', string.format('%.0f', time[1] * 1000000 + time[2]))
        if redis.call('PTTL', c) < 0 then redis.call('PEXPIRE', c, ARGV[3]) end
      end
      local version = redis.call('HINCRBY', c, 'v', 1)
      local text = {string.format('%.0f %d 0 %d ', version, redis.call('ZCARD', members), #gone)}
      for _, m in ipairs(gone) do text[#text + 1] = #m .. ':' .. m end
      redis.call('SPUBLISH', prefix .. '!' .. name, table.concat(text))
    end
    if left <= 0 then return 1 end
  end
end
if redis.call('SCARD', of) > 0 then return 1 end
redis.call('ZREM', KEYS[1], node)
if ARGV[2] ~= '' then return 0 end
return 1
