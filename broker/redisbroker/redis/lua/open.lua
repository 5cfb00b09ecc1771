-- Open: makes a channel that is not known, so that it has an epoch, and prolongs the life of one that is.
-- KEYS: the channel, its history, who hears it on which node
-- ARGV: nonce for a new channel, life in milliseconds
if redis.call('HEXISTS', KEYS[1], 's') == 0 then
  redis.call('HSET', KEYS[1], 's', struct.pack('>c6c6I7I7I6B', ARGV[1], '      ', 0, 0, 0, 0))
  redis.call('DEL', KEYS[2])
  if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('HSET', KEYS[1], 'w', '1') end
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
