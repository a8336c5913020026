---@meta

-- The public side of lull, for editors: a language server that is told of this
-- file completes, explains and checks scripts. Nothing runs it. `make docs`
-- makes the reference and the manual's tables of options of it, and writes into
-- it what the code decides: the values of lull.class and lull.preset_name, and
-- the defaults of limits. A spec compares it with what lull really has.

-- ---- Values --------------------------------------------------------------

---A time in seconds, or a text: `"250ms"`, `"2s"`, `"10m"`, `"1h"`, `"1h30m"`.
---@alias lull.duration number|string

---So many in a time: `"10/s"`, `"80/1m"`, `"12/15m"`. They go one by one, spread over that
---time, or over 2 s of a longer one: few servers take all of a second at once, and few spread a minute.
---`"10/s burst 5"`: five at once, the others evenly; `"10/s burst"`: all at once.
---@alias lull.rate string

---A number of bytes, or a text: `"64k"`, `"10MB"`, `"1GiB"`; the units are powers of 1024.
---@alias lull.size integer|string

---A text that may be a `lull.secret`.
---@alias lull.text string|lull.secret

---What an attempt came to when no answer was received, or none that can be used.
---@alias lull.class
---| "h2.refused" # the server refused the stream
---| "http.checksum" # the body is not what its checksum says
---| "http.malformed" # the answer is not HTTP
---| "http.redirects" # too many redirects, or one that is not allowed
---| "http.truncated" # the answer was cut short
---| "limit.body" # the body is larger than max_body
---| "limit.headers" # the headers are larger than max_headers
---| "local.file" # a file cannot be read or written
---| "local.memory" # out of memory
---| "local.url" # the URL cannot be used
---| "net.dns" # the host name has no address
---| "net.empty" # the connection closed without an answer
---| "net.other" # the transport failed
---| "net.proxy" # the proxy refused the tunnel
---| "net.refused" # the connection was refused
---| "net.reset" # the connection was reset
---| "net.send" # the request could not be sent whole
---| "net.timeout.connect" # no connection in time
---| "net.timeout.read" # no answer in time
---| "net.unreachable" # the host cannot be reached
---| "tls.cert" # the certificate is not trusted
---| "tls.handshake" # the TLS handshake failed

---What an attempt came to: a status, or the class of a transport error.
---@alias lull.outcome integer|lull.class

---What is done about an outcome.
---@alias lull.action
---| "accept" # the answer is the call's response
---| "retry" # another attempt, after a wait
---| "stop" # the call ends with an error

---What became of a request: an action, or `"follow"` for an answer that was a redirect.
---@alias lull.verdict_name lull.action|"follow"

---Which limit or rule ended a call.
---@alias lull.why
---| "rule" # a rule, or the table of defaults, says that it is not to be retried
---| "attempts" # all attempts are used up
---| "deadline" # the deadline is over, or no attempt could begin before it
---| "hint" # the server asked for, or the lane is held for, longer than `max_hint` or the deadline: see `retry_after`
---| "budget" # the lane's retry budget is empty: lull's own limit
---| "breaker" # the lane's breaker is open: lull's own limit
---| "unsafe" # the request may have been applied, and may not be sent twice
---| "cancelled" # the script, or a signal, cancelled it

---Where a wait came from.
---@alias lull.source
---| "backoff" # the client's backoff
---| "rule" # the rule's own backoff, or its function
---| "hint" # the server asked for, or the lane is held for, longer than `max_hint` or the deadline: see `retry_after`

---Where a hint was read: a header, by its name in lower case.
---@alias lull.hint_source
---| "grpc-retry-pushback-ms" # milliseconds
---| "retry-after-ms" # milliseconds
---| "x-ms-retry-after-ms" # milliseconds
---| "x-amz-retry-after" # milliseconds
---| "retry-after" # seconds, or a date
---| "ratelimit" # `RateLimit`, and the older `RateLimit-Reset`
---| "x-ratelimit-reset" # and its relatives
---| "body" # a script read it in the body

---What a call waited for in the queue of its lane.
---@alias lull.cause
---| "none" # nothing
---| "parallel" # a place among those under way
---| "rate" # room in a window of `limit`
---| "pause" # the end of a pause, or the one call that goes first after it
---| "pace" # its share of a quota that is getting short
---| "learned" # its turn at what the lane has found out that the server bears
---| "breaker" # the breaker is open
---| "files" # a file that another call has open: there are too few (`ulimit -n`)

---A preset of lull's own.
---@alias lull.preset_name
---| "aws" # 3 attempts; waits 0 to 0.05, 0 to 0.1 s, at most 20
---| "copyleaks" # 8 attempts; waits 2 to 11, 3 to 12, 5 to 14, 9 to 18 ... s, at most 60
---| "copyleaks+spread" # 8 attempts; waits 4 to 8, 8 to 16, 16 to 32, 30 to 60 ... s, at most 60
---| "curl" # 4 attempts; waits 1, 2, 4 s, at most 600
---| "github" # 5 attempts; waits 0 to 1, 0 to 2, 0 to 4, 0 to 8 s, at most 60
---| "openai" # 3 attempts; waits 0.375 to 0.5, 0.75 to 1 s, at most 8
---| "standard" # 5 attempts; waits 0 to 1, 0 to 2, 0 to 4, 0 to 8 s, at most 60

---The exit code of a script, as `lull script.lua` gives it.
---@alias lull.exit_code
---| 0 # done
---| 1 # the script failed or raised
---| 2 # usage
---| 3 # the script, or its world file, did not load
---| 70 # `--chaos "1% crash"` ended it
---| 75 # stopped with work left that can be tried later
---| 129 # after SIGHUP
---| 130 # after SIGINT
---| 143 # after SIGTERM
---| integer # what the script gave to `lull.exit` or `os.exit`

