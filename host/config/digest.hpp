// Whether two configurations say the same of something, without keeping what they say.
//
// Purpose: a digest of a node with its variables replaced. Comments, the order of keys and the
// place in the file do not count; defaults that are written out do.
// Concurrency: one owner.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.hpp"

namespace syncline::config {

class Digests {
  public:
    // What a scalar with references stands for. `is_sealed`: nobody knows; it is the same each
    // time.
    void note(const Node& scalar, std::string_view value, bool is_sealed);

    // 32 raw bytes, comparable within this process: secrets go into it. `without`: keys of the
    // node, which is a map then, that do not count.
    std::string of(const Node& node, const std::vector<std::string_view>& without = {}) const;

  private:
    std::map<const Node*, std::string> noted_;
};

}  // namespace syncline::config
