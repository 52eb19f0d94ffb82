// Error codes of the admin API. The dotted names are public contract.
#pragma once

#include "core/error.hpp"

namespace syncline::admin {

inline constexpr core::ErrorCode kNotFound{"admin.not_found", core::ErrorClass::kConfig, ""};
inline constexpr core::ErrorCode kMethodNotAllowed{"admin.method_not_allowed",
                                                   core::ErrorClass::kConfig, ""};
inline constexpr core::ErrorCode kBadArgument{"admin.bad_argument", core::ErrorClass::kConfig, ""};
inline constexpr core::ErrorCode kBodyInvalid{
    "admin.body_invalid", core::ErrorClass::kConfig,
    "a record's body is one JSON object of at most 16 MiB; `syncline dlq show` prints the present "
    "one"};
inline constexpr core::ErrorCode kBodyHidden{
    "admin.body_hidden", core::ErrorClass::kConfig,
    "give the whole new body: syncline dlq edit ID --file FILE"};
inline constexpr core::ErrorCode kBusy{"admin.busy", core::ErrorClass::kTransient,
                                       "ask again in a moment"};
inline constexpr core::ErrorCode kStopping{"admin.stopping", core::ErrorClass::kTransient,
                                           "the hub is stopping"};

inline constexpr core::ErrorCode kScrapeRunning{
    "admin.scrape_running", core::ErrorClass::kTransient, "let one scraper at a time ask"};
inline constexpr core::ErrorCode kScrapeLate{"admin.scrape_late", core::ErrorClass::kTransient,
                                             "look at the disk: the state waits for it"};

}  // namespace syncline::admin
