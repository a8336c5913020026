#!/usr/bin/env lull
-- Puts a label on the open issues of a repository, and stays within GitHub's limits.
--
--     GITHUB_TOKEN=... lull scripts/cookbook/github.lua OWNER/REPOSITORY LABEL
local lull = require "lull"

local repository, label = arg[1], arg[2]
if not label then
  io.stderr:write "usage: github.lua OWNER/REPOSITORY LABEL\n"
  lull.exit(2)
end

local github = lull.client {
  base = "https://api.github.com/repos/" .. repository,
  preset = "github",
  attempts = 10, deadline = "3h",
  headers = {
    accept = "application/vnd.github+json",
    authorization = lull.secret("Bearer " .. (os.getenv "GITHUB_TOKEN" or "none")),
  },
}

local count = { labelled = 0, refused = 0, later = 0 }

local function add_label(issue)
  local res, err = github:post(("/issues/%d/labels"):format(issue.number), {
    json = { labels = { label } },
    unsafe = true, -- a label that is there already is not added twice
  })
  local group = res and "labelled" or err.why == "rule" and "refused" or "later"
  count[group] = count[group] + 1
  if err then io.stderr:write(tostring(err), "\n") end
end

local issues = assert(github:get("/issues", { query = { state = "open", per_page = 100 } })):json()
lull.each(issues, { parallel = 10 }, add_label)

print(("%d labelled, %d refused, %d to be tried later"):format(count.labelled, count.refused, count.later))
lull.exit(count.later > 0 and 75 or count.refused > 0 and 1 or 0)
