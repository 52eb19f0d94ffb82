// A file descriptor with an owner. Concurrency: one owner.
#pragma once

#include <unistd.h>

namespace syncline::secret {

class Descriptor {
  public:
    explicit Descriptor(int value) : value_(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    int get() const { return value_; }

  private:
    int value_;
};

}  // namespace syncline::secret
