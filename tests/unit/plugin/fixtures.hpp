// Places and helpers that the tests of the plugin module share.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "core/clock.hpp"
#include "plugin/catalog.hpp"
#include "support/temp_dir.hpp"

namespace syncline::plugin::test {

// SYNCLINE_FIXTURES_FIRST names a folder of connectors that stand in for those of the same name.
inline std::optional<std::filesystem::path> stand_in(const std::string& name) {
    const char* folder = std::getenv("SYNCLINE_FIXTURES_FIRST");
    if (folder == nullptr) return std::nullopt;
    const auto other = std::filesystem::path{folder} / (name + ".so");
    return std::filesystem::exists(other) ? std::optional{other} : std::nullopt;
}

inline std::filesystem::path fixture(const std::string& name) {
    return stand_in(name).value_or(std::filesystem::path{SYNCLINE_TEST_FIXTURES} / (name + ".so"));
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
    ::chmod(path.c_str(), 0644);
}

// A connectors directory and a stage of their own, with the limits short enough for a test.
struct Site {
    syncline::test::TempDir root;

    Site() { std::filesystem::create_directory(drop()); }
    std::filesystem::path drop() const { return root.path() / "connectors"; }
    std::filesystem::path file(const std::string& name) const { return drop() / (name + ".so"); }
    void install(const std::string& name, const std::string& as = "") const {
        write_file(file(as.empty() ? name : as), read_file(fixture(name)));
    }
    Catalog::Options options() const {
        Catalog::Options options;
        options.connectors_dir = drop();
        options.stage_dir = root.path() / "stage";
        options.clock = &core::system_clock();
        options.cancel_grace = std::chrono::milliseconds{50};
        return options;
    }
    std::unique_ptr<Catalog> open() const { return Catalog::open(options()).value(); }
};

// Waits for the one value that a callback gives.
template <class T>
class Waiter {
  public:
    std::function<void(T)> callback() {
        return [promise = promise_](T value) { promise->set_value(std::move(value)); };
    }
    T get() {
        if (future_.wait_for(std::chrono::seconds{60}) != std::future_status::ready) {
            throw std::runtime_error("no completion came");
        }
        return future_.get();
    }
    bool is_ready() const {
        return future_.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
    }

  private:
    std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
    std::future<T> future_ = promise_->get_future();
};

}  // namespace syncline::plugin::test