-- ---- Clients -------------------------------------------------------------

---@class lull
---The version: `"0.1.0"`.
---@field version string
---JSON without the losses of others.
---@field json lull.json
---The presets, by name; a script may add its own.
---@field preset table<lull.preset_name|string, lull.client_options>
local lull = {}

---A client: options, and the methods that send requests. It is cheap, and is
---never changed; `client:with` gives a changed copy.
---@param options? lull.client_options
---@return lull.client
function lull.client(options) end

---GETs a URL with a client that has no options.
---@param target string a URL
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function lull.get(target, options) end

---HEADs a URL with a client that has no options.
---@param target string a URL
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function lull.head(target, options) end

---POSTs to a URL with a client that has no options.
---@param target string a URL
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function lull.post(target, options) end

---PUTs to a URL with a client that has no options.
---@param target string a URL
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function lull.put(target, options) end

---PATCHes what is at a URL with a client that has no options.
---@param target string a URL
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function lull.patch(target, options) end

---DELETEs what is at a URL with a client that has no options.
---@param target string a URL
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function lull.delete(target, options) end

---Asks for the OPTIONS of a URL with a client that has no options.
---@param target string a URL
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function lull.options(target, options) end

---Sends a request of any method with a client that has no options.
---@param method string `"GET"`, ...
---@param target string a URL
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function lull.request(method, target, options) end

---Made by `lull.client`. Each method blocks its task, not the process; outside
---of every task it runs the loop until its own call is done. Misuse raises at
---the caller's line; what goes wrong in the world is returned.
---@class lull.client
local client = {}

---A copy with other options: each replaces the client's, but headers, query,
---backoff and rules, which add to them.
---@param options lull.client_options
---@return lull.client
function client:with(options) end

---GETs a URL, or a path below the client's base.
---@param target string a URL or a path
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function client:get(target, options) end

---HEADs a URL, or a path below the client's base.
---@param target string a URL or a path
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function client:head(target, options) end

---POSTs to a URL, or to a path below the client's base.
---@param target string a URL or a path
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function client:post(target, options) end

---PUTs to a URL, or to a path below the client's base.
---@param target string a URL or a path
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function client:put(target, options) end

---PATCHes what is at a URL, or at a path below the client's base.
---@param target string a URL or a path
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function client:patch(target, options) end

---DELETEs what is at a URL, or at a path below the client's base.
---@param target string a URL or a path
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function client:delete(target, options) end

---Asks for the OPTIONS of a URL, or of a path below the client's base.
---@param target string a URL or a path
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function client:options(target, options) end

---Sends a request of any method.
---@param method string `"GET"`, ...
---@param target string a URL or a path
---@param options? lull.call_options
---@return lull.response? response nil when the call ended with an error
---@return lull.error? err
function client:request(method, target, options) end

-- ---- Options -------------------------------------------------------------

---What a client takes, and each call too: a call's win over its client's, and
---both over the preset's.
---@class lull.client_options
---What paths are joined to: a URL.
---@field base? string
---Settings to begin with: a preset's name, or a table of these options.
---@field preset? lull.preset_name|string|lull.client_options
---Tries of one call, the first included. Default 5.
---@field attempts? integer|string
---Of one attempt; a list for attempt 1, 2, ... The default is none where
---`stall` is given, and one of `stall` for a transfer to or from a file. Default 30 s.
---@field timeout? lull.duration|lull.duration[]
---An attempt ends as `net.timeout` when no byte of a body moves for so long,
---and no answer begins. Default none.
---@field stall? lull.duration
---Of the whole call, waits included. Default none.
---@field deadline? lull.duration
---The longest wait that a server may ask for. Default 300 s.
---@field max_hint? lull.duration
---The waits between attempts; a text such as `"exp:1s..60s,full"`, or a table.
---@field backoff? string|lull.backoff
---Rules: what an outcome means, by status, class or range of them.
---@field on? lull.rules
---Rates and parallelism of the lane: a rate, or a table.
---@field limit? lull.rate|lull.limit
---The lane's retry budget: a table; `false` turns it off.
---@field budget? lull.budget|boolean
---The lane's circuit breaker: a table; `false` turns a preset's off. Default off.
---@field breaker? lull.breaker|false
---Spreads what is left of a quota over its window when it gets short. Default true.
---@field pace? boolean
---A lane begins with ten calls under way, and doubles with each round that is granted, or each 2 s in which
---none ends. Default true.
---@field slow_start? boolean
---When no answer has come by then, a second attempt of a safe method is sent. Default never.
---@field hedge? lull.duration
---Which calls share limits: a name, or a function that gives one for a request. Default the origin.
---@field lane? string|fun(request: lull.target): string?
---Where lanes are shared with other processes, so that a limit is one for all of
---them: `redis://HOST/0/NAME`; `false`: nowhere. Default the journal's, when it is in a Redis.
---@field lanes? string|false
---A POST or PATCH that may have been applied is tried again all the same. Default false.
---@field unsafe? boolean
---The client's `headers` that say who one is (`authorization`, `cookie`,
---`x-api-key` ...), its secrets, its `host` and its `cert` go to another origin
---than its `base`'s, too, when a call or `attempt:retry` names one. A redirect
---takes them nowhere else.
---@field cross_origin? boolean
---An idempotency key, the same over all attempts of a call; `true` mints a UUID. It goes before a header
---of its name. Default none.
---@field key? string|boolean
---The header of the key. Default `Idempotency-Key`.
---@field key_header? string
---The key stands in quotes, as the IETF's draft has it. Default false.
---@field key_quoted? boolean
---A credential that is fetched once, shared and renewed; `false`: none.
---@field auth? lull.token|false
---Headers by name: a text, a list of them, a `lull.secret`, or `false` to leave out a header from below;
---or a function that makes the value anew for each request, or all headers. `Content-Length` is lull's own,
---and is left out.
---@field headers? lull.made_fields|fun(request: lull.leaving): lull.fields?
---Added to the URL: a table, or a text as it is.
---@field query? table<string, any>|string
---A file of trusted certificates instead of the system's.
---@field ca? string
---A file with the client's own certificate.
---@field cert? string
---A file with its private key.
---@field cert_key? string
---A URL; `false`: none, whatever the environment says.
---@field proxy? string|boolean
---The server's certificate is not checked. Default false.
---@field insecure? boolean
---Which HTTP is spoken; `"2"` from the first byte. Default `"any"`.
---@field http? "any"|"1.1"|"2"
---Bodies are left as they were encoded. Default false.
---@field encoded? boolean
---Redirects followed for one attempt. Default 10.
---@field redirects? integer|string
---Of a decoded body: always in memory, in a file only when given. Default 64 MiB.
---@field max_body? lull.size
---Of an answer's headers, at most 300 KiB; libcurl takes 100 KiB in one. Default 256 KiB.
---@field max_headers? lull.size

