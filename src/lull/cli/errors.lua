-- errors: what a user can meet, why it comes, and what helps: docs/errors.md and
-- `lull explain` are made of this and of messages.lua.

local messages = require "lull.cli.messages"

local M = {}

-- Each entry: its name, the cause, the cure; `says`: the words by which it is
-- told. White space is one blank when it is read.

local WHY = {
  { "rule", says = "not to be retried",
    [[The outcome is one that another attempt would not change (a 404, a bad certificate), or a rule in `on` says
    stop.]],
    [[Look at the status and at the answer's body (`--fail-with-body`, `err.response.body`). To try it again all
    the same: `--on 404=retry`, `on = { [404] = "retry" }`.]] },
  { "attempts", says = "attempts used up",
    "Each of the attempts failed in a way that may pass by itself.",
    [[Run it again: that does no harm, so the exit code is 75 (of a script, too), and in a journal the item is for
    `later`: the next run sends it with attempts anew. Or raise `attempts` (`--attempts`), or wait longer between
    them (`backoff`).]] },
  { "deadline", says = "the deadline leaves no time",
    [[The next attempt could not begin before the deadline of the call, waits included; or what was under way
    reached it.]],
    [[Raise `deadline` (`--deadline`), or let a single attempt take less (`timeout`). `nothing was sent`: the lane
    had no room in all that time, see its `limit` and `lull plan`.]] },
  { "hint", says = "the server asks for a longer wait than allowed",
    [[The server asked for a longer wait (Retry-After and its relatives) than `max_hint` or the deadline allows, or
    the lane is held for longer (`held_by`): by a pause, a quota or a rate.]],
    [[Raise `max_hint` (`--max-hint 2h`), or run it again after `err.retry_after`: with a journal such items are
    `later`, and the next run takes them up when they are due.]] },
  { "budget", says = "lull's own retry budget is empty",
    [[The lane's retry budget is empty: too many of its calls were tried again of late, and more retries would be
    load for a server that has trouble already. It is lull's own limit.]],
    [[Run it again later; calls that are accepted fill it again. For a server of one's own: `budget = { capacity =
    1000 }` or `budget = false` (`--budget`).]] },
  { "breaker", says = "lull's own circuit breaker is open",
    [[The lane's circuit breaker is open: the server failed many times in a row, and is left alone for a while. It
    is lull's own limit.]],
    [[Run it again after `err.retry_after`, or go without: `breaker = false`.]] },
  { "unsafe", says = "sending it again might do it twice",
    [[The request was sent, no answer says what became of it, and it is a POST or PATCH without a key: sending it
    again might do it twice.]],
    [[Where the server knows idempotency keys, give it one: `key = true`, or `--key` (`--key '{id}'` with rows).
    Where doing it twice does no harm: `unsafe = true`, `--unsafe`. Else look at the server whether it was done;
    `lull retry JOURNAL --reason unsafe` opens such items again.]] },
  { "cancelled",
    "The script ended the task, or a signal ended the run.",
    "Run it again; with a journal it goes on where it was." },
  { "auth", says = "no token: ",
    [[There was no credential: the function of `lull.token` gave none, or the server refused a new one, too (401).]],
    [[The error has its words. Look at the credential's own address and at what it is fetched with.]] },
  { "journal",
    "The journal cannot be written or read, or is another one's.",
    [[The sentence says which; see [journals](#journals). Nothing was sent that could not be remembered.]] },
}

local CLASSES = {
  { "net.dns",
    "The host's name has no address, or the resolver did not answer.",
    [[Check the name (`getent hosts NAME`) and the network; within containers the resolver.]] },
  { "net.refused",
    "The host is there, and nothing listens at that port.",
    [[Check the port, and whether the server runs. It was never sent: trying again does no harm, nor
    does another run (75).]] },
  { "net.unreachable",
    "There is no way to the host.",
    "Check the network, the VPN and the firewall." },
  { "net.proxy",
    "The proxy refused the tunnel, or cannot be used.",
    [[Check `proxy` (`-x`), the variables `https_proxy` and `no_proxy`, and what the proxy asks for (407: user and
    password). `-x ''` goes without.]] },
  { "net.timeout.connect",
    [[There was no connection within the timeout: packets are dropped, or the server is too busy to take it.]],
    "Check firewall and address; raise `timeout`. It was never sent." },
  { "net.timeout.read",
    [[The request was sent and no answer came within `timeout` (or no byte moved within `stall`).]],
    [[Raise `timeout` (`-m`) if the server takes so long; for large files use `stall`. A POST may have been
    applied: see `unsafe`.]] },
  { "net.reset",
    "The connection was reset while the request was under way.",
    [[A server or something between was restarted, or closed an idle connection. It is tried again where that is
    safe.]] },
  { "net.empty",
    "The connection closed without a byte of an answer.",
    [[The server crashed, or speaks another protocol at that port (https for http).]] },
  { "net.send",
    "The request could not be sent whole.",
    [[The server stopped reading: a body that is too large, or a restart. Look at its log.]] },
  { "net.other",
    "The transport failed otherwise; libcurl's words are with it.",
    "The words say what." },
  { "tls.handshake",
    [[No TLS connection came about: no common version or cipher, or it broke off.]],
    [[Check that the port speaks TLS (`openssl s_client -connect HOST:PORT`), and a client certificate that it may
    want (`cert`).]] },
  { "tls.cert",
    [[The server's certificate is not trusted: of an unknown authority, for another name, or expired; or it
    wants a client's.]],
    [[Trust the authority with `ca` (`--cacert FILE`); mend the name in the URL; look at the clock; bring a
    certificate of your own (`cert`). `insecure` (`-k`) is for tests.]] },
  { "http.truncated",
    "The body is shorter than the answer's head said, or ended without an end of its own.",
    [[Something between broke off. A download into a file goes on where it ended.]] },
  { "http.malformed",
    "What came is no HTTP.",
    [[Check port and scheme; with `--http2` whether the server speaks it on a plain connection.]] },
  { "http.checksum",
    "The body is not what its checksum (`--sha256`, `output.sha256`) says.",
    [[The file is another one, or the sum is of another version. Nothing was kept.]] },
  { "http.redirects",
    "Too many redirects, or one to where this request may not go.",
    [[`lull head` shows where it leads; `redirects` (`--max-redirs`) is the limit.]] },
  { "h2.refused",
    "The server refused the stream, and has not worked on it.",
    [[It is tried again; fewer at once (`--parallel`) help when it comes often.]] },
  { "limit.body",
    "The body is larger than `max_body`.",
    "Raise it (`--max-filesize`), or let it go to a file (`-o`, `output`)." },
  { "limit.headers",
    "The headers are larger than `max_headers`.",
    "Raise it, up to 300k, which is libcurl's most." },
  { "local.url",
    "The URL cannot be used.",
    [[Escape what is no part of a URL: `lull.escape`, or `--data-urlencode`.]] },
  { "local.file",
    "A file that is sent or written cannot be read or written.",
    "The words say why: rights, a folder that is missing, a full disk." },
  { "local.memory",
    "There is no memory left.",
    "Large bodies go to files (`output`); fewer at once." },
}

local STATUSES = {
  { "400",
    "The server does not understand the request.",
    [[Look at its answer (`--fail-with-body`) and at what is sent (`--dry-run`, `--curl`).]] },
  { "401",
    "The credential is missing, wrong or expired.",
    [[`-u`, `-H 'Authorization: Bearer ...'`; in scripts `lull.token` fetches and renews one.]] },
  { "403",
    [[The credential is known and may not do this. Some servers say so for a rate limit.]],
    [[Look at the answer. The preset `github` takes a 403 with a hint for a limit.]] },
  { "404",
    "There is nothing at this URL, or not yet.",
    [[To wait for it: `--on 404=retry --deadline 10m`; to take it for an end: `--on 404=accept`.]] },
  { "408",
    "The server waited too long for the request.",
    "It is tried again." },
  { "409",
    [[It is in conflict with what is there: made already, or changed meanwhile.]],
    [[After an attempt that may have been applied it can be the own one: a rule with `attempt.maybe_applied`
    tells.]] },
  { "413",
    "The body is larger than the server takes.",
    "Send less, or in parts." },
  { "422",
    "The server understands the request and does not accept what it says.",
    "Look at the answer; with rows at the row (`--failed`)." },
  { "425",
    "The server will not work on a request that may be a replay.",
    "It is tried again." },
  { "429",
    "Too many requests.",
    [[lull waits as the server asks, and slows down the lane. With a known limit say so: `limit = "10/s"`,
    `--limit`.]] },
  { "500",
    "The server failed; nobody knows whether it was applied.",
    [[It is tried again where that is safe; a POST needs a key (see `unsafe`).]] },
  { "502",
    "A proxy got no answer of its server, or none that is one.",
    "As 500." },
  { "503",
    "The server is overloaded or down.",
    "As 500; its Retry-After is obeyed." },
  { "504",
    "A proxy waited too long for its server, which may go on working.",
    "As 500." },
  { "4xx",
    "The request is wrong as the server sees it; another attempt would be, too. It is not tried again.",
    [[Look at the answer (`--fail-with-body`). A rule makes another verdict of it: `--on 423=retry`.]] },
  { "5xx",
    "The server failed, and nobody knows whether the request was applied. It is tried again where that is safe.",
    "A POST needs a key for that, see `unsafe`. 501 and 505 are not tried again: the server cannot do it at all." },
}

local CODES = {
  { "0",
    "All is done, or all were accepted.",
    "" },
  { "1",
    [[Something failed that cannot be tried later, or the script raised, or what was to be written could not be.]],
    [[Standard error says what; `--failed`, `lull items JOURNAL --failed` and `--report` have the rest.]] },
  { "2",
    "The command line is wrong; nothing was sent.",
    "The message says what; `lull --help`, `lull get --help`." },
  { "3",
    "The script or the world file did not load.",
    "The message has the line." },
  { "70",
    [[`--chaos "... crash"` ended the process, as it was told to.]],
    "The same command again goes on." },
  { "75",
    "What is left can be tried later, and another run does no harm.",
    [[Run it again: by cron, or `until lull ...; do [ $? -eq 75 ] || break; sleep 60; done`.]] },
  { "129",
    "A SIGHUP ended it.",
    "Run it again; with a journal it goes on." },
  { "130",
    "A SIGINT (Ctrl-C) ended it.",
    "Run it again; with a journal it goes on." },
  { "143",
    "A SIGTERM ended it.",
    "Run it again; with a journal it goes on." },
}

-- As `held_by` of an error and of a lane has them, and the line of progress in words.
local HELD = {
  { "held",
    [[Nobody may go in the lane for now, because of a pause, the pace of a quota, a rate that the script sets, or
    what the lane has learned (`pause`, `pace`, `rate`, `learned`).]],
    [[Wait, or see with `lull.lanes()` until when; a call that may not wait so long ends with `hint`.]] },
  { "pause", says = "a pause",
    [[The server asked for it (Retry-After and its relatives), or refused so much that the lane waits by itself.
    One pause holds all calls of the lane.]],
    [[Nothing: it goes on by itself. `max_hint` is the longest that a call waits for; a rule with `pause = false`
    does not hold the others.]] },
  { "pace", says = "the quota",
    [[The server tells how many requests are left until when, and few are: the rest is spread over that time.]],
    "Nothing; `pace = false` sends them at once, and then waits." },
  { "rate", says = "the rate",
    [[The `limit` that the script sets is used up in its window.]],
    "A higher `limit`, where the server grants it; `lull plan` shows what is set." },
  { "learned", says = "what it learned",
    [[The lane has found out what the server bears, and goes no faster: "9.8/s" is a rate, "20 in 1s" so many in each
    window, "8 at once" so many under way. Where there are several, each of them holds.]],
    "Give the `limit` where it is known: little is to be found out then." },
}

M.GROUPS = {
  { title = "How a call ends", about = "What `why` says, in errors, results, logs and journals.", list = WHY },
  { title = "Errors of the transport", list = CLASSES,
    about = "No answer came, or none that is whole. A rule for `net` is for all that begin so." },
  { title = "Statuses", list = STATUSES,
    about = "What a server says. One that is not here is as its hundred, `4xx` or `5xx`." },
  { title = "What holds a lane", about = "What `held_by` says, in errors, in the log and in `lull.lanes()`.",
    list = HELD },
  { title = "Exit codes", about = "Of scripts and commands.", list = CODES },
}
for _, group in ipairs(messages.GROUPS) do M.GROUPS[#M.GROUPS + 1] = group end

return M
