-- Read: what is needed to judge a position, and a page. It writes nothing.
-- KEYS: the channel, its history
-- ARGV: 'after' or 'last', the position's epoch and offset, how many messages and bytes at most
-- Returns: nonce, top offset, top tag, bytes ever appended, milliseconds, the channel's remaining life, the entry at the
--          position (or the very first one), and offset and entry of each message of the page
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local c = redis.call('HGET', KEYS[1], 's')
if not c then return {''} end
local nonce, tag, top, total = struct.unpack('>c6c6I7I7', c)
if top == 0 then tag = '' end
local page, left, bytes, at = {}, tonumber(ARGV[4]), tonumber(ARGV[5]), ''
local answer = {nonce, string.format('%d', top), tag, string.format('%d', total), now, redis.call('PTTL', KEYS[1]), at}
local function take(entries)
  for _, e in ipairs(entries) do
    if left <= 0 or bytes <= 0 then return end
    left, bytes = left - 1, bytes - #e[2][2]
    answer[#answer + 1], answer[#answer + 2] = string.match(e[1], '^%d+'), e[2][2]
  end
end
local command, from, to = 'XRANGE', nil, '+'
if ARGV[1] == 'last' then
  command, from, to = 'XREVRANGE', '+', '-'
else
  local cursor = tonumber(ARGV[3])
  if left <= 0 or ARGV[2] ~= RUN .. nonce or cursor >= top then return answer end
  local id = string.format('%.0f', math.max(cursor, 1)) .. '-0'
  local found = redis.call('XRANGE', KEYS[2], id, id)
  if #found == 0 then return answer end
  answer[7], from = found[1][2][2], string.format('%.0f', cursor + 1)
end
while left > 0 and bytes > 0 do
  local entries = redis.call(command, KEYS[2], from, to, 'COUNT', math.min(left, 16))
  take(entries)
  if #entries < 16 then break end
  from = '(' .. entries[#entries][1]
end
return answer