---What a call takes besides what a client takes. It has one body at most.
---@class lull.call_options: lull.client_options
---A string, `lull.file(path)`, or a function that gives one of them for each attempt.
---@field body? string|lull.file|fun(): (string|lull.file)
---A value, sent as JSON.
---@field json? any
---A table, sent as a form.
---@field form? table<string, any>
---A list of parts, sent as `multipart/form-data`; it is made in memory.
---@field multipart? lull.part[]
---A path: the same as `body = lull.file(path)`, sent as `application/octet-stream` unless `headers` say otherwise.
---@field file? string
---A path: the accepted body is streamed into that file, which appears whole or not at all. In a table also what its
---SHA-256 has to be, and whether to go on with a file that is there.
---@field output? string|lull.output

---A part of a body: with a value or a file.
---@class lull.part
---@field name string
---@field value? string|number|boolean|lull.secret
---A path.
---@field file? string
---What the server is told that the file is called; `false`: nothing. Else the path's last part.
---@field filename? string|false
---Its Content-Type; of a file by its ending.
---@field type? string

---Where a body goes, and what it has to be. The path may also stand first, without a name.
---@class lull.output
---@field path? string
---64 hexadecimal digits. A body that is another is `http.checksum`, and no file.
---@field sha256? string
---The rest of a file that is there is asked for, whatever version it is of; `sha256` tells whether it fits.
---@field continue? boolean

---The request that a `lane` function is asked about.
---@class lull.target
---@field method string
---@field url string

---The request that is to leave, for which a function makes headers.
---@class lull.leaving
---@field method string
---@field url string
---The body, when it is in memory.
---@field body? string
---The number of the attempt; redirects share one.
---@field attempt integer

---Makes a header's value anew for each request, or none.
---@alias lull.header_function fun(request: lull.leaving): (lull.text|number|false|(lull.text|number)[])?

---Header fields by their names.
---@alias lull.fields table<string, lull.text|number|false|(lull.text|number)[]>

---The same, and functions that make a value anew for each request.
---@alias lull.made_fields table<string, lull.text|number|false|(lull.text|number)[]|lull.header_function>

---How waits grow from retry to retry.
---@class lull.backoff
---`constant`, `linear` or `exponential`. Default exponential.
---@field kind? "constant"|"linear"|"exponential"
---The first wait. Default 1 s.
---@field base? lull.duration
---Of an exponential backoff. Default 2.
---@field factor? number
---No wait is longer, jitter included. Default 60 s.
---@field cap? lull.duration
---`none`, `full`, `equal`, `decorrelated`, `{lo, hi}` or `{factor = {lo, hi}}`. Default full.
---@field jitter? "none"|"full"|"equal"|"decorrelated"|lull.duration[]|lull.jitter

---@class lull.jitter
---The least and the most that a wait is multiplied by.
---@field factor number[]

---How much and how fast a lane sends. The list holds rates; other names are
---paths with rates of their own, such as `["POST /login/*"] = "12/15m"`.
---@class lull.limit
---The most calls under way at once; `"auto"`, the default: no more than the server is found to bear.
---@field parallel? integer|"auto"
---How many may go at once, of each rate of the list that says nothing itself; true for all. Default: one by one.
---@field burst? integer|true
---@field [integer] lull.rate
---@field [string] lull.rate|lull.rate[]|lull.weighed_rate

---Rates of which a call takes as much as it weighs; under a path, or any other
---name, such as `tokens = { "90000/1m", weight = function(request) ... end }`.
---@class lull.weighed_rate
---What a call weighs, asked when it is made and counted for each of its attempts:
---a number from 0 up; nothing is 0. A call that weighs more than a window has room
---for ends with an error.
---@field weight fun(request: lull.weighed_request): number?
---@field [integer] lull.rate

---A call that is to be weighed.
---@class lull.weighed_request
---@field method string
---@field url string
---What is sent; nil of a file.
---@field body? string
---The path of the file that is sent.
---@field file? string
---What the call was given.
---@field json? any
---@field form? table

---A bucket of tokens that retries are paid from.
---@class lull.budget
---Tokens that it can hold, and begins with. Default 100.
---@field capacity? number
---What a retry takes. Default 1.
---@field cost? number
---What a success gives. Default 0.1.
---@field refund? number
---A retry that succeeds gives its whole cost back. Default false.
---@field payback? boolean

