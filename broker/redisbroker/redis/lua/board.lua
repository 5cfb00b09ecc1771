-- Board: all notes of a board.
-- KEYS: the board
-- Returns: version, and of each note its key, its remaining life in milliseconds, and its value
local time = redis.call('TIME')
local now, answer = time[1] * 1000 + math.floor(time[2] / 1000), {'0'}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] == 'v' then
    answer[1] = all[i + 1]
  else
    local over, value = string.match(all[i + 1], '^(%d+) (.*)$')
    if tonumber(over) > now then
      answer[#answer + 1] = string.sub(all[i], 2)
      answer[#answer + 1] = string.format('%.0f', over - now)
      answer[#answer + 1] = value
    end
  end
end
return answer
