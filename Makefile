# lull. `make demo` and `make test` do all the set-up themselves.
LUA ?= lua5.4
PREFIX ?= /usr/local
pc = $(firstword $(shell for p in $(1) $(subst lua5,lua-5,$(1)) $(subst .,,$(1)); do \
	pkg-config --exists $$p 2>/dev/null && echo $$p; done))
LUA_PC := $(call pc,$(LUA))
B := build/$(LUA)$(SAN)
# What knows no Lua is compiled once for all of them.
C := build/core$(SAN)

CFLAGS ?= -O2 -g$(if $(SINGLE), -ffunction-sections -fdata-sections)
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wundef -Wvla $(WERROR)
CPPFLAGS += $(shell pkg-config --cflags libcurl 2>/dev/null)
LUA_CPPFLAGS := $(shell pkg-config --cflags $(LUA_PC) 2>/dev/null)
ALL_CFLAGS = -std=c11 -Isrc -fPIC -fvisibility=hidden $(WARN) -MMD -MP $(CPPFLAGS) $(CFLAGS)
CURL_LIBS = $(shell pkg-config --libs libcurl) -lm -lpthread -ldl
# A bare machine has no compiler yet, and nothing to say about it.
has = $(findstring /,$(shell $(CC) -print-file-name=lib$(1) 2>/dev/null))
# Lua is taken into the binary where its archive is, and C modules find it
# there; STATIC_LUA= for the shared one.
LUA_SHARED = $(shell pkg-config --libs $(LUA_PC) 2>/dev/null)
LUA_STATIC = -Wl,-E -Wl,-Bstatic $(LUA_SHARED) -Wl,-Bdynamic -lm -ldl
LUA_NAME = $(patsubst -l%,%,$(firstword $(filter -l%,$(LUA_SHARED))))
STATIC_LUA ?= $(if $(SAN),,$(if $(call has,$(LUA_NAME).a),1))
# The binary's allocator, when it is there; ALLOCATOR= for libc's own.
ALLOCATOR ?= $(if $(SAN),,$(if $(call has,mimalloc.so),-lmimalloc))
LUA_LIBS = $(if $(STATIC_LUA),$(LUA_STATIC),$(LUA_SHARED))
# What libcurl loads and looks up thousands of its own symbols, and libc after
# the allocator that stands before it: the dynamic linker finds them sooner when
# they are named first. EARLY_LIBS= for none.
EARLY_LIBS ?= $(if $(SAN),,$(shell ldd $$(pkg-config --variable=libdir libcurl)/libcurl.so 2>/dev/null | \
	awk '$$1 ~ /^lib(crypto|gnutls)\.so/ { print $$3 }'))
FIRST = -Wl,--push-state,--no-as-needed $(EARLY_LIBS) $(ALLOCATOR) -lc -Wl,--pop-state
EARLY = $(if $(EARLY_LIBS),$(FIRST),$(ALLOCATOR))

# The one file, as single/build.sh asks for it, of what that has gathered. C
# modules find Lua's functions in it, and no others.
comma := ,
ifdef SINGLE
override LUA := lua5.4
ROOT := build/single/root
B := build/single/lull
C := $(B)
CPPFLAGS := -DLULL_SINGLE -isystem $(ROOT)/include/lua5.4 -isystem $(ROOT)/include
LUA_CPPFLAGS :=
STATIC_LUA := 1
ARGPARSE := $(ROOT)/lib/argparse.lua
PARTS := $(ROOT)/lib/parts.lua
LUA_LIBS := $(ROOT)/lib/liblua5.4.a -lm
CURL_LIBS := -lm
EARLY :=
ARCHIVES := $(addprefix $(ROOT)/lib/,mimalloc.o libcurl.a \
	$(shell sed -n "s/^archive [^ ]* //p" single/recipe))
# Some of libcurl's functions are ours there.
WRAPPED := $(shell sed -n "s/^wrap //p" single/recipe)
SINGLE_OBJECTS := $(B)/single/text.o
SINGLE_LIBS := $(addprefix -Wl$(comma)--wrap=,$(WRAPPED)) -Wl,--gc-sections -Wl,--dynamic-list=single/exports \
	-Wl,--start-group $(ARCHIVES) -Wl,--end-group