---When a lane that only fails is left alone for a while.
---@class lull.breaker
---The share of failures that opens it: 0 to 1, or a text such as `"50%"`. Default 50%.
---@field failures? number|string
---The time that is looked at. Default 30 s.
---@field window? lull.duration
---Outcomes in it, at least. Default 20.
---@field least? integer|string
---How long calls fail at once, until one probes. Default 15 s.
---@field open? lull.duration

-- ---- Answers -------------------------------------------------------------

---What an accepted call gives. `tostring` gives `"200 OK"`.
---@class lull.response
---@field status integer
---@field headers lull.headers
---Decoded; empty when it went into a file.
---@field body string
---Bytes of the file that it went into; nil without `output`.
---@field written? integer
---What ended the body before its end; nil when it is whole.
---@field body_error? lull.class
---After redirects.
---@field url string
---@field method string
---How many attempts it took.
---@field attempts integer
---s, waits included.
---@field elapsed number
---s, between attempts.
---@field waited number
---One entry a request on the wire.
---@field history lull.history_entry[]
local response = {}

---The body as JSON, decoded; nil and a message when it is none. Whole numbers
---beyond 2^53 come as texts of their digits.
---@return any value
---@return string? problem
function response:json() end

---The headers of an answer: `headers["content-type"]`, without regard to case.
---@class lull.headers
---@field [string] string?
local headers = {}

---All values of a repeated header, in the order of arrival.
---@param name string
---@return string[]
function headers:all(name) end

---Walks name and value of each, in the order of arrival.
---@return fun(): string?, string?
function headers:each() end

---Why a call failed. `tostring` is one clear sentence.
---@class lull.error
---The last outcome; `why`, when nothing was sent.
---@field reason lull.outcome|lull.why
---Which limit or rule ended the call.
---@field why lull.why
---The sentence.
---@field message string
---@field method string
---Without user, password and secrets.
---@field url string
---How many attempts were made.
---@field attempts integer
---s, waits included.
---@field elapsed number
---s, between attempts.
---@field waited number
---The last real answer.
---@field response? lull.response
---True where the exit code would be 75: a retry was due, and only a limit ended
---the call (`attempts`, `deadline`, `hint`, `budget`, `breaker`): another run does
---no harm.
---@field later boolean
---s, when a wait was refused, or the last answer asked for one and nothing was left
---to try again with.
---@field retry_after? number
---With `net.proxy`: what the proxy said.
---@field proxy_status? integer
---@field lane? string
---What held the lane for longer than the call may wait, which ended it at once.
---@field held_by? "pause"|"pace"|"rate"|"learned"
---Tokens left in the lane, when its budget or breaker ended the call.
---@field budget? number
---@field budget_capacity? number
---One entry a request on the wire.
---@field history lull.history_entry[]

---One request on the wire.
---@class lull.history_entry
---The number of its attempt, from 1.
---@field n integer
---When it was sent, s after the start of the call.
---@field at number
---s, until its outcome was known.
---@field took number
---`"cancelled"` for one that was called back.
---@field outcome lull.outcome|"cancelled"
---@field status? integer
---@field class? lull.class
---With `net.proxy`: what the proxy said.
---@field proxy_status? integer
---What ended the body of that status before its end.
---@field body_error? lull.class
---The class in words.
---@field text? string
---@field verdict lull.verdict_name
---What ended the call, with `"stop"`.
---@field why? lull.why
---s, until the next attempt.
---@field wait number
---Where the wait came from.
---@field source? lull.source
---The header of a hint.
---@field hint? lull.hint_source
---What the server asked for, s.
---@field hint_seconds? number
---The key in `on` of the rule that decided.
---@field rule? string
---A byte of the request may have reached the server.
---@field sent boolean
---This attempt or an earlier one may have taken effect.
---@field maybe_applied boolean
---s, in the queue of the lane.
---@field queued? number
---What it waited for there.
---@field cause? lull.cause
---The rule's function was asked.
---@field asked? boolean
---The retry does not count against `attempts`.
---@field free? boolean
---It was sent beside another one.
---@field hedge? boolean
---It went on where a cut download ended.
---@field resumed? boolean
---The fault was made by `--chaos`.
---@field chaos? boolean

-- ---- Rules ---------------------------------------------------------------

---Rules by outcome. A key is a status (`503`), several (`"5xx"`, `"502-504"`,
---`"429|503"`), a class at any level (`"net.timeout"`, `"net"`), or `"*"`; the
---most specific one wins.
---@alias lull.rules table<integer|string, lull.rule>

---What an outcome means: an action, a function, or a table with one of them and
---limits of its own.
---@alias lull.rule lull.action|lull.rule_function|lull.rule_options

---Gets the attempt; gives a verdict, or nothing to let the default stand. It may
---send requests, sleep and spawn. An error in it ends the call and is raised
---where that was made.
---@alias lull.rule_function fun(attempt: lull.attempt): (lull.verdict|lull.action)?

---A rule with limits for its outcomes alone.
---@class lull.rule_options
---@field [1]? lull.action|lull.rule_function
---Tries that end with these outcomes, counted by themselves.
---@field attempts? integer|string
---The waits after these outcomes.
---@field backoff? string|lull.backoff
---Of the attempt after such an outcome.
---@field timeout? lull.duration
---Whether the lane pauses.
---@field pause? boolean
---`"retry"` holds for a POST, too, that may have been applied.
---@field unsafe? boolean

