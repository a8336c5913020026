-- certificate: a key and a certificate of its own for 127.0.0.1 and localhost,
-- for the servers of the specs.

local altname = require "openssl.x509.altname"
local name = require "openssl.x509.name"
local pkey = require "openssl.pkey"
local x509 = require "openssl.x509"

local function make(key, address_only)
  local subject, names, cert = name.new(), altname.new(), x509.new()
  subject:add("CN", "tests")
  names:add("IP", "127.0.0.1")
  if not address_only then names:add("DNS", "localhost") end
  cert:setVersion(3)
  cert:setSerial(1)
  cert:setSubject(subject)
  cert:setIssuer(subject)
  cert:setSubjectAlt(names)
  cert:setLifetime(os.time() - 3600, os.time() + 86400)
  cert:setBasicConstraints { CA = true }
  cert:setPublicKey(key)
  cert:sign(key)
  return cert
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

---Writes DIRECTORY/ca.pem and DIRECTORY/key.pem.
---@param address_only boolean? it is none of localhost
---@return string path of the key
---@return table certificate
---@return table key
return function(directory, address_only)
  local key = pkey.new { type = "EC", curve = "prime256v1" }
  local cert = make(key, address_only)
  write(directory .. "/ca.pem", cert:toPEM())
  return write(directory .. "/key.pem", key:toPEM "private"), cert, key
end
