// The body of a dead letter's record, which an operator may correct.
// Concurrency: asked on [io]. A large body is a file, so bodies are read, checked and written on a
// thread of their own, [edit]: one at a time, others are refused.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "core/error.hpp"
#include "store/store.hpp"

namespace syncline::admin {

// The text as a record's body, without white space: one JSON object within the limit of records.
// Error: admin.body_invalid. [any]
Result<std::string> check_letter_body(std::string_view text);

class LetterBodies {
  public:
    explicit LetterBodies(store::Store& store) : store_(store) {}
    ~LetterBodies();  // waits for what is under way

    // The body that the next replay sends. Errors: store.no_such_letter, store.letter_not_editable,
    // store.body_missing, admin.busy, admin.stopping. `done` on [edit] or [state], or at once.
    void read(std::uint64_t letter, std::function<void(Result<std::string>)> done);

    // Checks a new body of the letter and makes it durable when it is large. Errors: as read(),
    // admin.body_invalid, those of Store::check_room(), store.io_failed. `done` as there.
    void keep(std::uint64_t letter, std::string text,
              std::function<void(Result<store::Body>)> done);

  private:
    template <class T>
    using Work = std::function<Result<T>(const store::Body& present)>;
    template <class T>
    void begin(std::uint64_t letter, Work<T> work, std::function<void(Result<T>)> done);

    store::Store& store_;
    std::atomic<bool> is_busy_{false};
    std::thread thread_;  // of whoever is busy
};

}  // namespace syncline::admin
