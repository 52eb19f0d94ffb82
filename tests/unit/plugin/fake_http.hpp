// A platform at the other end of a connector's requests.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "plugin/services.hpp"

namespace syncline::plugin::test {

inline HttpReply response(int status, std::string body) {
    HttpReply reply;
    reply.has_response = true;
    reply.status = status;
    reply.headers = {{"content-type", "text/plain"}};
    reply.body = std::move(body);
    reply.may_have_been_processed = true;
    return reply;
}

inline HttpReply cancelled() {
    HttpReply reply;
    reply.failure = {FailureClass::kCancelled, "cancelled", "", -1};
    reply.may_have_been_processed = true;
    return reply;
}

// A platform that answers when the test says so; cancelled exchanges complete at once.
class FakeHttp final : public HttpTransport {
  public:
    std::uint64_t send(HttpRequest request, std::function<void(HttpReply)> done) override {
        const std::lock_guard lock{mutex_};
        open_.emplace(++last_, std::move(done));
        requests.push_back(std::move(request));
        changed_.notify_all();
        return last_;
    }
    void cancel(std::uint64_t id) override { answer(id, when_cancelled); }

    void answer(std::uint64_t id, const HttpReply& reply) {
        std::function<void(HttpReply)> done;
        {
            const std::lock_guard lock{mutex_};
            const auto found = open_.find(id);
            if (found == open_.end()) return;
            done = std::move(found->second);
            open_.erase(found);
        }
        done(reply);
    }
    // Until so many exchanges are open.
    void wait_for(std::size_t count) {
        std::unique_lock lock{mutex_};
        if (!changed_.wait_for(lock, std::chrono::seconds{60},
                               [&] { return open_.size() >= count; })) {
            throw std::runtime_error("too few requests came");
        }
    }
    // The id of the first open exchange, as soon as there is one.
    std::uint64_t wait() {
        std::unique_lock lock{mutex_};
        if (!changed_.wait_for(lock, std::chrono::seconds{60}, [&] { return !open_.empty(); })) {
            throw std::runtime_error("no request came");
        }
        return open_.begin()->first;
    }
    std::size_t open_count() {
        const std::lock_guard lock{mutex_};
        return open_.size();
    }

    std::vector<HttpRequest> requests;
    HttpReply when_cancelled = cancelled();  // or what was faster

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::uint64_t, std::function<void(HttpReply)>> open_;
    std::uint64_t last_ = 0;
};

}  // namespace syncline::plugin::test
