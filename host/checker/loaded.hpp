// A connector's library in this process: loaded as the hub does it, unloaded at the end.
#pragma once

#include <filesystem>
#include <string_view>

#include "checker/subject.hpp"
#include "core/error.hpp"
#include "syncline/plugin.h"

namespace syncline::checker {

// Concurrency: one thread at a time.
class Loaded {
  public:
    // Errors: `checker.not_applicable` for a file that another test refuses without loading it;
    // `checker.not_loaded`, with the loader's words or what its descriptor lacks.
    static Result<Loaded> open(const Subject& subject);
    Loaded(Loaded&& other) noexcept;
    Loaded& operator=(Loaded&&) = delete;
    ~Loaded();

    const syncline_plugin& plugin() const { return *plugin_; }
    // As the connector answers; null when it has none.
    const void* find(std::string_view id) const;
    template <class Table>
    const Table* table(std::string_view id) const {
        return static_cast<const Table*>(find(id));
    }

  private:
    Loaded(void* handle, const syncline_plugin* plugin) : handle_(handle), plugin_(plugin) {}

    void* handle_;
    const syncline_plugin* plugin_;
};

// Whether the loader knows the library still.
bool is_mapped(const std::filesystem::path& library);

}  // namespace syncline::checker
