#include "world/trust.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <unistd.h>

static const char *const known[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Gentoo */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* and older ones */
    "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
    "/etc/ssl/cert.pem",                                 /* Alpine */
    "/etc/ssl/certs/ca-bundle.crt",                      /* NixOS */
    NULL,
};

const char *lull_trust_first(const char *usual, const char *const *places)
{
  if (access(usual, R_OK) == 0)
    return NULL;
  while (*places && access(*places, R_OK) != 0)
    places++;
  return *places;
}

/* Without a file of its own it has the system's store, or a folder. */
static const char *usual_file(void)
{
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  return info->age >= CURLVERSION_SEVENTH ? info->cainfo : NULL;
}

const char *lull_trust_elsewhere(void)
{
  static const char *_Atomic found;
  static _Atomic bool looked;
  const char *usual = NULL;
  if (!looked && (usual = usual_file()) != NULL)
    found = lull_trust_first(usual, known);
  looked = true;
  return found;
}

const char *lull_trust_file(void)
{
  const char *elsewhere = lull_trust_elsewhere();
  return elsewhere ? elsewhere : usual_file();
}
