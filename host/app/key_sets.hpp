// Sets of public keys that issuers of tokens publish at a URL (RFC 7517).
//
// Purpose: fetched in the background, so that no request waits for an issuer: at once, then every
//   `refresh`, sooner when that fails, and when a token names a key that is not known. A set that
//   could not be fetched anew is used on for `life`: an issuer that is down must not stop its
//   senders, and a key that was withdrawn must not be good for ever.
// Concurrency: everything is [io] that does not say otherwise; sets are read on a thread of their
//   own, since large keys take long to check.
// Limits: the answer's size and count of keys are those of auth::parse_jwks().
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/metrics.hpp"
#include "http_client/client.hpp"
#include "intake/token_keys.hpp"

namespace syncline::app {

struct KeySetTimes {
    std::chrono::milliseconds refresh{15 * 60 * 1000};
    std::chrono::milliseconds retry_first{5'000};  // twice as long with each failure,
    std::chrono::milliseconds retry_max{5 * 60 * 1000};
    std::chrono::milliseconds ask_again{60 * 1000};  // the least between two, for an unknown key
    std::chrono::milliseconds life{24 * 60 * 60 * 1000};
    std::chrono::milliseconds timeout{10'000};  // of one fetch
};

// One URL's. [any]
struct KeySetMetrics {
    core::Counter fetched, failed;
    std::atomic<std::size_t> keys{0};  // of the set that was fetched last
};

class KeySets {
  public:
    // All of them outlive this.
    KeySets(boost::asio::io_context& io, http_client::Client& client, const core::Clock& clock,
            KeySetTimes times = {});
    KeySets(const KeySets&) = delete;
    KeySets& operator=(const KeySets&) = delete;
    ~KeySets();

    // The set of this URL, which is being fetched from now on; two rules share it. It is
    // fetched no more when this object goes. Nothing but the URL's host is reached. Errors:
    // http_client.url_invalid.
    Result<std::shared_ptr<intake::TokenKeys>> open(const std::string& url);

    // Fetches no more what nobody uses.
    void close_unused();

    // By URL. [any]
    std::map<std::string, std::shared_ptr<const KeySetMetrics>> metrics() const;

  private:
    class Set;

    boost::asio::io_context& io_;
    http_client::Client& client_;
    const core::Clock& clock_;
    const KeySetTimes times_;
    std::map<std::string, std::shared_ptr<Set>> sets_;
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const KeySetMetrics>> metrics_;  // under mutex_
    std::optional<boost::asio::thread_pool> reader_;                       // from the first set on
};

}  // namespace syncline::app
