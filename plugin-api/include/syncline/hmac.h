// "syncline.hmac/1": keyed digests with a secret that the connector uses and never sees: that of
// verify(), or one that it found (secret.h). The host implements it.
#ifndef SYNCLINE_HMAC_H
#define SYNCLINE_HMAC_H

#include "syncline/types.h"

#define SYNCLINE_HMAC_ID "syncline.hmac/1"

SYNCLINE_BEGIN_C

typedef int32_t syncline_digest;
#define SYNCLINE_SHA1 1
#define SYNCLINE_SHA256 2
#define SYNCLINE_SHA512 3

typedef struct syncline_host_hmac {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Writes the HMAC (RFC 2104) of the bytes to `digest`, raw: 20, 32 or 64 bytes, for which there
    // has to be room. SYNCLINE_E_STALE: the secret is not valid now. SYNCLINE_E_UNSUPPORTED: an
    // unknown algorithm.
    // Lifetime: every argument is borrowed until return.
    // Thread: [instance]. Since: 1.0
    syncline_status(SYNCLINE_CALL* hmac)(syncline_host_handle host, syncline_secret_handle secret,
                                         syncline_digest algorithm, syncline_str bytes,
                                         uint8_t* digest);
} syncline_host_hmac;
SYNCLINE_ASSERT_SIZE(syncline_host_hmac, 16);
#define SYNCLINE_HOST_HMAC_SIZE_1_0 16

SYNCLINE_END_C

#endif
