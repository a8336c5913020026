-- Man pages and completions: up to date, sound, and installed where shells
-- and man look for them.

local wire = require "tests.wire"

local quote = wire.quote

-- A module of docs/, which is on no path.
local function generator(name)
  return assert(loadfile("docs/" .. name .. ".lua"))()
end

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local function has(program)
  return wire.run("command -v " .. program).code == 0
end

-- Other programs run without a sanitizer's runtime.
local function run(command) return wire.run("export LD_PRELOAD=; " .. command) end

local function first_difference(a, b)
  local n = 1
  while a:sub(n, n) == b:sub(n, n) and n <= #a do n = n + 1 end
  return a:sub(math.max(1, n - 40), n + 40) .. " / " .. b:sub(math.max(1, n - 40), n + 40)
end

local function assert_current(path, text)
  local there = wire.read(path)
  assert(there == text, path .. " is not what `make docs` makes of the sources: "
    .. first_difference(there or "", text))
end

describe("the manual #binary", function()
  teardown(function() wire.clean() end)

  it("has the tables, options and scripts that the sources have", function()
    local generate = generator "generate"
    for path in wire.run "ls README.md docs/*.md".out:gmatch "[^\n]+" do
      if path ~= "docs/cookbook.md" then -- which has a spec of its own
        assert_current(path, generate.renew(wire.read(path)))
      end
    end
  end)

  it("has links that lead to a page and to a heading of it", function()
    local function headings_of(text)
      local headings = {}
      for heading in ("\n" .. text):gmatch "\n#+ ([^\n]+)" do
        headings[heading:lower():gsub("[^%w_%- ]", ""):gsub(" ", "-")] = true
      end
      return headings
    end
    local wrong = {}
    for path in wire.run "ls *.md docs/*.md bench/*.md".out:gmatch "[^\n]+" do
      local text = wire.read(path):gsub("\n```.-\n```", "")
      for target in text:gmatch "%]%(([^)]*)%)" do
        local file, heading = target:match "^([^#]*)#?(.*)$"
        local page = file == "" and path or (path:match "^.*/" or "") .. file
        local exists = target:find "^https?:" or wire.run("test -e " .. quote(page)).code == 0
        if not exists or (heading ~= "" and not headings_of(wire.read(page))[heading]) then
          wrong[#wrong + 1] = ("%s: %s"):format(path, target)
        end
      end
    end
    assert.are.same({}, wrong)
  end)

  -- It escaped the slashes, too, and every file of a subfolder had another name.
  it("has a recipe for a folder to upload that keeps what is below it", function()
    local code = assert(wire.read "docs/batches.md":match "%*%*A folder to upload.-\n```lua\n(.-)```")
    local script = wire.write('local lull = require "lull"\nlocal api = lull.client { base = "http://a.test" }\n'
      .. code .. "lull.exit(sum.code)\n", ".lua")
    local world = wire.write([[return { ["http://a.test"] = function(request)
      print(request.path)
      return 201
    end }]], ".lua")
    local folder = wire.path ".d"
    local upload = "mkdir -p '%s/photos/last year' && echo x >'%s/photos/last year/1 2.jpg' && lull=$(realpath %s) "
      .. "&& cd %s && find photos -type f | $lull --sim %s %s"
    local result = wire.run(upload:format(folder, folder, BINARY, folder, world, script))
    assert.are.same({ 0, "/photos/last%20year/1%202.jpg\n", "" }, { result.code, result.out, result.err })
  end)

  it("has man pages made of its own pages", function()
    local man = generator "man"
    for _, made in ipairs(man.MADE) do
      assert_current(("man/%s.%s"):format(made[1], made[2]), man.make(made))
    end
  end)

  it("has man pages that a formatter takes without a warning", function()
    if not has "mandoc" then return pending "mandoc is not installed" end
    local result = run "mandoc -T lint -W warning man/lull.1 man/lull-script.5"
    assert.equal("", result.out .. result.err)
    assert.equal(0, result.code)
    local shown = run "mandoc -T ascii man/lull.1 | col -b".out
    for _, section in ipairs { "NAME", "SYNOPSIS", "DESCRIPTION", "EXIT CODES", "EXAMPLES", "SEE ALSO" } do
      assert.matches("\n" .. section .. "\n", shown)
    end
    assert.matches("%-%-deadline TIME", shown)
  end)
end)

describe("the rockspecs #binary", function()
  teardown(function() wire.clean() end)

  it("name every file of the sources", function()
    for _, version in ipairs { "scm-1", "0.1.0-1" } do
      local made = wire.run(("%s rockspec/make.lua %s"):format(os.getenv "LULL_LUA" or "lua5.4", version))
      assert.equal("", made.err)
      assert_current(("rockspec/lull-%s.rockspec"):format(version), made.out)
    end
  end)
end)

describe("completions #binary", function()
  teardown(function() wire.clean() end)

  it("are made of the parsers", function()
    for path, make in pairs(generator "complete".MADE) do assert_current(path, make()) end
  end)

  it("are sound shell", function()
    for shell, path in pairs { bash = "lull.bash", zsh = "_lull", fish = "lull.fish" } do
      if has(shell) then
        local result = run(("%s -n completions/%s"):format(shell, path))
        assert.equal("", result.err)
        assert.equal(0, result.code)
      end
    end
  end)

  it("complete commands, options and values in bash", function()
    local script = wire.write [[
. completions/lull.bash
try() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _lull 2>/dev/null; printf '%s' "${COMPREPLY[*]}"; }
try "$@"
]]
    local function try(words) return run(("bash %s %s"):format(script, words)).out end
    assert.equal("get", try "lull ge")
    assert.equal("--attempts", try "lull get --att")
    assert.equal("openai", try "lull get --preset op")
    assert.equal("README.md", try "lull --sim scripts/worlds/examples.lua READ")
    assert.equal("Makefile", try "lull put -T Makef")
    assert.equal("", try "lull script.lua --att")
    assert.equal("--scenario", try "lull sim --sc")
    assert.equal("occ", try "lull sim --scenario oc")
    assert.equal("github", try "lull sim --json git")
    assert.equal("", try "lull sim --clients git")
    assert.equal("--help", try "lull plan --he")
    assert.equal("", try "lull plan scripts/readme.lua --he")
  end)

  -- In a shell of its own, which tells what its line has become.
  it("complete commands, options and values in zsh", function()
    if not has "zsh" then return pending "zsh is not installed" end
    local script = wire.write [[
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner "PS1= fpath=(\$PWD/completions \$fpath); autoload -Uz compinit; compinit -u -D
tell() { zle complete-word; print -r -- \"<\$BUFFER>\"; BUFFER= }
zle -N tell; bindkey '^X' tell; print -r -- '<rea''dy>'"
zpty -r inner line '*<ready>*'
for line in "$@"; do
  zpty -n -w inner "$line"$'\x18'
  zpty -r inner told '*<lull*>*'
  told=${told##*<}
  print -r -- "${told%%>*}"
done
zpty -d inner
]]
    local told = run(("zsh -f %s 'lull ge' 'lull get --att' 'lull get --preset op' 'lull sim --sc' 'lull sim gith' "
      .. "'lull plan --he' 'lull --sim scripts/worlds/ex'"):format(script)).out
    assert.equal([[
lull get
lull get --attempts=
lull get --preset openai
lull sim --scenario=
lull sim github
lull plan --help
lull --sim scripts/worlds/examples.lua
]], (told:gsub(" \n", "\n")))
  end)

  it("complete commands, options and values in fish", function()
    if not has "fish" then return pending "fish is not installed" end
    local function try(line)
      return run(("HOME=%s fish -N -c %s"):format(quote(wire.path()),
        quote(("source completions/lull.fish; complete -C %q"):format(line)))).out
    end
    assert.matches("^get\t", try "lull ge")
    assert.matches("^%-%-attempts\t", try "lull get --att")
    assert.matches("^openai\t", try "lull get --preset op")
    assert.matches("^%-%-scenario\t", try "lull sim --sc")
    assert.matches("^github", try "lull sim git")
    assert.matches("^%-%-help\t", try "lull plan --he")
  end)
end)

describe("make install #binary", function()
  teardown(function() wire.clean() end)

  it("puts everything in its place, and uninstall takes exactly that away", function()
    local root = wire.path " with a space"
    local where = ("PREFIX=/opt/lull DESTDIR=%s"):format(quote(root))
    local made = run("make -s install " .. where)
    assert.equal("", made.err)
    local function files()
      return wire.run(("cd %s && find . -type f | LC_ALL=C sort"):format(quote(root))).out
    end
    assert.equal([[
./opt/lull/bin/lull
./opt/lull/share/bash-completion/completions/lull
./opt/lull/share/fish/vendor_completions.d/lull.fish
./opt/lull/share/lull/library/lull.lua
./opt/lull/share/lull/library/lull/sim.lua
./opt/lull/share/man/man1/lull.1
./opt/lull/share/man/man5/lull-script.5
./opt/lull/share/zsh/site-functions/_lull
]], files())
    local script = wire.write 'print(require "lull".version)'
    local moved = wire.path()
    os.execute(("cp %s %s"):format(quote(root .. "/opt/lull/bin/lull"), moved))
    assert.equal(require "lull".version .. "\n", wire.run(("cd / && %s %s"):format(moved, script)).out)
    os.execute("touch " .. quote(root .. "/opt/lull/bin/another"))
    run("make -s uninstall " .. where)
    assert.equal("./opt/lull/bin/another\n", files())
    assert.equal(2, wire.run("ls " .. quote(root .. "/opt/lull/share/lull")).code)
  end)

  -- The binary of another choice, built before, was taken instead.
  it("takes Lua into the binary, or not when told so, and finds modules as lua does", function()
    local root = wire.path()
    local function installed(choice)
      assert.equal("", run(("make -s %s install PREFIX=/ DESTDIR=%s"):format(choice, quote(root))).err)
      return root .. "/bin/lull"
    end
    local folder = wire.path()
    os.execute("mkdir " .. folder)
    local module = assert(io.open(folder .. "/one.lua", "w"))
    module:write "return 'a module of Lua'"
    module:close()
    local script = wire.write 'print(require "one", require "lfs"._VERSION)'
    for choice, linked in pairs { ["STATIC_LUA="] = 0, [""] = 1 } do
      local binary = installed(choice)
      assert.equal(linked, run(("ldd %s | grep -q liblua"):format(binary)).code)
      local result = run(("cd / && LUA_PATH='%s/?.lua;;' %s %s"):format(folder, binary, script))
      assert.matches("^a module of Lua\tLuaFileSystem", result.out)
      assert.equal("", result.err)
    end
    assert.equal(0, run "make -s all".code)
  end)

  -- A quarter of the dynamic linker's part of a start was its search for symbols
  -- in libraries that stand in front of those that have them.
  it("names first what libcurl loads and looks up most, or not when told so", function()
    local function linked(choice)
      local text = run("make -n -W src/binary/main.c SAN= " .. choice).out
      return assert(text:match "%-o %S*lull%-bin[^\n]*")
    end
    local needs_crypto = run("ldd $(pkg-config --variable=libdir libcurl)/libcurl.so").out:find "libcrypto"
    local crypto = linked "":find("libcrypto", 1, true)
    assert.equal(needs_crypto ~= nil, crypto ~= nil)
    if crypto then assert.is_true(crypto < linked "":find("-lcurl", 1, true)) end
    assert.is_nil(linked "EARLY_LIBS=":find("libcrypto", 1, true))
  end)
end)
