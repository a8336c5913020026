#include "world/curlcode.h"

#include <string.h>

/* By number, since a header of 7.88 does not name the later ones. Those are
   OTHER that no transfer of ours gives: another protocol's, and what comes of
   options that we do not set; and what is newer than this table. */
#define OTHER LULL_NET_OTHER
#define BY_EVIDENCE LULL_CURLCODE_AMBIGUOUS

static const enum lull_class classes[] = {
    [0] = BY_EVIDENCE,           /* OK: or closed within the headers */
    [1] = BY_EVIDENCE,           /* UNSUPPORTED_PROTOCOL: URL, or HTTP/0.9 */
    [2] = LULL_LOCAL_MEMORY,     /* FAILED_INIT */
    [3] = LULL_LOCAL_URL,        /* URL_MALFORMAT */
    [4] = LULL_LOCAL_MEMORY,     /* NOT_BUILT_IN */
    [5] = LULL_NET_DNS,          /* COULDNT_RESOLVE_PROXY */
    [6] = LULL_NET_DNS,          /* COULDNT_RESOLVE_HOST */
    [7] = BY_EVIDENCE,           /* COULDNT_CONNECT: by the system's error */
    [8] = LULL_HTTP_MALFORMED,   /* WEIRD_SERVER_REPLY */
    [9] = OTHER,                 /* REMOTE_ACCESS_DENIED: FTP, NTLM */
    [10] = OTHER,                /* FTP_ACCEPT_FAILED */
    [11] = OTHER,                /* FTP_WEIRD_PASS_REPLY */
    [12] = OTHER,                /* FTP_ACCEPT_TIMEOUT */
    [13] = OTHER,                /* FTP_WEIRD_PASV_REPLY */
    [14] = OTHER,                /* FTP_WEIRD_227_FORMAT */
    [15] = OTHER,                /* FTP_CANT_GET_HOST */
    [16] = BY_EVIDENCE,          /* HTTP2 */
    [17] = OTHER,                /* FTP_COULDNT_SET_TYPE */
    [18] = LULL_HTTP_TRUNCATED,  /* PARTIAL_FILE */
    [19] = OTHER,                /* FTP_COULDNT_RETR_FILE */
    [20] = OTHER,                /* unused */
    [21] = OTHER,                /* QUOTE_ERROR: FTP */
    [22] = OTHER,                /* HTTP_RETURNED_ERROR: FAILONERROR */
    [23] = LULL_HTTP_MALFORMED,  /* WRITE_ERROR: not by us, so a decoder's */
    [24] = OTHER,                /* unused */
    [25] = OTHER,                /* UPLOAD_FAILED: FTP, no length */
    [26] = LULL_HTTP_MALFORMED,  /* READ_ERROR: likewise */
    [27] = BY_EVIDENCE,          /* OUT_OF_MEMORY: until 8.5 long lines */
    [28] = BY_EVIDENCE,          /* OPERATION_TIMEDOUT */
    [29] = OTHER,                /* unused */
    [30] = OTHER,                /* FTP_PORT_FAILED */
    [31] = OTHER,                /* FTP_COULDNT_USE_REST */
    [32] = OTHER,                /* unused */
    [33] = OTHER,                /* RANGE_ERROR: RESUME_FROM */
    [34] = OTHER,                /* HTTP_POST_ERROR: HTTPPOST */
    [35] = LULL_TLS_HANDSHAKE,   /* SSL_CONNECT_ERROR */
    [36] = OTHER,                /* BAD_DOWNLOAD_RESUME: FTP */
    [37] = OTHER,                /* FILE_COULDNT_READ_FILE */
    [38] = OTHER,                /* LDAP_CANNOT_BIND */
    [39] = OTHER,                /* LDAP_SEARCH_FAILED */
    [40] = OTHER,                /* unused */
    [41] = LULL_LOCAL_MEMORY,    /* FUNCTION_NOT_FOUND */
    [42] = LULL_NET_EMPTY,       /* ABORTED_BY_CALLBACK: the second sending */
    [43] = BY_EVIDENCE,          /* BAD_FUNCTION_ARGUMENT */
    [44] = OTHER,                /* unused */
    [45] = OTHER,                /* INTERFACE_FAILED: INTERFACE */
    [46] = OTHER,                /* unused */
    [47] = OTHER,                /* TOO_MANY_REDIRECTS: FOLLOWLOCATION */
    [48] = OTHER,                /* UNKNOWN_OPTION: setopt alone */
    [49] = OTHER,                /* SETOPT_OPTION_SYNTAX: setopt alone */
    [50] = OTHER,                /* unused */
    [51] = OTHER,                /* unused */
    [52] = LULL_NET_EMPTY,       /* GOT_NOTHING */
    [53] = LULL_TLS_CERT,        /* SSL_ENGINE_NOTFOUND */
    [54] = LULL_TLS_CERT,        /* SSL_ENGINE_SETFAILED */
    [55] = LULL_NET_SEND,        /* SEND_ERROR */
    [56] = LULL_NET_RESET,       /* RECV_ERROR, when its words say no more */
    [57] = OTHER,                /* unused */
    [58] = LULL_TLS_CERT,        /* SSL_CERTPROBLEM */
    [59] = LULL_TLS_CERT,        /* SSL_CIPHER */
    [60] = LULL_TLS_CERT,        /* PEER_FAILED_VERIFICATION */
    [61] = LULL_HTTP_MALFORMED,  /* BAD_CONTENT_ENCODING */
    [62] = OTHER,                /* unused */
    [63] = LULL_LIMIT_BODY,      /* FILESIZE_EXCEEDED */
    [64] = OTHER,                /* USE_SSL_FAILED: FTP */
    [65] = LULL_NET_EMPTY,       /* SEND_FAIL_REWIND: could not send again */
    [66] = LULL_TLS_CERT,        /* SSL_ENGINE_INITFAILED */
    [67] = OTHER,                /* LOGIN_DENIED: FTP, Negotiate */
    [68] = OTHER,                /* TFTP_NOTFOUND */
    [69] = OTHER,                /* TFTP_PERM */
    [70] = OTHER,                /* REMOTE_DISK_FULL: FTP */
    [71] = OTHER,                /* TFTP_ILLEGAL */
    [72] = OTHER,                /* TFTP_UNKNOWNID */
    [73] = OTHER,                /* REMOTE_FILE_EXISTS: TFTP */
    [74] = OTHER,                /* TFTP_NOSUCHUSER */
    [75] = OTHER,                /* CONV_FAILED: unused */
    [76] = OTHER,                /* CONV_REQD: unused */
    [77] = LULL_TLS_CERT,        /* SSL_CACERT_BADFILE */
    [78] = OTHER,                /* REMOTE_FILE_NOT_FOUND */
    [79] = OTHER,                /* SSH */
    [80] = OTHER,                /* SSL_SHUTDOWN_FAILED: FTP */
    [81] = OTHER,                /* AGAIN: within libcurl */
    [82] = LULL_TLS_CERT,        /* SSL_CRL_BADFILE */
    [83] = LULL_TLS_CERT,        /* SSL_ISSUER_ERROR */
    [84] = OTHER,                /* FTP_PRET_FAILED */
    [85] = OTHER,                /* RTSP_CSEQ_ERROR */
    [86] = OTHER,                /* RTSP_SESSION_ERROR */
    [87] = OTHER,                /* FTP_BAD_FILE_LIST */
    [88] = OTHER,                /* CHUNK_FAILED: FTP */
    [89] = OTHER,                /* NO_CONNECTION_AVAILABLE: within libcurl */
    [90] = LULL_TLS_CERT,        /* SSL_PINNEDPUBKEYNOTMATCH */
    [91] = LULL_TLS_CERT,        /* SSL_INVALIDCERTSTATUS */
    [92] = BY_EVIDENCE,          /* HTTP2_STREAM */
    [93] = OTHER,                /* RECURSIVE_API_CALL */
    [94] = OTHER,                /* AUTH_ERROR: Digest, Negotiate */
    [95] = BY_EVIDENCE,          /* HTTP3 */
    [96] = OTHER,                /* QUIC_CONNECT_ERROR: HTTP/3 */
    [97] = LULL_NET_UNREACHABLE, /* PROXY */
    [98] = LULL_TLS_CERT,        /* SSL_CLIENTCERT */
    [99] = OTHER,                /* UNRECOVERABLE_POLL: easy_perform */
    [100] = BY_EVIDENCE,         /* TOO_LARGE, since 8.6 */
    [101] = LULL_TLS_HANDSHAKE,  /* ECH_REQUIRED, since 8.8 */
};

enum lull_class lull_curlcode_class(int code)
{
  return code >= 0 && (size_t)code < sizeof classes / sizeof *classes
             ? classes[code]
             : OTHER;
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
