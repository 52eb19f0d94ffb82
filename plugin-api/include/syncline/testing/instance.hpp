// The instance that a fake host drives, and what its parts share.
#ifndef SYNCLINE_TESTING_INSTANCE_HPP
#define SYNCLINE_TESTING_INSTANCE_HPP

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "syncline/failure.hpp"
#include "syncline/syncline.h"

namespace syncline::testing::fake {

// In one process a handle may simply be an address.
inline std::uint64_t to_handle(void* object) {
    return reinterpret_cast<std::uintptr_t>(object);
}
template <typename Type>
Type& from_handle(std::uint64_t handle) {
    return *reinterpret_cast<Type*>(static_cast<std::uintptr_t>(handle));
}

inline syncline_status refuse(const Failure& failure, syncline_error* error) {
    *error = detail::to_c(failure);
    return error->failure_class;
}

// Counts for handles of all kinds, so that one is never taken for another.
class Handles {
  public:
    std::uint64_t next() { return ++last_; }

  private:
    std::uint64_t last_ = 0;
};

struct Instance {
    template <typename Table>
    const Table& table(std::string_view id) const {
        const void* found = plugin.get_table(borrow(id));
        if (found == nullptr)
            throw std::runtime_error("the connector has no table " + std::string{id});
        return *static_cast<const Table*>(found);
    }

    const syncline_plugin& plugin;
    syncline_instance* self = nullptr;
};

}  // namespace syncline::testing::fake

#endif
