#include "app/key_sets.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "app/errc.hpp"
#include "auth/jwk.hpp"
#include "core/log.hpp"

namespace syncline::app {

using std::chrono::milliseconds;

class KeySets::Set final : public intake::TokenKeys, public std::enable_shared_from_this<Set> {
  public:
    Set(KeySets& all, std::string url, http_client::PoolId pool)
        : io_(all.io_),
          client_(all.client_),
          clock_(all.clock_),
          times_(all.times_),
          reader_(*all.reader_),
          url_(std::move(url)),
          pool_(pool),
          timer_(io_) {}

    std::shared_ptr<const intake::TokenKeys::Set> current() const override {
        return keys_ && clock_.monotonic() < good_until_ ? keys_ : nullptr;
    }

    bool ask_again() override {
        if (is_closed_) return false;
        if (is_fetching_) return true;
        if (clock_.monotonic() - asked_at_ < times_.ask_again) return false;
        fetch();
        return true;
    }

    void fetch() {
        is_fetching_ = true;
        asked_at_ = clock_.monotonic();
        timer_.cancel();
        http_client::Request request;
        request.url = url_;
        request.headers.emplace_back("Accept", "application/json");
        request.timeout = times_.timeout;
        request.response_bytes_max = auth::kJwksBytesMax;
        client_.send(pool_, std::move(request), [weak = weak_from_this()](auto result) {
            if (const auto self = weak.lock()) self->on_answer(std::move(result));
        });
    }

    std::shared_ptr<const KeySetMetrics> metrics() const { return metrics_; }

    // Whoever still holds it keeps the keys; nothing else of the owner is touched any more.
    void close() {
        is_closed_ = true;
        timer_.cancel();
        client_.close_pool(pool_);
    }

  private:
    using Keys = std::vector<auth::JwsKey>;

    void on_answer(http_client::Result result) {
        if (is_closed_) return;
        if (!result.response) return finish(result.failure->error);
        const int status = result.response->status;
        if (status != 200)
            return finish(Error{kKeySetInvalid, "the answer has status " + std::to_string(status)});
        boost::asio::post(
            reader_, [weak = weak_from_this(), &io = io_, text = std::move(result.response->body)] {
                boost::asio::post(io, [weak, keys = auth::parse_jwks(text)]() mutable {
                    if (const auto self = weak.lock()) self->finish(std::move(keys));
                });
            });
    }

    void finish(Result<Keys> keys) {
        if (is_closed_) return;
        is_fetching_ = false;
        if (keys.has_value()) {
            metrics_->fetched.add();
            metrics_->keys = keys->size();
            if (!current() || failures_ > 0)
                core::log_info("app", "the keys of an issuer were fetched",
                               {{"url", url_}, {"keys", std::to_string(keys->size())}});
            keys_ = std::make_shared<const Keys>(std::move(*keys));
            good_until_ = clock_.monotonic() + times_.life;
            failures_ = 0;
            return fetch_after(times_.refresh);
        }
        metrics_->failed.add();
        core::log_warning(
            "app",
            current() ? "the keys of an issuer can't be fetched; the last ones stay"
                      : "the keys of an issuer can't be fetched",
            {{"url", url_}, {"code", keys.error().code()}, {"error", keys.error().what()}});
        constexpr int kDoublingsMax = 16;
        const int doublings = std::min(failures_++, kDoublingsMax);
        fetch_after(std::min(times_.retry_first * (1 << doublings), times_.retry_max));
    }

    void fetch_after(milliseconds wait) {
        timer_.expires_after(wait);
        timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
            const auto self = weak.lock();
            if (!error && self && !self->is_closed_ && !self->is_fetching_) self->fetch();
        });
    }

    boost::asio::io_context& io_;
    http_client::Client& client_;
    const core::Clock& clock_;
    const KeySetTimes times_;
    boost::asio::thread_pool& reader_;
    const std::shared_ptr<KeySetMetrics> metrics_ = std::make_shared<KeySetMetrics>();
    const std::string url_;
    const http_client::PoolId pool_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<const Keys> keys_;
    core::nanoseconds good_until_{0}, asked_at_{0};
    int failures_ = 0;  // since the last success
    bool is_fetching_ = false;
    bool is_closed_ = false;
};

KeySets::KeySets(boost::asio::io_context& io, http_client::Client& client, const core::Clock& clock,
                 KeySetTimes times)
    : io_(io), client_(client), clock_(clock), times_(times) {}

KeySets::~KeySets() {
    for (const auto& [url, set] : sets_) set->close();
    if (reader_) reader_->join();
}

Result<std::shared_ptr<intake::TokenKeys>> KeySets::open(const std::string& url) {
    http_client::EgressPolicy policy;
    SYNCLINE_CHECK(http_client::grant(policy, url));
    if (!reader_) reader_.emplace(1);
    std::shared_ptr<Set>& set = sets_[url];
    if (!set) {
        set = std::make_shared<Set>(
            *this, url,
            client_.open_pool(
                std::make_shared<const http_client::EgressPolicy>(std::move(policy))));
        set->fetch();
        const std::lock_guard lock{mutex_};
        metrics_[url] = set->metrics();
    }
    return std::shared_ptr<intake::TokenKeys>{set};
}

void KeySets::close_unused() {
    std::erase_if(sets_, [&](const auto& entry) {
        const auto& [url, set] = entry;
        if (set.use_count() > 1) return false;
        set->close();
        const std::lock_guard lock{mutex_};
        metrics_.erase(url);
        return true;
    });
}

std::map<std::string, std::shared_ptr<const KeySetMetrics>> KeySets::metrics() const {
    const std::lock_guard lock{mutex_};
    return metrics_;
}

}  // namespace syncline::app
