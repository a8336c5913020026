#include "world/curlcode.h"

#include <string.h>

/* By number, since a header of 7.88 does not name the later ones. */
static const enum lull_class classes[] = {
    [0] = LULL_CURLCODE_AMBIGUOUS, /* OK: or closed within the headers */
    [1] = LULL_CURLCODE_AMBIGUOUS, /* UNSUPPORTED_PROTOCOL: URL, or HTTP/0.9 */
    [2] = LULL_LOCAL_MEMORY,       /* FAILED_INIT */
    [3] = LULL_LOCAL_URL,          /* URL_MALFORMAT */
    [4] = LULL_LOCAL_MEMORY,       /* NOT_BUILT_IN */
    [5] = LULL_NET_DNS,            /* COULDNT_RESOLVE_PROXY */
    [6] = LULL_NET_DNS,            /* COULDNT_RESOLVE_HOST */
    [7] = LULL_CURLCODE_AMBIGUOUS, /* COULDNT_CONNECT: by the system's error */
    [8] = LULL_HTTP_MALFORMED,     /* WEIRD_SERVER_REPLY */
    [16] = LULL_CURLCODE_AMBIGUOUS, /* HTTP2 */
    [18] = LULL_HTTP_TRUNCATED,     /* PARTIAL_FILE */
    [23] = LULL_HTTP_MALFORMED, /* WRITE_ERROR: not by us, so a decoder's */
    [26] = LULL_HTTP_MALFORMED, /* READ_ERROR: likewise */
    [27] = LULL_CURLCODE_AMBIGUOUS, /* OUT_OF_MEMORY: until 8.5 long lines */
    [28] = LULL_CURLCODE_AMBIGUOUS, /* OPERATION_TIMEDOUT */
    [35] = LULL_TLS_HANDSHAKE,      /* SSL_CONNECT_ERROR */
    [41] = LULL_LOCAL_MEMORY,       /* FUNCTION_NOT_FOUND */
    [42] = LULL_NET_EMPTY, /* ABORTED_BY_CALLBACK: the second sending */
    [43] = LULL_CURLCODE_AMBIGUOUS, /* BAD_FUNCTION_ARGUMENT */
    [52] = LULL_NET_EMPTY,          /* GOT_NOTHING */
    [53] = LULL_TLS_CERT,           /* SSL_ENGINE_NOTFOUND */
    [54] = LULL_TLS_CERT,           /* SSL_ENGINE_SETFAILED */
    [55] = LULL_NET_SEND,           /* SEND_ERROR */
    [56] = LULL_NET_RESET,      /* RECV_ERROR, when its words say no more */
    [58] = LULL_TLS_CERT,       /* SSL_CERTPROBLEM */
    [59] = LULL_TLS_CERT,       /* SSL_CIPHER */
    [60] = LULL_TLS_CERT,       /* PEER_FAILED_VERIFICATION */
    [61] = LULL_HTTP_MALFORMED, /* BAD_CONTENT_ENCODING */
    [63] = LULL_LIMIT_BODY,     /* FILESIZE_EXCEEDED */
    [65] = LULL_NET_EMPTY,      /* SEND_FAIL_REWIND: could not send again */
    [66] = LULL_TLS_CERT,       /* SSL_ENGINE_INITFAILED */
    [77] = LULL_TLS_CERT,       /* SSL_CACERT_BADFILE */
    [82] = LULL_TLS_CERT,       /* SSL_CRL_BADFILE */
    [83] = LULL_TLS_CERT,       /* SSL_ISSUER_ERROR */
    [90] = LULL_TLS_CERT,       /* SSL_PINNEDPUBKEYNOTMATCH */
    [91] = LULL_TLS_CERT,       /* SSL_INVALIDCERTSTATUS */
    [92] = LULL_CURLCODE_AMBIGUOUS,  /* HTTP2_STREAM */
    [95] = LULL_CURLCODE_AMBIGUOUS,  /* HTTP3 */
    [97] = LULL_NET_UNREACHABLE,     /* PROXY */
    [98] = LULL_TLS_CERT,            /* SSL_CLIENTCERT */
    [100] = LULL_CURLCODE_AMBIGUOUS, /* TOO_LARGE, since 8.6 */
    [101] = LULL_TLS_HANDSHAKE,      /* ECH_REQUIRED, since 8.8 */
};

enum lull_class lull_curlcode_class(int code)
{
  enum lull_class class = LULL_CLASS_NONE;
  if (code >= 0 && (size_t)code < sizeof classes / sizeof *classes)
    class = classes[code];
  return class ? class : LULL_NET_OTHER;
}

/* "Too large response headers: 307201 > 307200"; "Malformed encoding found in
   chunked-encoding", "chunk hex-length char not a hex digit"; OpenSSL's words
   for a connection that ends without close_notify, and for a server that would
   not have us without a certificate, which TLS 1.3 says after our request. */
enum lull_class lull_curlcode_words(const char *error, bool headers_ended)
{
  if (!headers_ended && strstr(error, "response headers"))
    return LULL_LIMIT_HEADERS;
  if (headers_ended && strstr(error, "chunk"))
    return LULL_HTTP_MALFORMED;
  if (strstr(error, "unexpected eof"))
    return LULL_HTTP_TRUNCATED;
  if (strstr(error, "alert certificate required"))
    return LULL_TLS_CERT;
  return LULL_CLASS_NONE;
}
