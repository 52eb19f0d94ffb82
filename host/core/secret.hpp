// A value that must not be seen: can't be printed, formatted or compared in variable time, and is
// cleansed when it dies.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "core/redact.hpp"

namespace syncline::core {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string_view value);
    explicit Secret(const char* value) : Secret(std::string_view{value}) {}
    // Takes the text's value; what was there is cleansed.
    explicit Secret(std::string&& text);
    Secret(const Secret& other);
    Secret(Secret&& other) noexcept;
    Secret& operator=(const Secret& other);
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    static Secret take(std::string& text) { return Secret{std::move(text)}; }

    // One after the other, without a copy elsewhere.
    static Secret join(std::initializer_list<std::string_view> parts);

    bool empty() const { return size_ == 0; }

    // The value, for the one place that uses it. Valid while this object lives.
    std::string_view reveal() const { return {bytes_, size_}; }

    // From now on the value is kept out of what the process says (see redact.hpp), as long as this
    // or a copy of it lives.
    void watch() { watch_ = Watch{reveal()}; }

    // Takes the same time wherever the two differ; a different length is told at once.
    bool equals(std::string_view other) const;

  private:
    char* bytes_ = nullptr;
    std::size_t size_ = 0;
    Watch watch_;
};

// Overwrites the text, which is empty then. [any]
void cleanse(std::string& text);

// The same for two plain byte strings, such as two message authentication codes. [any]
bool equal_constant_time(std::string_view a, std::string_view b);

// Memory for secrets: what protect_memory() has set aside, or ordinary memory when that is full.
// Throws std::bad_alloc. The size given back is the size asked for; what was there is cleansed.
// [any]
void* allocate_secret(std::size_t size);
void free_secret(void* memory, std::size_t size);

// From now on no core file is written, no other user's process can look into this one, and secrets
// have memory that is not swapped, with a page before and behind it that nobody may touch: some
// thousands of them. What is beyond that, and where the system gives less (RLIMIT_MEMLOCK), is in
// ordinary memory. Once, before the first secret.
void protect_memory();

}  // namespace syncline::core
