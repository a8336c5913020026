#include "policy/reason.h"

#include <string.h>

static const struct class_info {
  const char *name;
  const char *text;
  bool permanent;
} classes[LULL_CLASSES] = {
    [LULL_CLASS_NONE] = {"", "", false},
    [LULL_NET_DNS] = {"net.dns", "the host name has no address", false},
    [LULL_NET_REFUSED] = {"net.refused", "the connection was refused", false},
    [LULL_NET_UNREACHABLE] = {"net.unreachable", "the host cannot be reached",
                              false},
    [LULL_NET_PROXY] = {"net.proxy", "the proxy refused the tunnel", false},
    [LULL_NET_TIMEOUT_CONNECT] = {"net.timeout.connect",
                                  "no connection in time", false},
    [LULL_NET_TIMEOUT_READ] = {"net.timeout.read", "no answer in time", false},
    [LULL_NET_RESET] = {"net.reset", "the connection was reset", false},
    [LULL_NET_EMPTY] = {"net.empty", "the connection closed without an answer",
                        false},
    [LULL_NET_SEND] = {"net.send", "the request could not be sent whole",
                       false},
    [LULL_NET_OTHER] = {"net.other", "the transport failed", false},
    [LULL_TLS_HANDSHAKE] = {"tls.handshake", "the TLS handshake failed",
                            false},
    [LULL_TLS_CERT] = {"tls.cert", "the certificate is not trusted", true},
    [LULL_HTTP_TRUNCATED] = {"http.truncated", "the answer was cut short",
                             false},
    [LULL_HTTP_MALFORMED] = {"http.malformed", "the answer is not HTTP",
                             false},
    [LULL_HTTP_CHECKSUM] = {"http.checksum",
                            "the body is not what its checksum says", true},
    [LULL_HTTP_REDIRECTS] = {"http.redirects",
                             "too many redirects, or one that is not allowed",
                             true},
    [LULL_H2_REFUSED] = {"h2.refused", "the server refused the stream", false},
    [LULL_LIMIT_BODY] = {"limit.body", "the body is larger than max_body",
                         true},
    [LULL_LIMIT_HEADERS] = {"limit.headers",
                            "the headers are larger than max_headers", true},
    [LULL_LOCAL_URL] = {"local.url", "the URL cannot be used", true},
    [LULL_LOCAL_FILE] = {"local.file", "a file cannot be read or written",
                         true},
    [LULL_LOCAL_MEMORY] = {"local.memory", "out of memory", true},
};

const char *lull_class_name(enum lull_class class)
{
  return classes[class].name;
}

const char *lull_class_text(enum lull_class class)
{
  return classes[class].text;
}

bool lull_class_permanent(enum lull_class class)
{
  return classes[class].permanent;
}

enum lull_class lull_class_find(const char *name)
{
  int i;
  for (i = 1; i < LULL_CLASSES; i++)
    if (strcmp(classes[i].name, name) == 0)
      return (enum lull_class)i;
  return LULL_CLASSES;
}

const char *lull_action_name(enum lull_action action)
{
  static const char *const names[LULL_ACTIONS] = {
      [LULL_DEFAULT] = "default", [LULL_ACCEPT] = "accept",
      [LULL_RETRY] = "retry",     [LULL_STOP] = "stop",
      [LULL_FOLLOW] = "follow",
  };
  return names[action];
}

static const char *const why_names[LULL_WHYS][2] = {
    [LULL_WHY_NONE] = {"", ""},
    [LULL_WHY_RULE] = {"rule", "not to be retried"},
    [LULL_WHY_ATTEMPTS] = {"attempts", "attempts used up"},
    [LULL_WHY_DEADLINE] = {"deadline", "the deadline leaves no time"},
    [LULL_WHY_HINT] = {"hint",
                       "the server asks for a longer wait than allowed"},
    [LULL_WHY_BUDGET] = {"budget", "lull's own retry budget is empty"},
    [LULL_WHY_BREAKER] = {"breaker", "lull's own circuit breaker is open"},
    [LULL_WHY_UNSAFE] = {"unsafe", "sending it again might do it twice"},
    [LULL_WHY_CANCELLED] = {"cancelled", "cancelled"},
};

const char *lull_why_name(enum lull_why why)
{
  return why_names[why][0];
}

const char *lull_why_text(enum lull_why why)
{
  return why_names[why][1];
}

const char *lull_source_name(enum lull_source source)
{
  static const char *const names[LULL_SOURCES] = {
      [LULL_SOURCE_NONE] = "",
      [LULL_SOURCE_BACKOFF] = "backoff",
      [LULL_SOURCE_RULE] = "rule",
      [LULL_SOURCE_HINT] = "hint",
  };
  return names[source];
}

enum lull_class lull_class_of(enum lull_err err)
{
  if (err == LULL_EIO || err == LULL_ECHANGED || err == LULL_EFILES)
    return LULL_LOCAL_FILE;
  return err == LULL_EINVAL ? LULL_LOCAL_URL : LULL_LOCAL_MEMORY;
}