---What a rule's function gets to see of an outcome.
---@class lull.attempt
---The number of the attempt, from 1.
---@field n integer
---nil for a transport error.
---@field status? integer
---The status, or the class of the transport error.
---@field reason lull.outcome
---@field headers lull.headers
---nil for a transport error.
---@field body? string
---What ended the body before its end; nil when it is whole.
---@field body_error? lull.class
---A byte of the request may have reached the server.
---@field sent boolean
---This attempt or an earlier one may have taken effect, though no answer said so.
---@field maybe_applied boolean
---The wait that the server asked for.
---@field hint? lull.hint
---What lull would do.
---@field verdict lull.action
---s that lull would wait.
---@field wait number
---s, since the start of the call.
---@field elapsed number
---s, until its deadline.
---@field left? number
---What was sent.
---@field request lull.target
---One entry a request on the wire.
---@field history lull.history_entry[]
local attempt = {}

---The call ends with this answer as its response.
---@return lull.verdict
function attempt:accept() end

---Try again: after so long, or with changes; without either, as lull would wait.
---@param options? lull.duration|lull.retry_options
---@return lull.verdict
function attempt:retry(options) end

---The call ends with an error.
---@param why? string for the error's text
---@return lull.verdict
function attempt:stop(why) end

---The body as JSON, decoded; nil and a message when it is none.
---@return any value
---@return string? problem
function attempt:json() end

---What the attempt really weighed, in place of what was counted for it. Where it is
---more, what comes next waits.
---@param weight number
---@param name? string of the rate, where several weigh
function attempt:weigh(weight, name) end

---What the next attempt does otherwise.
---@class lull.retry_options
---Instead of the wait that lull would make.
---@field wait? lull.duration
---Instead of those of the same names.
---@field headers? lull.fields
---Instead of the request's; may be relative.
---@field url? string
---The retry does not count against `attempts`.
---@field free? boolean

---What `attempt:accept()`, `attempt:retry()` and `attempt:stop()` give, for the
---rule's function to return.
---@class lull.verdict

---A wait that a server asked for.
---@class lull.hint
---@field seconds number
---@field source lull.hint_source
---The header's value as it came.
---@field raw string
---A date, in an answer without a date of its own: measured by the local clock.
---@field unanchored? boolean

-- ---- Tasks ---------------------------------------------------------------

---Starts a task. It runs when the caller next waits.
---@param fn function
---@param ... any for the function
---@return lull.task
function lull.spawn(fn, ...) end

---Sleeps; other tasks go on.
---@param seconds lull.duration
function lull.sleep(seconds) end

---Calls `fn(item, index)` for each item of a list, or `fn(...)` for what an
---iterator function gives until it gives nil. Items are pulled only when there
---is a place. An error in one cancels the rest and is raised here.
---@param source any[]|fun(): any
---@param options? lull.each_options may be left out
---@param fn function
---@return lull.summary summary
---@overload fun(source: any[]|(fun(): any), fn: function): lull.summary
function lull.each(source, options, fn) end

---As `lull.each`; gives the list of what the function returned, in the order of
---the items, with their number as `n`.
---@param source any[]|fun(): any
---@param options? lull.each_options may be left out
---@param fn function
---@return any[] results
---@return lull.summary summary
---@overload fun(source: any[]|(fun(): any), fn: function): any[], lull.summary
function lull.map(source, options, fn) end

---What became of the items, by what the function gave for each: a value, or
---nothing at all: `done`; nil and an error with `later`: `later`; nil and any
---other error, or nil alone: `failed`.
---@class lull.summary
---@field done integer
---@field failed integer
---@field later integer
---Done or failed in a run before this one, or by another process, by the journal.
---@field before integer
---Begun, and not come to an end when the process was asked to end.
---@field open integer
---Broken rows, which are among the failed.
---@field broken integer
---@field total integer
---Some failed in a run before this one, or by another process: the code is 1.
---@field failed_before boolean?
---A signal came before the last item had begun: the code is 75, unless some failed.
---@field cut boolean?
---The exit code for `lull.exit`: 1 when some failed, else 75 when some are left,
---for later or by a signal, else 0.
---@field code integer

---The items of a file, for `lull.each`: an iterator function. CSV (RFC 4180) and
---TSV have a header, and give tables by its names; NDJSON gives the value of each
---line; of anything else the lines are the items. Empty lines are left out. A
---broken row is an item that failed: it is said with its line number, the
---function never sees it, and the rest goes on.
---@param path string "-" for standard input
---@param options? lull.rows_options
---@return fun(): any
function lull.rows(path, options) end

---@class lull.rows_options
---By default by the file's name: `.csv`, `.tsv`, `.tab`, `.ndjson`, `.jsonl`;
---lines for any other.
---@field format? "csv"|"tsv"|"ndjson"|"lines"

---The items of a list that a server gives page by page, for `lull.each` or `for`: each
---with the response of its page. The next page is where a `Link` header says
---(`rel="next"`, RFC 8288), or as the options say. Raises the error of a page that
---cannot be got.
---@param api lull.client
---@param path string of the first page
---@param options? lull.pages_options
---@return fun(): any, lull.response?
function lull.pages(api, path, options) end

---Of `lull.pages`; and those of a call, for each page.
---@class lull.pages_options: lull.call_options
---Where in the body the list is, as `"data.rows"`, or a function that gives it; by
---default the body, or its only list.
---@field items? string|fun(response: lull.response, body: any): any[]?
---The field of the body that tells the next page: a cursor or a URL.
---@field cursor? string
---The parameter that takes the cursor; by default the last name in `cursor`.
---@field cursor_param? string
---The parameter that takes the number of a page; an empty one is the last.
---@field page? string
---The number of the first page: 1 by default.
---@field first? integer
---Pages at the most.
---@field most? integer

