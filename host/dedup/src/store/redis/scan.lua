-- Finds names. ARGV: a cursor, a pattern, how many keys to look at. Answers what SCAN answers.

return { redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3]) }
