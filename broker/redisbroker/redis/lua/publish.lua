-- Publish: looks up the key, numbers, appends, and sends on, in one step. What can fail by itself, the append, is before
-- the counter moves. Numbers are packed, not printed: to print and to read them would be a third of all that this costs.
-- KEYS: the channel, its history, who hears it on which node, its live stream, and its idempotency key if there is one
-- ARGV: nonce for a new channel, tag, size, record; then flags if there are any or a key, and the hash of the content
-- The node's name and the channel's bounds stand before this, as NODE, MAX, BYTES, AGE, BRIEF, KEEP and KEYLIFE.
-- Returns: kind (1 character), nonce (6), tag (6), offset, a blank, and subscriptions on other nodes
local call, pack, unpack = redis.call, struct.pack, struct.unpack
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- s is nonce, tag, offset, bytes ever appended, when what was said of lives is over, and whether the last message is
-- there; w is there if somebody may hear the channel.
local c = call('HMGET', KEYS[1], 's', 'w')
local hears, nonce, was, n, total, x, closed = c[2], ARGV[1], '', 0, 0, 0, 0
if c[1] then
  nonce, was, n, total, x, closed = unpack('>c6c6I7I7I6B', c[1])
  if n == 0 then was = '' end
else -- a history without its channel is of another past
  call('DEL', KEYS[2])
  hears = call('EXISTS', KEYS[3]) == 1
  if hears then call('HSET', KEYS[1], 'w', '1') end
end
local others = '0'
if hears then
  local hear, sum = call('HGETALL', KEYS[3]), 0
  for i = 1, #hear, 2 do
    if hear[i] ~= NODE then sum = sum + hear[i + 1] end
  end
  others = string.format('%d', sum)
end
local key = KEYS[5]
if key then
  local done = call('GET', key)
  if done then
    if string.sub(done, 14) ~= ARGV[6] then return '!' end
    local offset, tag = unpack('>I7c6', done)
    return '=' .. nonce .. tag .. string.format('%d', offset) .. ' ' .. others
  end
end
if closed == 1 then return '.' end
local flags, tag = ARGV[5], ARGV[2]
if flags and string.find(flags, 'v', 1, true) then
  if not c[1] then
    call('HSET', KEYS[1], 's', pack('>c6c6I7I7I6B', nonce, '      ', 0, 0, 0, 0))
    call('PEXPIRE', KEYS[1], BRIEF)
  end
  if key then call('SET', key, pack('>I7c6', 0, '      ') .. ARGV[6], 'PX', KEYLIFE) end
  call('SPUBLISH', KEYS[4], 'v' .. pack('>I6', now) .. ARGV[4])
  return '+' .. nonce .. tag .. '0 ' .. others
end
n = n + 1
local offset = string.format('%d', n)
local entry = pack('>c6I6I7', tag, now, total) .. ARGV[4]
if MAX ~= '0' then call('XADD', KEYS[2], 'MAXLEN', '~', MAX, offset .. '-0', 'd', entry) end
local short, after = now + AGE > x or n == 9, total + ARGV[3] -- else what was said of their lives is long enough
local life = math.floor(AGE * 1.5) + 1000
if short then x = now + life end
if flags and string.find(flags, 'l', 1, true) then closed = 1 end
call('HSET', KEYS[1], 's', pack('>c6c6I7I7I6B', nonce, tag, n, after, x, closed))
if key then call('SET', key, pack('>I7c6', n, tag) .. ARGV[6], 'PX', KEYLIFE) end
if short then
  if MAX ~= '0' then call('PEXPIRE', KEYS[2], string.format('%d', life)) end
  local keep = KEEP
  if n <= 8 then keep = BRIEF end
  call('PEXPIRE', KEYS[1], string.format('%d', math.max(keep, life)))
end
if MAX ~= '0' and (n % 64 == 0 or math.floor(total / 65536) ~= math.floor(after / 65536)) then
  local reply, count = flags and string.find(flags, 'r', 1, true), 1
  for _ = 1, 17 do -- drop what is over its time or its bytes, at most 256 messages now
    local old, over = call('XRANGE', KEYS[2], '-', '+', 'COUNT', count), nil
    for _, e in ipairs(old) do
      local ms, before = unpack('>I6I7', e[2][2], 7)
      if (reply or ms + AGE >= now) and after - before <= BYTES then break end
      over = e[1]
    end
    if not over then break end
    call('XTRIM', KEYS[2], 'MINID', '=', string.format('%d', tonumber(string.match(over, '^%d+')) + 1))
    if #old < count or over ~= old[count][1] then break end
    count = 16
  end
end
call('SPUBLISH', KEYS[4], 'm' .. RUN .. nonce .. pack('>I7', n) .. was .. ' ' .. entry)
return '+' .. nonce .. tag .. offset .. ' ' .. others
