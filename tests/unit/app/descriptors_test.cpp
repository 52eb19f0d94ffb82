#include "app/descriptors.hpp"

#include <sys/resource.h>

#include "support/catch.hpp"

using namespace syncline::app;

namespace {

// The process's limit while it lives; the hard one stays.
class OpenFiles {
  public:
    explicit OpenFiles(rlim_t soft) {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        set(soft);
    }
    OpenFiles(const OpenFiles&) = delete;
    OpenFiles& operator=(const OpenFiles&) = delete;
    ~OpenFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

    void set(rlim_t soft) const {
        const rlimit lowered{soft, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
    }
    static rlim_t soft() {
        rlimit now{};
        ::getrlimit(RLIMIT_NOFILE, &now);
        return now.rlim_cur;
    }
    rlim_t hard() const { return before_.rlim_max; }

  private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("descriptors: the limit is raised as far as the clients need", "[app][A9]") {
    const OpenFiles files{200};
    CHECK(make_room_for_clients(100, 2) == 100);
    CHECK(OpenFiles::soft() == 100 + descriptors_of_hub(2));
    files.set(900);
    CHECK(make_room_for_clients(100, 2) == 100);
    CHECK(OpenFiles::soft() == 900);  // enough as it is
}

TEST_CASE("descriptors: clients get what the hub leaves over", "[app][A9]") {
    const OpenFiles files{64};
    const std::size_t hard = files.hard();
    CHECK(make_room_for_clients(2 * hard, 2) == hard - descriptors_of_hub(2));
    CHECK(OpenFiles::soft() == hard);
    CHECK(descriptors_of_hub(3) - descriptors_of_hub(2) > 32);  // an account's connections
    CHECK(make_room_for_clients(2 * hard, hard) == hard / 4);   // never none
}
