// What became of the records of one key, or of one event: the past from the journal's history, the
// present from the state.
//
// Concurrency: questions are asked on [io] and answered on a thread of their own, [explain], which
// reads files and waits for the state; one question at a time, others are refused.
// Limits: kDeadline, then the answer is what was found until then; kEntriesMax facts, the newest.
// The answers' field names are public contract.
#pragma once

#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "core/error.hpp"
#include "store/store.hpp"

namespace syncline::admin {

class Explainer {
  public:
    static constexpr std::chrono::seconds kDeadline{20};
    static constexpr std::size_t kEntriesMax = 1000;

    // Errors: admin.not_found, admin.busy, admin.stopping. [explain], or at once on the caller's.
    using Done = std::function<void(Result<boost::json::value>)>;

    explicit Explainer(store::Store& store) : store_(store) {}
    ~Explainer();  // ends what is under way

    void explain_key(std::string connection, std::string key, Done done);
    void explain_event(store::Position event, Done done);

  private:
    using Answer = std::function<Result<boost::json::value>()>;
    void begin(Answer answer, Done done);
    bool may_go_on() const;
    Result<boost::json::value> about_key(const std::string& connection, const std::string& key);
    Result<boost::json::value> about_event(store::Position event);
    template <class T>
    Result<T> ask(std::function<Result<T>(store::State&)> question);
    Result<boost::json::array> letters(std::function<bool(const store::LetterRow&)> is_wanted);

    store::Store& store_;
    std::atomic<bool> is_busy_{false};
    std::atomic<bool> is_ending_{false};
    std::chrono::steady_clock::time_point give_up_;  // [explain]
    std::thread thread_;
};

}  // namespace syncline::admin