---What `lull.rows` gives for a row that cannot be read, to who calls it without
---`lull.each`; `tostring` gives it as a line.
---@class lull.broken_row
---@field file string
---@field line integer
---What is wrong.
---@field broken string

---@class lull.each_options
---Items at once. Default 10.
---@field parallel? integer|string
---A file that remembers what became of the items, and their calls that are under
---way: after a kill the same script goes on; or `redis://HOST/0/NAME`, at which
---several machines work. By default that of `lull --journal`.
---@field journal? string
---What tells items apart: a field's name, or a function of the item. Default: the
---item itself, of a table its field `id`. Means nothing without a journal.
---@field id? string|fun(item: any): string|number
---Tells several batches of one journal apart. Default: their order.
---@field name? string
---`"process"`: what is kept outlives the process, and not a power failure. Default
---`"full"`.
---@field durability? "full"|"process"

---Runs functions (or waits for tasks) at once; gives the list of their first
---results. When one of them raises, or returns nil and an error, the rest are
---cancelled, and the error is raised or returned.
---@param list (function|lull.task)[]
---@return any[]? results
---@return any err
function lull.all(list) end

---Runs functions (or waits for tasks) at once. The first that neither raises nor
---returns nil and an error wins: its results are given, and the rest are
---cancelled. When none wins: what the last one returned or raised.
---@param list (function|lull.task)[]
---@return any ...
function lull.race(list) end

---Runs `fn(...)` and gives true and its results, or false and its error: as
---`pcall` does, but the function may wait, on every Lua.
---@param fn function
---@param ... any for the function
---@return boolean ok
---@return any ...
function lull.try(fn, ...) end

---Ends the script with that exit code, from whichever task; no `pcall` of the
---script's holds it up.
---@param code? lull.exit_code Default 0.
function lull.exit(code) end

---The number of the signal that asked the process to end (2 or 15); nil
---before, and in programs that `lull` does not run.
---@return integer?
function lull.interrupted() end

---For a host with a loop of its own: does what can be done now; when that is
---nothing, waits for something. Raises the error of a task that nobody joined.
---@param patience? lull.duration how long it may wait. Default 0.
---@return boolean more there is a task left that something may wake
function lull.step(patience) end

---For a host with a loop of its own: the descriptors that it watches for reading.
---One of them is readable as soon as a step has something to do; when there are
---none, `lull.timeout` makes the host look often enough.
---@return integer[]
function lull.fds() end

---For a host with a loop of its own: after so many seconds at the latest the next
---step is due. 0 when a task can go on already; nil when no task is left that
---something may wake.
---@return number?
function lull.timeout() end

---Monotonic seconds: for measuring, not for the time of day.
---@return number
function lull.now() end

---Seconds since 1970.
---@return number
function lull.time() end

---A coroutine that lull schedules. `tostring` names it.
---@class lull.task
---It has ended.
---@field done boolean
---Why it was cancelled, if it was.
---@field cancelled? table
local task = {}

---Waits for the task's end and gives what its function returned. An error in it
---is raised here, with its traceback; a cancelled task gives nil and the
---cancellation.
---@return any ...
function task:join() end

---Ends the task where it waits, with its pending call and the tasks that it runs
---by `each`, `map`, `all` and `race`. False when it has already ended.
---@return boolean
function task:cancel() end

-- ---- Small things --------------------------------------------------------

---A body that is read from a file, opened anew for each attempt. When its size
---or time has changed, the call ends with `local.file`.
---@param path string
---@return lull.file
function lull.file(path) end

---Made by `lull.file`.
---@class lull.file
---@field path string

---A credential for the option `auth`, that `fn` fetches when it is needed: it gives
---the text and how long it lasts (none: until it is refused), or `nil` and an error.
---Sent as `authorization: Bearer TEXT`, or as `options` say. Fetched once for all who
---wait, anew before its end, and once after a 401.
---@param fn fun(): lull.text?, any
---@param options? lull.token_options
---@return lull.token
function lull.token(fn, options) end

---How a token is sent.
---@class lull.token_options
---Default `authorization`.
---@field header? string
---What stands before the text; `false`: nothing. Default `Bearer`, and nothing in another header.
---@field scheme? string|false

---Made by `lull.token`.
---@class lull.token

---Wraps a text: it is sent as it is and shown as `***`. Joining it with other
---texts by `..` gives a secret again.
---@param text lull.text
---@return lull.secret
function lull.secret(text) end

---Made by `lull.secret`.
---@class lull.secret
---@operator concat(string|lull.secret): lull.secret
local secret = {}

---The text itself.
---@return string
function secret:reveal() end

---Percent-encodes all but letters, digits and `-._~`, for a part of a path; all
---parts: `name:gsub("[^/]+", lull.escape)`.
---@param text string|number
---@return string
function lull.escape(text) end

---As `pairs`, in an order that is the same in every run: numbers first, then texts.
---@param t table
---@return fun(): any, any
function lull.sorted(t) end

---How far the run is: of the outermost `lull.each` or `lull.map` under way, else of
---all calls. `tostring` of it is the line that `lull --progress` shows.
---@return lull.progress
function lull.progress() end

---How far a run is.
---@class lull.progress
---True when there is an `each` or `map` under way.
---@field batch boolean
---Items, as in its summary.
---@field done integer
---@field failed integer
---@field later integer
---@field before integer
---How many items there are, where that can be known or guessed.
---@field total integer?
---The total is no guess.
---@field exact boolean?
---Items, or calls, that do not wait.
---@field under_way integer
---Calls that wait.
---@field waiting integer
---For what, the biggest group first.
---@field waits lull.wait[]
---s until the first goes on, when all calls wait.
---@field held number?
---That the Redis of the journal, or of shared lanes, has not answered for 2 s, and the run
---does not go on without it.
---@field away string?
---Items a second, over the last half minute.
---@field rate number?
---s that it may take still; none where nobody can say.
---@field left number?
local progress = {}

