// SHA-256 of what comes in parts; hash.hpp has it of what is at hand.
// Concurrency: one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace syncline::core {

class Sha256 {
  public:
    Sha256();
    void add(std::string_view part);
    std::string finish();  // 32 raw bytes; once, at the end

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace syncline::core
