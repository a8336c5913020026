-- curl: the curl command that comes nearest to what `lull get` would do. Its
-- request is the same; of the decisions only those that curl knows.

local form = require "lull.lazy" "lull.cli.form"
local lull = require "lull"
local request = require "lull.request"

local M = {}

local function quote(word)
  if word:find "^[%w@%%+=:,./_-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function has_header(o, name)
  for _, line in ipairs(o.header) do
    if line:lower():find("^" .. name:gsub("%-", "%%-") .. ":") then return true end
  end
end

-- The idempotency key: of the command line, or of a preset.
local function key_of(job) return job.call.key or job.client.settings.key or nil end

-- Options that curl has under the same name (and the same meaning).
local VALUES = { "user", "cacert", "cert", "proxy", "max_redirs", "max_filesize" }
local FLAGS = { "insecure", "http1.1" }

local function add_transport(add, o)
  for _, name in ipairs(VALUES) do
    if o[name] then add("--" .. name:gsub("_", "-"), o[name]) end
  end
  for _, name in ipairs(FLAGS) do
    if o[name] then add("--" .. name) end
  end
  if o.http2 then add "--http2-prior-knowledge" end
  if o.cert_key then add("--key", o.cert_key) end
end

-- curl tries again whatever the method, and after statuses that leave open
-- whether the request was applied: only for what may be applied twice.
local function may_repeat(o, job)
  return (o.method ~= "POST" and o.method ~= "PATCH") or job.client.settings.unsafe or key_of(job)
end

local function add_limits(add, limits, repeats)
  local function seconds(value) return ("%.14g"):format(value) end
  local timeout, deadline = limits.timeout[1] or math.huge, limits.deadline
  if limits.attempts > 1 and repeats then
    add("--retry", ("%d"):format(limits.attempts - 1))
    add "--retry-connrefused"
  else
    timeout, deadline = math.min(timeout, deadline), math.huge
  end
  if limits.stall < math.huge then
    add("--speed-time", ("%d"):format(math.ceil(limits.stall)))
    add("--speed-limit", "1")
  end
  if timeout < math.huge then add("--max-time", seconds(timeout)) end
  if deadline < math.huge then add("--retry-max-time", seconds(deadline)) end
end

-- Whether there is a body; a POST has one, if it is empty. `uploads`: -T is curl's.
local function add_body(add, o, uploads)
  local any
  for _, name in ipairs { "data", "json" } do
    for _, value in ipairs(o[name]) do
      local encoded = value:match "^%z(.*)$"
      add(encoded and "--data-urlencode" or "--" .. name, encoded or value)
      any = true
    end
  end
  for _, part in ipairs(o.form) do
    add("--form", form.for_curl(part))
    any = true
  end
  if o.get then
    add "--get"
    any = false
  end
  if o.data_binary then add("--data-binary", o.data_binary) end
  if o.upload_file and uploads then add("--upload-file", o.upload_file) end
  if o.upload_file and not uploads then add("--data-binary", "@" .. o.upload_file) end
  any = any or o.data_binary or o.upload_file
  if not any and not o.get and (o.method == "POST" or o.method == "PUT" or o.method == "PATCH") then
    add("--data", "")
    if not has_header(o, "content-type") then add("--header", "Content-Type:") end
  end
  return any
end

local function add_method(add, o, body, uploads)
  if o.method == "HEAD" then return add "--head" end
  local natural = "GET"
  if o.upload_file and uploads then
    natural = "PUT"
  elseif body or o.method == "POST" and not o.get then
    natural = "POST"
  end
  if o.method ~= natural then add("--request", o.method) end
end

local function add_headers(add, o, key)
  if not has_header(o, "user-agent") then add("--user-agent", o.user_agent or "lull/" .. lull.version) end
  if o.upload_file and not has_header(o, "content-type") then
    add("--header", "Content-Type: application/octet-stream")
  end
  if o.upload_file then add("--header", "Expect:") end
  if key then add("--header", "Idempotency-Key: " .. (key == true and request.uuid() or key)) end
  for _, line in ipairs(o.header) do add("--header", line) end
end

-- What curl does not know of a call.
local OWN = { attempts = true, waited = true, outcome = true, why = true, id = true }

local function has_own(format)
  for name in format:gmatch "%%{([%w_]+)}" do
    if OWN[name] then return true end
  end
end

---One line for a shell.
---@param o table the options, from flags.parse
---@param job table from job.new
---@param url string
---@param output string?
---@return string
function M.command(o, job, url, output)
  local words = { "curl" }
  local function add(option, value)
    words[#words + 1] = option
    if value then words[#words + 1] = quote(value) end
  end
  add "--silent"
  add "--show-error"
  add(o.fail_with_body and "--fail-with-body" or "--fail")
  add "--location"
  if not has_header(o, "range") then add "--compressed" end
  local file = output or o.remote_name or o.upload_file
  add_limits(add, job.client.core:limits(file ~= nil and file ~= false), may_repeat(o, job))
  add_transport(add, o)
  -- To a URL that ends in a slash curl adds the file's name.
  local uploads = not url:gsub("[?#].*", ""):find "/$" and url:find "^%a[%w+.-]*://[^/]+/" ~= nil
  add_method(add, o, add_body(add, o, uploads), uploads)
  add_headers(add, o, key_of(job))
  if output then add("--output", output) end
  if o.remote_name then add "--remote-name" end
  if o.remote_name and o.output_dir then add("--output-dir", o.output_dir) end
  if o.write_out and not has_own(o.write_out) then add("--write-out", o.write_out) end
  if url:find "[%[%]{}]" then add "--globoff" end
  words[#words + 1] = quote(url)
  return table.concat(words, " ")
end

return M