---The line, of at most so many characters.
---@param width integer?
---@return string
function progress:line(width) end

---Calls that wait for the same.
---@class lull.wait
---@field lane string
---@field count integer
---What their last attempt came to: a status,
---@field status integer?
---or a class of transport error.
---@field class string?
---Who set the wait: "hint" (the server), "backoff", "rule" (the script).
---@field source string?
---Of those in the lane's queue: "rate", "pause", "pace", "breaker".
---@field cause string?
---s until the first of them goes on, and the last.
---@field first number?
---@field last number?
---The same as times (s since 1970).
---@field until number?
---@field until_last number?

---The state of each lane, by its name.
---@return table<string, lull.lane>
function lull.lanes() end

---How a lane stands.
---@class lull.lane
---Calls that wait in it.
---@field queued integer
---Calls under way.
---@field flying integer
---How many may be under way now; 0: no bound.
---@field parallel integer
---s that a pause still lasts; 0: none.
---@field paused number
---s that nobody starts for, as far as is known, whoever comes; 0: it is not held.
---@field held number
---What holds it.
---@field held_by? "pause"|"pace"|"rate"|"learned"
---Tokens left for retries.
---@field budget number
---@field budget_capacity number
---@field breaker "off"|"closed"|"open"|"half-open"
---What the next call waits for.
---@field waits_for lull.cause
---How many processes share it; 1: only this one has it.
---@field processes integer
---Which those are, as it was told last; nil while nobody shares it.
---@field machines? lull.lane_machine[]
---What is left of the server's quota, where it told.
---@field quota? number
---What it has found out by itself; empty at first.
---@field learned lull.learned
---Its rates that count what calls weigh, where it has some.
---@field weighed? lull.lane_weight[]

---A process that shares a lane.
---@class lull.lane_machine
---Its machine's name, and the process there.
---@field machine string
---@field pid? integer
---Since when it has the lane, by Redis's clock, s since 1970.
---@field since number
---What it holds: slots of `parallel`, and places that it has not used yet.
---@field slots integer
---@field places integer

---A rate that counts what calls weigh.
---@class lull.lane_weight
---@field name string
---What a window has room for.
---@field most number
---s.
---@field window number
---What is in it now.
---@field held number

---What a lane has found out that its server bears.
---@class lull.learned
---Requests a second.
---@field rate? number
---Requests in each `window` (s).
---@field count? integer
---@field window? number
---Requests at once.
---@field parallel? integer
---The share of refusals that no limit explains.
---@field noise? number

---@class lull.json
---JSON's null.
---@field null any
---Encoded as `[]`; an empty table is `{}`.
---@field empty_array table
---Whether objects are written with their names in order: slower, and the same
---bytes in every run. Simulated runs turn it on. Default false.
---@field in_order boolean
local json = {}

---A value as JSON; numbers with all their digits.
---@param value any
---@return string
function json.encode(value) end

---A value as a line of JSON, names in order: the same bytes each time.
---@param value any
---@return string
function json.line(value) end

---The value of a text; nil and a message when it is no JSON. A whole number
---beyond 2^53 comes as a text of its digits, so that an id is never another. An empty
---list is encoded as `[]` again while it is empty.
---@param text string
---@return any value
---@return string? problem
function json.decode(text) end

-- ---- Worlds --------------------------------------------------------------

---What a world file returns: servers by origin (`"https://api.example.com"`);
---`"*"` stands for every other. `paths` says which origin a path belongs to, for
---a world that is served on one port.
---@alias lull.world table<string, lull.server|table<string, string>>

---Answers a request; `n` counts those of its origin, this one included. Gives a
---status, headers and a body; a fault; or a table.
---@alias lull.server fun(request: lull.request, n: integer): integer|lull.fault|lull.answer, lull.fields?, any

---A request as a server gets it.
---@class lull.request
---@field method string
---All of it.
---@field url string
---As it was sent, query included.
---@field path string
---The path without the query.
---@field route string
---The query, decoded; the last value, if a name is repeated.
---@field query table<string, string>
---Looked up without regard to case; values of a repeated header are joined by `", "`.
---@field headers table<string, string>
---@field body string
---Which connection it came on, from 1.
---@field connection integer
---`lull.now()` when it had been read.
---@field time number

---What goes wrong instead of an answer.
---@alias lull.fault
---| "reset" # the connection is reset
---| "close" # the connection is closed, without an answer
---| "hang" # nothing comes, for as long as the client waits
---| "garbage" # bytes that are no HTTP, then a close
---| lull.class # in a simulated run: the outcome itself, such as `"net.refused"`

---An answer with all that it may have.
---@class lull.answer
---Default 200.
---@field status? integer
---By name, or a list of pairs where the order matters.
---@field headers? lull.fields|string[][]
---A table is sent as JSON.
---@field body? any
---Instead of an answer.
---@field fault? lull.fault
---Bytes of the body after which the connection closes; `Content-Length` tells of the whole.
---@field cut? integer
---Bytes of the body after which nothing more comes, and the connection stays open.
---@field stall? integer
---Before each byte of the body.
---@field drip? lull.duration
---Before the answer, or the fault.
---@field delay? lull.duration

-- ---- Testing -------------------------------------------------------------

---`require "lull.sim"`: scripts, unchanged, against simulated servers in virtual
---time, from a test.
---@class lull.sim
local sim = {}

