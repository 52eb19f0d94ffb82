#include "record/locked_object.hpp"

#include <boost/json/memory_resource.hpp>

#include "core/secret.hpp"

namespace syncline::record {
namespace {

class LockedMemory final : public boost::json::memory_resource {
  private:
    void* do_allocate(std::size_t size, std::size_t) override {
        return core::allocate_secret(size);
    }
    void do_deallocate(void* memory, std::size_t size, std::size_t) override {
        core::free_secret(memory, size);
    }
    bool do_is_equal(const boost::json::memory_resource& other) const noexcept override {
        return this == &other;
    }
};

}  // namespace

boost::json::storage_ptr locked_storage() {
    static auto* memory = new LockedMemory;
    return boost::json::storage_ptr{memory};
}

}  // namespace syncline::record
