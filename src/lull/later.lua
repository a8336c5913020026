-- later: a module that is loaded when something of it is first used. Most
-- scripts begin, and end, without it.

---@param load string|function a module's name, or what gives the module
return function(load)
  return setmetatable({}, { __index = function(self, key)
    local module = type(load) == "function" and load() or require(load)
    rawset(self, key, module[key])
    return module[key]
  end })
end
