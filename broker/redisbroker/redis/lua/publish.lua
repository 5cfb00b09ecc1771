-- Publish: looks up the key, numbers, appends, and sends on, in one step. What can fail by itself, the append, is before
-- the counter moves.
-- KEYS: the channel, its history, who hears it on which node, its live stream, and its idempotency key if there is one
-- ARGV: node, nonce for a new channel, tag, size, record, max messages, max bytes, max age, flags, life of a channel
--       that is hardly used, life of others, content, life of the key
-- Returns: kind, nonce, offset, tag and subscriptions on other nodes, with blanks between them
local max, bytes, age = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ms = string.format('%013.0f', now)
local c = redis.call('HMGET', KEYS[1], 'n', 'o', 't', 'b', 'l', 'x')
local nonce = c[1]
if not nonce then -- a history without its channel is of another past
  redis.call('DEL', KEYS[2])
  nonce, c = ARGV[2], {}
  redis.call('HSET', KEYS[1], 'n', nonce)
  redis.call('PEXPIRE', KEYS[1], ARGV[10])
end
local others = 0
local hear = redis.call('HGETALL', KEYS[3])
for i = 1, #hear, 2 do
  if hear[i] ~= ARGV[1] then others = others + tonumber(hear[i + 1]) end
end
if KEYS[5] then
  local was = redis.call('GET', KEYS[5])
  if was then
    local content, offset, tag = string.match(was, '^(%S+) (%S+) (%S+)$')
    if content ~= ARGV[12] then return 'conflict' end
    return 'duplicate ' .. nonce .. ' ' .. offset .. ' ' .. tag .. ' ' .. others
  end
end
if c[5] then return 'closed' end
local plain = ARGV[9] == '-'
if not plain and string.find(ARGV[9], 'v', 1, true) then
  if KEYS[5] then redis.call('SET', KEYS[5], ARGV[12] .. ' 0 -', 'PX', ARGV[13]) end
  redis.call('SPUBLISH', KEYS[4], 'v' .. ms .. ARGV[5])
  return 'ok ' .. nonce .. ' 0 - ' .. others
end
local n = (tonumber(c[2] or 0)) + 1
local offset = string.format('%.0f', n)
local before = tonumber(c[4] or 0)
local total = before + ARGV[4]
local entry = ARGV[3] .. ms .. string.format('%016.0f', before) .. ARGV[5]
if max > 0 then redis.call('XADD', KEYS[2], 'MAXLEN', '~', max, offset .. '-0', 'd', entry) end
redis.call('HSET', KEYS[1], 'o', offset, 't', ARGV[3], 'b', string.format('%.0f', total))
if not plain and string.find(ARGV[9], 'l', 1, true) then redis.call('HSET', KEYS[1], 'l', '1') end
if KEYS[5] then redis.call('SET', KEYS[5], ARGV[12] .. ' ' .. offset .. ' ' .. ARGV[3], 'PX', ARGV[13]) end
if now + age > tonumber(c[6] or 0) or n == 9 then -- else what was said of their lives is long enough
  local life = math.floor(age * 1.5) + 1000
  redis.call('HSET', KEYS[1], 'x', string.format('%.0f', now + life))
  if max > 0 then redis.call('PEXPIRE', KEYS[2], string.format('%.0f', life)) end
  local keep = tonumber(ARGV[11])
  if n <= 8 then keep = tonumber(ARGV[10]) end
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(keep, life)))
end
if max > 0 and (n % 64 == 0 or math.floor(before / 65536) ~= math.floor(total / 65536)) then
  local reply, count = not plain and string.find(ARGV[9], 'r', 1, true), 1
  for _ = 1, 17 do -- drop what is over its time or its bytes, at most 256 messages now
    local old, over = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', count), nil
    for _, e in ipairs(old) do
      local d = e[2][2]
      local young = reply or tonumber(string.sub(d, 7, 19)) + age >= now
      if young and total - tonumber(string.sub(d, 20, 35)) <= bytes then break end
      over = e[1]
    end
    if not over then break end
    redis.call('XTRIM', KEYS[2], 'MINID', '=', string.format('%.0f', tonumber(string.match(over, '^%d+')) + 1))
    if #old < count or over ~= old[count][1] then break end
    count = 16
  end
end
redis.call('SPUBLISH', KEYS[4], 'm' .. RUN .. nonce .. offset .. ' ' .. (c[3] or '') .. ' ' .. entry)
return 'ok ' .. nonce .. ' ' .. offset .. ' ' .. ARGV[3] .. ' ' .. others
