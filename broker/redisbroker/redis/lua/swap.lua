-- Swap: sets a key if it holds what it should.
-- KEYS: the key
-- ARGV: whether there is a value before and after ('bb', 'b-', '-b' or '--'), both values, life in milliseconds
-- Returns: what it holds then; false if nothing
local held = redis.call('GET', KEYS[1])
local was, is = string.sub(ARGV[1], 1, 1) == 'b', string.sub(ARGV[1], 2, 2) == 'b'
if was ~= (held ~= false) or was and held ~= ARGV[2] then return held end
if not is then
  redis.call('DEL', KEYS[1])
  return false
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return ARGV[3]
