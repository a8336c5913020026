-- What `luarocks test` runs: the specs, in the Lua that LuaRocks is set up for.

local lua = arg[-1]:match "[^/\\]*$"
local words = { "LULL_TEST_LUAS='" .. lua .. "'", "tests/run.sh" }
for _, word in ipairs(arg) do words[#words + 1] = "'" .. word:gsub("'", "'\\''") .. "'" end
local ok = os.execute(table.concat(words, " "))
os.exit((ok == true or ok == 0) and 0 or 1)
