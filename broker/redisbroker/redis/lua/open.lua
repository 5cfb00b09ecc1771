-- Open: makes a channel that is not known, so that it has an epoch, and prolongs the life of one that is.
-- KEYS: the channel, its history
-- ARGV: nonce for a new channel, life in milliseconds
if redis.call('HSETNX', KEYS[1], 'n', ARGV[1]) == 1 then redis.call('DEL', KEYS[2]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
