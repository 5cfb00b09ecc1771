-- Renew: prolongs a node's lease in a partition.
-- KEYS: the partition's nodes
-- ARGV: node, lease in milliseconds
-- Returns: 1, or 0 if the node has no lease here any more
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
return 1
