// What the batches of write() and fetch() have in common: items that are gone through, and of which
// each gets one result.
#ifndef SYNCLINE_BATCH_HPP
#define SYNCLINE_BATCH_HPP

#include <cstddef>
#include <vector>

#include "syncline/failure.hpp"

namespace syncline::detail {

// The base of a batch `Of`. An Item is made of the batch and an index, and has fail().
template <typename Of, typename Item>
class Items {
  public:
    Items(const Items&) = delete;
    Items& operator=(const Items&) = delete;

    std::size_t size() const { return is_settled_.size(); }
    Item operator[](std::size_t index) { return {self(), index}; }

    // The same for every item that has no result yet.
    void rest_fail(const Failure& why) {
        for (const Item& item : *this) item.fail(why);
    }

    class Iterator {
      public:
        Iterator(Of& batch, std::size_t index) : batch_(&batch), index_(index) {}
        Item operator*() const { return {*batch_, index_}; }
        Iterator& operator++() {
            ++index_;
            return *this;
        }
        bool operator==(const Iterator& other) const { return index_ == other.index_; }

      private:
        Of* batch_;
        std::size_t index_;
    };
    Iterator begin() { return {self(), 0}; }
    Iterator end() { return {self(), size()}; }

  protected:
    explicit Items(std::size_t size) : is_settled_(size) {}
    ~Items() = default;

    // True once for each item: its first result counts.
    bool settles(std::size_t index) {
        if (index >= size() || is_settled_[index]) return false;
        is_settled_[index] = true;
        return true;
    }

  private:
    Of& self() { return static_cast<Of&>(*this); }

    std::vector<bool> is_settled_;
};

}  // namespace syncline::detail

#endif
