-- lull: a retry runtime for HTTP. The public module: what it has is told in
-- the definition file, library/lull.lua.

local client = require "lull.client"
local control = require "lull.control"
local json = require "lull.json"
local lazy = require "lull.lazy"
local presets = require "lull.presets"
local sched = require "lull.sched"
local secret = require "lull.secret"
local batches = lazy "lull.batch.each"
local lanes = lazy "lull.lanes"
local pages = lazy "lull.pages"
local progress = lazy "lull.progress"
local rows = lazy "lull.batch.rows"
local tasks = lazy "lull.tasks"
local text = require "lull.text"
local token = lazy "lull.token"
local usage = require "lull.usage"

usage.own()

---@type lull
local M = { version = require("lull.options").version }

M.client = client.new
M.file = client.file
M.json = json
M.secret = secret.new
M.preset = presets
M.sorted = text.sorted
M.escape = text.escape

M.spawn = sched.spawn
M.sleep = sched.sleep
M.step = sched.step
M.fds = sched.fds
M.timeout = sched.timeout
M.try = control.try
M.exit = sched.exit

function M.token(fn, options) return token.new(fn, options) end

function M.pages(api, path, options) return pages.new(api, path, options) end

function M.rows(path, options) return rows.rows(path, options) end

-- A journal is named, for this loop or for the run.
local function is_batch(options)
  return (sched.journal or type(options) == "table" and options.journal) and batches.wanted(options)
end

function M.each(source, options, fn)
  return (is_batch(options) and batches or tasks).each(source, options, fn)
end

function M.map(source, options, fn)
  return (is_batch(options) and batches or tasks).map(source, options, fn)
end

function M.all(list) return tasks.all(list) end

function M.race(list) return tasks.race(list) end

function M.now() return sched.engine():now() end

function M.time() return sched.engine():wall() end

function M.interrupted() return sched.interrupted end

function M.progress() return progress.now() end

function M.lanes() return lanes.all() end

local default

-- lull.get(url) and so on: the methods of a client with no options.
for _, verb in ipairs { "get", "head", "post", "put", "patch", "delete", "options", "request" } do
  M[verb] = function(...)
    default = default or client.new {}
    return default[verb](default, ...)
  end
end

lazy.keep()

return M
