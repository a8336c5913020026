-- memory: the calls of an item, as the journal remembers them.
--
-- Each call that the item's function makes itself is its nth. What is kept of
-- it while it is under way is written by the core; its end is written here, and
-- is kept before the function goes on. When the function runs again, a call
-- whose end is kept gives that; one that was under way goes on.
--
-- A call of another task of the item is not remembered. When it must not be
-- doubled, that it was made is noted before it leaves: then an item that was
-- broken off fails, as nobody can know.

local core = require "lull.core"
local outcome = require "lull.outcome"
local sched = require "lull.sched"
local texts = require "lull.text"

local M = {}

-- ---- whose call it is ----------------------------------------------------

-- The item that the code running now belongs to, and whether that is the
-- item's own task; nil outside of every item, and in a rule's function.
local function item_now()
  local task, own = sched.current(), true
  while task do
    local item = rawget(task, "item")
    if rawget(task, "ruling") then return nil end
    if item then return item, own end
    if rawget(task, "parent") then -- of what lull.try runs
      task = task.parent
    elseif rawget(task, "within") then
      return task.within, false
    else
      own, task = false, task.group and task.group.parent
    end
  end
end
M.item_now = item_now

-- ---- bytes ---------------------------------------------------------------

-- A name and a value, each with its length before it.
local function add(parts, name, value)
  if value == nil then return end
  value = tostring(value)
  parts[#parts + 1] = #name .. ":" .. name .. #value .. ":" .. value
end

local function unpack_fields(text)
  local fields, at = {}, 1
  while true do
    local from, to, size = text:find("^(%d+):", at)
    if not from then return fields end
    fields[#fields + 1] = text:sub(to + 1, to + size)
    at = to + size + 1
  end
end

local IDEMPOTENT = { GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true, TRACE = true }

-- What the call is: its method and URL, for people, and a hash of both and of
-- its body. Secrets are in none of them. `url` is the URL as it may be shown.
local function tag_of(item, spec, url)
  if url:find(" ", 1, true) or url:find("\n", 1, true) then url = url:gsub("[\n ]", "+") end
  local body = spec.body or spec.file or ""
  return spec.method .. " " .. url .. " " .. item.batch.store:hash(spec.method .. "\0" .. spec.url .. "\0" .. body)
    .. "\n"
end

-- What tells calls apart: what is shown of a URL may be shown otherwise one day.
local function hash_of(tag) return tag:match "(%S+)\n$" end

-- What was kept of a call: its tag, whether it came to its end, and the rest.
local function split(bytes)
  local tag, kind, rest = bytes:match "^([^\n]*\n)(.)(.*)$"
  return tag, kind == "E", rest
end

-- ---- ends ----------------------------------------------------------------

local TEXTS = { "reason", "why", "why_text", "stop_reason", "outcome", "lane", "held_by", "method", "url" }
local NUMBERS = { "attempts", "elapsed", "waited", "retry_after", "budget", "budget_capacity" }

-- The headers as the core gives them.
local function raw_headers(packed) return packed and core.unpack(packed, "headers") or "" end

local function pack_response(fields, prefix, response)
  add(fields, prefix .. "status", response.status)
  add(fields, prefix .. "body", response.body)
  add(fields, prefix .. "headers", raw_headers(rawget(response, "packed")))
end

local function maybe_applied(err)
  local last = err.history[#err.history]
  return last and last.maybe_applied
end

-- What was sent, and as it may be shown, is known: mostly it is what was answered.
local function pack_end(response, err, sent, shown)
  if response then
    local packed = rawget(response, "packed")
    local url = core.unpack(packed, "url")
    url = url == sent and shown or outcome.shown_url(url)
    return core.kept(response.status, response.body, packed) .. "3:url" .. #url .. ":" .. url
  end
  local fields = {}
  for _, name in ipairs(TEXTS) do add(fields, name, err[name]) end
  for _, name in ipairs(NUMBERS) do add(fields, name, err[name]) end
  if type(err.reason) == "number" then add(fields, "status_reason", "1") end
  if err.later then add(fields, "later", "1") end
  if maybe_applied(err) then add(fields, "maybe", "1") end
  if err.response then pack_response(fields, "last_", err.response) end
  return table.concat(fields)
end

local function fields_of(bytes)
  local fields, list = {}, unpack_fields(bytes)
  for i = 1, #list, 2 do fields[list[i]] = list[i + 1] end
  for _, name in ipairs(NUMBERS) do fields[name] = tonumber(fields[name]) end
  return fields
end

-- A call that begins anew, and may have been applied before: as the core
-- writes it (memo.c), with no attempt, no wait, and none before it (-1).
local ANEW = "\1\2\1" .. ("\0"):rep(23) .. ("\255"):rep(8) .. ("\0"):rep(18)

-- A whole number as the core writes it: little-endian.
local function number_at(bytes, at, size)
  local value = 0
  for i = at + size - 1, at, -1 do value = value * 256 + bytes:byte(i) end
  return value
end

local WIRE, UNTIL, RULES = 8, 11, 51 -- where they stand in what the core writes of a call (memo.c)

-- The latest attempts, as the core writes them (past.c).
local function history_of(bytes)
  local list, at = {}, RULES + 2 + 2 * number_at(bytes, RULES, 2)
  while at + 26 <= #bytes do
    local status, size = number_at(bytes, at + 24, 2), bytes:byte(at + 26)
    list[#list + 1] = { at = number_at(bytes, at, 8) / 1e6, took = number_at(bytes, at + 8, 8) / 1e6,
      wait = number_at(bytes, at + 16, 8) / 1e6, status = status > 0 and status or nil,
      class = size > 0 and bytes:sub(at + 27, at + 26 + size) or nil }
    at = at + 27 + size
  end
  return list
end

---What was kept of a call, for people: what it sends; when it came to its end its
---status or error; else what it waits for, the requests it has sent, and its latest
---attempts.
---@param bytes string
---@return table
function M.told(bytes)
  local tag, ended, rest = split(bytes)
  local call = { request = (tag or ""):match "^(%S+ %S+)", ended = ended or nil }
  if ended then
    local fields = fields_of(rest)
    call.status, call.attempts = tonumber(fields.status), fields.attempts
    call.reason, call.why = tonumber(fields.reason) or fields.reason, fields.why
  elseif rest and #rest >= UNTIL + 7 and rest:byte(1) == 1 then
    call.on_the_wire = rest:byte(2) == 1 or nil
    call.maybe_applied = rest:byte(3) ~= 0 or nil
    call.attempts = number_at(rest, WIRE, 3)
    if not call.on_the_wire then call["until"] = number_at(rest, UNTIL, 8) / 1e6 end
    call.history = #rest > RULES and history_of(rest) or nil
  end
  return call
end

-- ---- calls ---------------------------------------------------------------

-- Waits until all that was written is kept for good.
local function sync(item)
  local store = item.batch.store
  if not store:durable(item.written) then sched.wait(sched.engine():sync()) end
end

local function differs(item, spec, kept, tag)
  local function shown(text) return (text:gsub("\n$", "")) end
  item.differs = ("call %d was '%s' when it was recorded, and is now '%s': the script has changed; "
    .. "begin a new journal, or go on with --force"):format(item.calls, shown(kept), shown(tag))
  return nil, outcome.refuse(spec.method, spec.url, "rule", { text = item.differs })
end

-- A call of another task, which must not be doubled.
local function note_aside(item, spec)
  item.asides = item.asides + 1
  item.written = item.batch.store:put(item.batch.number, item.id, -item.asides,
    tag_of(item, spec, outcome.shown_url(spec.url)))
  sync(item)
end

local function is_unsafe(spec)
  return not (IDEMPOTENT[spec.method] or spec.keyed or spec.unsafe)
end

-- What was kept of the item's nth call; nil: nothing.
local function kept_of(item, nth)
  if not item.resumed then return nil end
  if item.kept then return item.kept[nth] end -- it came with the item
  local bytes, problem = item.batch.store:call(item.batch.number, item.id, nth)
  if problem then error(problem, 0) end
  return bytes
end

-- Of an item that was for later: whether this call is to be made anew. Its error
-- said so, or it was the last one and failed, and the script said so.
local function put_off(item, spec, fields)
  if fields.maybe and is_unsafe(spec) then return false end
  return fields.later or fields.why and not kept_of(item, item.calls + 1)
end

---Makes the call by `start(spec)`, which gives its response, or nil and the
---error; or gives what is remembered of it.
---@param spec table for the core; how it is remembered is added
function M.call(spec, start)
  local item, own = item_now()
  if not item then return start(spec) end
  if not own then
    if is_unsafe(spec) then note_aside(item, spec) end
    return start(spec)
  end
  item.calls = item.calls + 1
  local url, shown, nth = spec.url, outcome.shown_url(spec.url), item.calls
  local tag = tag_of(item, spec, shown)
  local kept = kept_of(item, nth)
  if kept then
    local before, ended, rest = split(kept)
    if hash_of(before) ~= hash_of(tag) then
      if not item.batch.force then return differs(item, spec, before, tag) end
    elseif not ended then
      spec.memo = rest
    else
      local fields = fields_of(rest)
      if not (item.renewed and put_off(item, spec, fields)) then return outcome.recall(fields) end
      if fields.maybe then spec.memo = ANEW end
    end
  end
  spec.item, spec.batch, spec.nth, spec.tag = item.id, item.batch.number, nth, tag .. "P"
  local response, err = start(spec)
  if not response and err.why == "cancelled" and sched.interrupted then
    item.interrupted = true -- it goes on in a run to come
    return nil, err
  end
  item.unsure = err and is_unsafe(spec) and maybe_applied(err)
  local ending = tag .. "E" .. pack_end(response, err, url, shown)
  item.written = item.batch.store:put(item.batch.number, item.id, nth, ending)
  sync(item)
  return response, err
end

---The item's next key: the same after a crash, on another machine too; nil
---where no call is remembered.
function M.key()
  local item, own = item_now()
  if not item or not own then return nil end
  item.keys = item.keys + 1
  return item.batch.store:uuid("key\0" .. item.batch.name .. "\0" .. item.id .. "\0" .. texts.number(item.keys))
end

---True when a call of another task was under way, which must not be doubled.
function M.has_asides(batch, id)
  local bytes, problem = batch.store:call(batch.number, id, -1)
  if problem then error(problem, 0) end
  return bytes ~= nil
end

return M
