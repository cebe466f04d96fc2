-- A queue: first in, first out. This is long enough that the block is worth being one of its own, so that
-- the cut is made before the function that follows the blank line, and not anywhere within the one before.
local Queue = {}

function Queue.push(q, v)
  q.items[#q.items + 1] = v

  q.count = q.count + 1

  return q.count
end

function Queue.pop(q)
  return table.remove(q.items, 1)
end