---Runs a script in a simulated world. A world that is wrong, a server that
---raises, and replies that do not fit are raised; what the script itself fails
---with is in the transcript.
---@param o lull.sim_options
---@return lull.transcript
function sim.run(o) end

---A server that gives these answers in this order. A request too many, or one
---too few, is an error of the run.
---@param list lull.reply[]
---@return lull.server
function sim.replies(list) end

---A journal in memory, for runs that each go on where the one before ended.
---@return lull.sim_journal
function sim.journal() end

---What stands for a Redis in simulated runs: a journal there, or lanes that are
---shared by it, are for the next run, too. lull's own scripts run in it, by the
---run's clock.
---@param latency? number s that it takes to answer; default 0.001
---@return lull.sim_redis
function sim.redis(latency) end

---A status, a fault, or a table: `{ 503, ["retry-after"] = 7, body = "text" }`
---with headers beside `body`, `delay`, `cut`, `stall` and `drip`, or in a table
---`headers` of their own.
---@alias lull.reply integer|lull.fault|lull.answer|table

---What `sim.run` takes.
---@class lull.sim_options
---A file's path, or a function of the arguments.
---@field script string|function
---@field args? string[]
---Servers by origin, one server for all, or a world file.
---@field world lull.world|lull.server|string
---Of all random draws. Default 0.
---@field seed? integer
---Faults to add: `"5% 503, 1% net.reset"`.
---@field chaos? string
---As `lull --journal`; what it keeps is there for the next run. A text is the URL of
---one in a Redis.
---@field journal? lull.sim_journal|string
---Stands for any Redis that is named. Default: a new one.
---@field redis? lull.sim_redis
---The wall clock at the beginning, s since 1970.
---@field time? number
---On so many machines at once, by one clock: each has a lull of its own, and one seed
---after the other. What they share is in `redis`. A request has the number of its `machine`.
---@field machines? integer
---The number of a machine -> when it is switched off, s: as by a kill.
---@field off? table<integer, number>

---Keeps a batch between simulated runs.
---@class lull.sim_journal
local sim_journal = {}

---The next run ends at its nth write, as if the process had been killed; 0:
---never. What was not committed by then is lost, though what it tells of was sent;
---or with `keep` that write only is lost, and nothing was sent.
---@param nth integer
---@param keep? boolean
function sim_journal:crash(nth, keep) end

---Writes of all runs so far.
---@return integer
function sim_journal:writes() end

---Keeps journals and shared lanes between simulated runs.
---@class lull.sim_redis
local sim_redis = {}

---The next run ends at its nth script, as if the process had been killed: before that
---has run, or with `keep` when it has, and nobody has heard what it said; 0: never.
---@param nth integer
---@param keep? boolean
function sim_redis:crash(nth, keep) end

---What a run came to.
---@class lull.transcript
---The script ended without an error.
---@field ok boolean
---@field code lull.exit_code
---The error that ended it.
---@field err any
---What it wrote to standard output.
---@field output string
---As the servers saw them.
---@field requests lull.request[]
---@field verdicts lull.transcript_verdict[]
---The verdicts as `--trace` tells them.
---@field lines string[]
---s, of all waits between attempts.
---@field waited number
---Virtual s.
---@field elapsed number
---All of it, to be compared with a file.
---@field text string

---One verdict of a run.
---@class lull.transcript_verdict
---@field outcome lull.outcome|"cancelled"
---@field verdict lull.verdict_name
---@field why? lull.why
---s, until the next attempt.
---@field wait number
---@field source? lull.source
---The number of the attempt, from 1.
---@field n integer
---@field method string
---@field url string
---s after the beginning.
---@field at number
---The fault was made by `chaos`.
---@field chaos? boolean

-- ---- The log -------------------------------------------------------------

---A line of `--log` between the verdicts: the Redis of a journal, or of shared lanes,
---has been away for 2 s, or is back.
---@class lull.log_store
---s after the beginning.
---@field time number
---Seconds since 1970.
---@field wall number
---@field store "away"|"back"
---@field why string
---s that it has been away, or was.
---@field away_for number

---One line of `--log`: a verdict.
---@class lull.log_entry
---s after the beginning.
---@field time number
---Seconds since 1970.
---@field wall number
---The number of the call, from 1.
---@field call integer
---@field method string
---Without user, password and secrets.
---@field url string
---@field lane string
---The number of the attempt, from 1.
---@field attempt integer
---How many it may make.
---@field attempts integer
---@field status? integer
---@field class? lull.class
---With `net.proxy`: what the proxy said.
---@field proxy_status? integer
---What ended the body of that status before its end.
---@field body_error? lull.class
---A byte of the request may have reached the server.
---@field sent boolean
---This attempt or an earlier one may have taken effect.
---@field maybe_applied boolean
---s, until its outcome was known.
---@field took number
---@field verdict lull.verdict_name
---@field why? lull.why
---s, until the next attempt.
---@field wait? number
---@field source? lull.source
---@field hint? lull.hint_source
---What the server asked for, s.
---@field hint_seconds? number
---The key in `on` of the rule that decided.
---@field rule? string
---s, in the queue of the lane.
---@field queued? number
---What it waited for there.
---@field queued_for? lull.cause
---It was sent beside another one.
---@field hedge? boolean
---The fault was made by `--chaos`.
---@field chaos? boolean
---It went on where a cut download ended.
---@field continued? boolean
---The rule's function was asked.
---@field asked? boolean
---The retry does not count against `attempts`.
---@field free? boolean
---What the lane has learned, where that has changed.
---@field learned? lull.learned
---s that the lane lets nobody go for from now on, where that is new and more than 2,
---and by what.
---@field held? number
---@field held_by? "pause"|"pace"|"rate"|"learned"

return lull
