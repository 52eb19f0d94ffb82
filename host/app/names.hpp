// Stable numbers for the names of a configuration, and the facts that make them so.
//
// Concurrency: one owner. The facts have to be durable before a number is used; names that are gone
// have their records parked.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/state.hpp"

namespace syncline::app {

class Names {
  public:
    explicit Names(const store::State& state);

    // The same name gets the same number, as long as there is a data directory.
    std::uint32_t give(store::NameKind kind, const std::string& name);

    // What makes durable which names there are; none when they are as the state has them.
    std::vector<store::Fact> facts() const;

  private:
    struct Kind {
        std::map<std::uint32_t, store::NameRow> known;
        std::map<std::string, std::uint32_t> given;
        std::uint32_t last = 0;
    };
    std::map<store::NameKind, Kind> kinds_;
};

}  // namespace syncline::app
