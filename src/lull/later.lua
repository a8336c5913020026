-- later: a module that is loaded when something of it is first used. Most
-- scripts begin, and end, without it.
--
-- So it is in the binary, which has them all. Elsewhere they are loaded at
-- once: a program may change its folder, or package.path.

local in_binary = package.preload["lull.later"] ~= nil

---@param load string|function a module's name, or what gives the module
return function(load)
  local function get() return type(load) == "function" and load() or require(load) end
  if not in_binary then return get() end
  local module
  return setmetatable({}, { __index = function(self, key)
    module = module or get()
    rawset(self, key, module[key])
    return module[key]
  end })
end
