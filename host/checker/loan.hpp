// Memory that a connector borrows. What it does with it beyond its right is made to show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "syncline/types.h"

namespace syncline::checker {

enum class Lending {
    kKept,     // stays readable for ever: a connector that keeps a pointer gets away with it
    kRevoked,  // unreadable from the moment when the borrowing ends
    kTight,    // kept, and nothing follows a text: reading beyond its end is a fault
};

// What is lent for one call or one operation. Nothing is ever used a second time: the memory lives
// to the end of the process, which is short. Concurrency: one thread.
class Loan {
  public:
    explicit Loan(Lending lending) : lending_(lending) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { end(); }

    syncline_str text(std::string_view text);
    template <class Type>
    Type* array(std::size_t count) {
        static_assert(std::is_trivially_copyable_v<Type>);
        return static_cast<Type*>(zeroed(sizeof(Type) * (count == 0 ? 1 : count)));
    }
    // The borrowing is over.
    void end();

  private:
    struct Pages {
        void* begin;
        std::size_t bytes;
    };
    void* zeroed(std::size_t bytes);
    Pages map(std::size_t bytes);

    const Lending lending_;
    std::vector<Pages> pages_;
};

}  // namespace syncline::checker
