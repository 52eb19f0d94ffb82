// "syncline.secret/1": secrets that a connector has to have itself, such as a key that signs what
// it makes. The host implements it. (Credentials of requests need none of this: the host adds
// them.)
//
// The manifest declares each, "secrets": [{"name": "signing_key", "reason": "signs ..."}]; the
// operator reads the reason and gives the secret to the account by that name, or the account does
// not start.
#ifndef SYNCLINE_SECRET_H
#define SYNCLINE_SECRET_H

#include "syncline/expr.h"
#include "syncline/types.h"

#define SYNCLINE_SECRET_ID "syncline.secret/1"

SYNCLINE_BEGIN_C

typedef struct syncline_host_secret {
    uint32_t struct_size;
    uint32_t reserved;  // 0

    // Finds a secret by its name in the manifest. syncline_host_hmac.hmac() uses it without showing
    // it, show() shows it. SYNCLINE_E_PLUGIN_BUG: the manifest declares no such secret.
    // SYNCLINE_E_CONFIG: the operator has not given it.
    // Lifetime: arguments are borrowed until return; *secret is valid until destroy() returns.
    // Thread: [instance]. Since: 1.1
    syncline_status(SYNCLINE_CALL* find)(syncline_host_handle host, syncline_str name,
                                         syncline_secret_handle* secret, syncline_error* error);

    // Shows a secret that find() gave: sink->text is called once, before this returns. A copy is
    // the connector's to overwrite; the better way is to make none. SYNCLINE_E_STALE: there is no
    // such secret. SYNCLINE_E_UNSUPPORTED: it is one of verify(), to be used and not to be seen.
    // Lifetime: arguments are borrowed until return; the text until sink->text returns, after which
    // its memory is overwritten.
    // Thread: [instance]. Since: 1.1
    syncline_status(SYNCLINE_CALL* show)(syncline_host_handle host, syncline_secret_handle secret,
                                         const syncline_text_sink* sink, syncline_error* error);
} syncline_host_secret;
SYNCLINE_ASSERT_SIZE(syncline_host_secret, 24);
#define SYNCLINE_HOST_SECRET_SIZE_1_1 24

SYNCLINE_END_C

#endif
