-- lazy: a module that is loaded when something of it is first used. Most
-- scripts begin, and end, without it.
--
-- So it is in the binary, which has them all. Elsewhere they are loaded at
-- once: a program may change its folder, or package.path.

local M = {}

-- The binary's gives the loader of an embedded module.
local embedded = (getmetatable(package.preload) or {}).__index
local in_binary = type(embedded) == "function" and embedded(nil, "lull.lazy") ~= nil
local globals, loaded, require = _G, package.loaded, require
local error, next, pcall, rawget, rawset = error, next, pcall, rawget, rawset

-- The modules of this copy of lull. When one is loaded there may be another copy
-- beside it (lull.sim has one for each run), and a script may have cleared what
-- Lua knows of modules, or taken `require` away.
local family = {}

---All of lull has been loaded that is not to be loaded later.
function M.keep()
  for name, module in next, loaded do
    if type(name) == "string" and name:find "^lull%." then family[name] = module end
  end
end

-- What has been loaded meanwhile is known to a script that asks this copy.
local function put_back(theirs)
  local is_ours = theirs["lull.lazy"] == M
  for other, module in next, family do
    local before = theirs[other]
    if before == nil and is_ours then before = module end
    rawset(loaded, other, before or nil)
  end
end

-- One that a plain `require` has loaded, while this copy was the one that Lua knew.
local function adopt(name)
  if rawget(loaded, "lull.lazy") == M then family[name] = rawget(loaded, name) or nil end
  return family[name]
end

local load_among_its_own

-- What such a module requires is loaded once, too, whoever needs it first.
local function require_own(name)
  if not (name:find "^lull%." and embedded(nil, name)) then return require(name) end
  return family[name] or adopt(name) or load_among_its_own(name)
end

-- Loads it as if no other copy were there.
function load_among_its_own(name)
  local theirs, their_require = {}, rawget(globals, "require")
  for other, module in next, family do
    theirs[other] = rawget(loaded, other) or false
    rawset(loaded, other, module)
  end
  rawset(globals, "require", require_own)
  local ok, module = pcall(embedded(nil, name), name)
  rawset(globals, "require", their_require)
  if ok then family[name] = module end
  put_back(theirs)
  if not ok then error(module, 0) end
  return module
end

local function get(load)
  if type(load) == "function" then return load() end
  if not in_binary then return require(load) end
  return family[load] or adopt(load) or load_among_its_own(load)
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
