-- random: a small generator with a seed (Park and Miller, 1988), the same on
-- every Lua: what the models of servers draw from.

return function(seed)
  local state = seed * 7919 % 2147483646 + 1
  return function()
    state = state * 16807 % 2147483647
    return (state - 1) / 2147483646
  end
end
