// The certificate and key that the listener speaks TLS with, and whom it believes.
//
// Purpose: reads and checks the files, and reads them again when they change, so that a renewed
//   certificate needs no restart. TLS 1.2 or newer, no renegotiation, HTTP/1.1 only.
// Lifetime: a connection shares the context that it began with.
#pragma once

#include <chrono>
#include <memory>

#include "core/error.hpp"
#include "http_server/server.hpp"

struct ssl_ctx_st;

namespace syncline::http_server {

using TlsContext = std::shared_ptr<ssl_ctx_st>;

// Reads the files and puts them to use.
// Errors: `http_server.certificate_invalid`, `.certificate_dates`, `.key_invalid`, `.key_mode`,
// `.key_mismatch`, `.client_ca_invalid`. [any]
Result<TlsContext> load_tls(const TlsFiles& files);

// Whether an error of load_tls() is about the file of the key, or of the clients' authorities; it
// is about the certificate's otherwise.
bool is_about_key(const Error& error);
bool is_about_client_ca(const Error& error);

// Until the server's certificate expires. [any]
std::int64_t seconds_left(const TlsContext& context);

// Follows the files. They are small and change rarely, so that io may read them. [io]
class TlsKeeper {
  public:
    static Result<std::unique_ptr<TlsKeeper>> open(TlsFiles files);

    // The context for a new connection. Looks at the files at most once per files.check_interval;
    // when they changed and can't be used, that is logged once, and the last good ones stay.
    TlsContext current();

  private:
    // What changes when a file is written or replaced.
    struct Stamp {
        std::uint64_t device = 0, inode = 0, bytes = 0;
        std::int64_t changed_ns = 0;
        bool operator==(const Stamp&) const = default;
    };
    struct Stamps {
        Stamp certificate, key, client_ca;
        bool operator==(const Stamps&) const = default;
    };

    explicit TlsKeeper(TlsFiles files) : files_(std::move(files)) {}
    static Stamp stamp_of(const std::filesystem::path& file);
    Stamps look() const {
        return {stamp_of(files_.certificate), stamp_of(files_.key), stamp_of(files_.client_ca)};
    }

    TlsFiles files_;
    TlsContext context_;
    Stamps seen_;
    std::chrono::steady_clock::time_point looked_at_;
};

}  // namespace syncline::http_server
