"""What is done in a Valkey server at once: it runs a script as a whole, and nothing between its lines."""

READ = """
local time = redis.call('TIME')
local held = redis.call('HMGET', KEYS[1], 'value', 'version')
return {time[1], time[2], held[1], held[2]}
"""
"""The server's time in seconds and microseconds, then what is kept under a key and its version."""

WRITE = """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[2] then
    return 0
end
redis.call('HSET', KEYS[1], 'value', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'version', ARGV[2] == '0' and ARGV[3] or 1)
return 1
"""
"""Value, version, first version: 1 where it was written, 0 where another version is kept."""

SHELVE = """
local values, places, ends = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6

local function drop(key)
    redis.call('HINCRBY', values, '', -redis.call('HSTRLEN', values, key))
    redis.call('HDEL', values, key)
    redis.call('ZREM', places, key)
    redis.call('ZREM', ends, key)
end

local count = redis.call('ZCARD', places)
if count ~= redis.call('ZCARD', ends) or count ~= math.max(0, redis.call('HLEN', values) - 1) then
    redis.call('DEL', values, places, ends)
end
local last = redis.call('ZREVRANGE', places, 0, 0, 'WITHSCORES')[2]
local place = math.max(tonumber(last or 0), math.floor(now * 1e6))
for at = 3, #ARGV, 3 do
    local key, value, lasts = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    place = place + 1
    redis.call('HINCRBY', values, '', #value - redis.call('HSTRLEN', values, key))
    redis.call('HSET', values, key, value)
    redis.call('ZADD', places, string.format('%.0f', place), key)
    redis.call('ZADD', ends, string.format('%.3f', now + lasts), key)
end
for _, key in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000)) do
    drop(key)
end
while redis.call('ZCARD', places) > tonumber(ARGV[1])
    or tonumber(redis.call('HGET', values, '') or 0) > tonumber(ARGV[2]) do
    drop(redis.call('ZRANGE', places, 0, 0)[1])
end
return 1
"""
"""How many answers and bytes may be kept, then key, value and seconds of each. Part of it lost is all of it lost.

A place is the time in microseconds where the server has forgotten the last one, so that places grow all the same.
"""

SHELVED = """
local values, places, ends = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local found, size = {}, 0
local listed = redis.call('ZRANGEBYSCORE', places, '(' .. ARGV[1], '+inf', 'WITHSCORES')
for at = 1, #listed, 2 do
    local key = listed[at]
    local left = tonumber(redis.call('ZSCORE', ends, key) or 0) - now
    local value = left > 0 and redis.call('HGET', values, key)
    if value then
        found[#found + 1] = {key, value, string.format('%.3f', left), listed[at + 1]}
        size = size + #value
        if size > tonumber(ARGV[2]) then
            break
        end
    end
end
return found
"""
"""The place after which, and about how many bytes: key, value, seconds for which it may be served, and place of each."""