endif

share = $(PREFIX)/share
BASH_DIR ?= $(share)/bash-completion/completions
ZSH_DIR ?= $(share)/zsh/site-functions
FISH_DIR ?= $(share)/fish/vendor_completions.d
# Definitions for editors, in the folder that a language server is told of.
LIBRARY_DIR ?= $(share)/lull/library

MODULES := src/lull.lua $(sort $(wildcard src/lull/*.lua src/lull/*/*.lua))
CORE := $(patsubst src/%.c,$(C)/%.o,$(filter-out src/bind/% src/binary/%,$(sort $(wildcard src/*/*.c))))
BIND := $(patsubst src/%.c,$(B)/%.o,$(sort $(wildcard src/bind/*.c)))
# The reader of options is taken into the binary where it is installed: it
# costs a third of a start with an option to look for it and to compile it.
ARGPARSE ?= $(shell $(LUA) -e 'for place in package.path:gmatch "[^;]+" do \
	local path = place:gsub("?", "argparse"); local file = io.open(path); \
	if file then print(path) break end end' 2>/dev/null)
EMBEDDED := $(MODULES) $(if $(ARGPARSE),lull/lib/argparse.lua=$(ARGPARSE)) \
	$(if $(PARTS),lull/lib/parts.lua=$(PARTS))
MAIN := $(addprefix $(B)/binary/,main.o stdout.o lazyinit.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%.o,$(wildcard tests/unit/*.c))

BIN := $(B)/lull-bin$(if $(STATIC_LUA),,-shared)

all: build/lull
# Of whichever Lua is asked for now; replaced whole, also while it runs.
build/lull: $(BIN) FORCE
	@cmp -s $< $@ || { cp $< $@.new && mv -f $@.new $@; }
build/lull-single: $(BIN) FORCE
	@strip -o $@.new $< && mv -f $@.new $@
FORCE:
module: $(B)/lull/core.so
unit: $(B)/lull/unit.so

$(BIN): $(BIND) $(CORE) $(MAIN) $(B)/embedded.o $(SINGLE_OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EARLY) $(SINGLE_LIBS) $(LUA_LIBS) $(CURL_LIBS)
$(B)/lull/core.so: $(BIND) $(CORE)
	@mkdir -p $(@D)
	$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)
$(B)/lull/unit.so: $(UNIT) $(CORE)
	@mkdir -p $(@D)
	$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)
$(B)/bind/%.o: src/bind/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LUA_CPPFLAGS) -c -o $@ $<
$(B)/single/%.o: single/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/binary/%.o: src/binary/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LUA_CPPFLAGS) -c -o $@ $<
$(C)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LUA_CPPFLAGS) -c -o $@ $<
$(B)/embedded.o: $(B)/embedded.c
	$(CC) $(ALL_CFLAGS) $(LUA_CPPFLAGS) -c -o $@ $<
$(B)/embedded.c: $(B)/embed $(MODULES) $(ARGPARSE) $(PARTS)
	$(B)/embed $(EMBEDDED) > $@.new && mv $@.new $@
$(B)/embed: $(B)/binary/embed.o $(B)/binary/strip.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LUA_LIBS)

deps:
	@./tests/deps.sh $(DEPS)
test: deps
	@./tests/run.sh
demo: deps
	@$(MAKE) -s all && ./tests/demo.sh
# What the code decides: definitions and reference, tables of the manual, man
# pages, completions and the rockspec's lists.
docs: export LUA_PATH = src/?.lua;./?.lua;;
docs: export LUA_CPATH = $(B)/?.so;;
docs: all module
	$(LUA) docs/types.lua
	$(LUA) docs/reference.lua
	$(LUA) docs/generate.lua README.md docs/*.md
	$(LUA) docs/experiments.lua docs/experiments.md
	$(LUA) docs/man.lua
	$(LUA) docs/complete.lua
	for v in scm-1 0.1.0-1; do $(LUA) rockspec/make.lua $$v > rockspec/lull-$$v.rockspec; done
lint:
	@./tests/lint.sh
# The same specs under the address and undefined-behaviour sanitizers.
asan:
	@./tests/asan.sh
# The rock, for each Lua; and the Debian package.
rock:
	@./tests/rock.sh
package:
	@./tests/package.sh

# One file that needs libc and libm alone, of Debian's packages; its specs, also on
# bare machines; and whether Debian has newer versions of what is in it.
single:
	@./single/build.sh
single-test:
	@./single/test.sh
single-check:
	@./single/check.sh
.PHONY: single single-test single-check

# README's commands on bare machines of several Debian releases, as root.
suites:
	@./tests/suites.sh
.PHONY: suites

# Batches that are killed hundreds of times while they talk to failing servers,
# and at each write and sync of their journal; minutes.
kills:
	LULL_KILLS=150 LULL_TEST_LUAS=$(LUA) ./tests/run.sh tests/batch/flagship_spec.lua tests/batch/journal_spec.lua \
	  tests/batch/disk_spec.lua tests/batch/kill_redis_spec.lua
	LULL_KILLS=200 LULL_ITEMS=20000 LULL_TEST_LUAS=$(LUA) ./tests/run.sh tests/batch/redis_kill_spec.lua
.PHONY: kills

# A spec many times and several at once, as a race does not show each time: the
# ways in which a socket that rests can go. LULL_BINARY names another binary.
SPEC ?= tests/wire/resting_spec.lua
TIMES ?= 200
often: all
	@./tests/specs.sh lua5.4 $$(yes $(SPEC) | head -n $(TIMES))
.PHONY: often

# Against bare libcurl and the peers; W=throughput runs one scenario.
bench:
	@./bench/run.sh $(W)
bench-count:
	@./bench/run.sh count
# What lanes do against servers with limits, in virtual time: the short rows.
bench-converge: module
	@LUA_PATH="./src/?.lua;./?.lua;;" LUA_CPATH="./$(B)/?.so;;" $(LUA) bench/converge.lua --check
.PHONY: bench bench-count bench-converge

install: all
	install -D -m 755 build/lull "$(DESTDIR)$(PREFIX)/bin/lull"
	install -D -m 644 man/lull.1 "$(DESTDIR)$(share)/man/man1/lull.1"
	install -D -m 644 man/lull-script.5 "$(DESTDIR)$(share)/man/man5/lull-script.5"
	install -D -m 644 completions/lull.bash "$(DESTDIR)$(BASH_DIR)/lull"
	install -D -m 644 completions/_lull "$(DESTDIR)$(ZSH_DIR)/_lull"
	install -D -m 644 completions/lull.fish "$(DESTDIR)$(FISH_DIR)/lull.fish"
	install -D -m 644 library/lull.lua "$(DESTDIR)$(LIBRARY_DIR)/lull.lua"
	install -D -m 644 library/lull/sim.lua "$(DESTDIR)$(LIBRARY_DIR)/lull/sim.lua"
uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/lull" "$(DESTDIR)$(share)/man/man1/lull.1" \
	  "$(DESTDIR)$(share)/man/man5/lull-script.5" "$(DESTDIR)$(BASH_DIR)/lull" "$(DESTDIR)$(ZSH_DIR)/_lull" \
	  "$(DESTDIR)$(FISH_DIR)/lull.fish" "$(DESTDIR)$(LIBRARY_DIR)/lull.lua" "$(DESTDIR)$(LIBRARY_DIR)/lull/sim.lua"
	rmdir "$(DESTDIR)$(LIBRARY_DIR)/lull" "$(DESTDIR)$(LIBRARY_DIR)" "$(DESTDIR)$(share)/lull" 2>/dev/null || true
clean:
	rm -rf build

-include $(wildcard $(B)/*.d $(B)/*/*.d $(C)/*/*.d)
.PHONY: FORCE all module unit deps test demo docs lint asan rock package install uninstall clean
