-- lazy: a module that is loaded when something of it is first used. Most
-- scripts begin, and end, without it.
--
-- So it is in the binary, which has them all. Elsewhere they are loaded at
-- once: a program may change its folder, or package.path.

local M = {}

local in_binary = package.preload["lull.lazy"] ~= nil
local globals, loaded, require = _G, package.loaded, require
local error, next, pcall, rawget, rawset = error, next, pcall, rawget, rawset

-- What is embedded, and the modules of this copy of lull. When one is loaded
-- there may be another copy beside it (lull.sim has one for each run), and a
-- script may have cleared what Lua knows of modules, or taken `require` away.
local embedded, family = {}, {}
for name, load in next, package.preload do embedded[name] = load end

---All of lull has been loaded that is not to be loaded later.
function M.keep()
  for name, module in next, loaded do
    if type(name) == "string" and name:find "^lull%." then family[name] = module end
  end
end

local function put_back(theirs, name, module)
  if theirs["lull.lazy"] == M then theirs[name] = module end
  for other, before in next, theirs do rawset(loaded, other, before or nil) end
end

-- Loads it as if no other copy were there.
local function load_among_its_own(name)
  local theirs, their_require = {}, rawget(globals, "require")
  for other, module in next, family do
    theirs[other] = rawget(loaded, other) or false
    rawset(loaded, other, module)
  end
  rawset(globals, "require", require)
  local ok, module = pcall(embedded[name], name)
  rawset(globals, "require", their_require)
  put_back(theirs, name, module)
  if not ok then error(module, 0) end
  family[name] = module
  return module
end

local function get(load)
  if type(load) == "function" then return load() end
  if not in_binary then return require(load) end
  return family[load] or load_among_its_own(load)
end

---@param load string|function a module's name, or what gives the module
return setmetatable(M, { __call = function(_, load)
  if not in_binary then return get(load) end
  local module
  return setmetatable({}, { __index = function(self, key)
    module = module or get(load)
    rawset(self, key, module[key])
    return module[key]
  end })
end })
