// Error codes of the pipeline. The dotted names are public contract.
#pragma once

#include "core/error.hpp"

namespace syncline::pipeline {

inline constexpr core::ErrorCode kBodyNotJson{"pipeline.body_not_json",
                                              core::ErrorClass::kPermanent,
                                              "the source connector has to deliver JSON objects"};
inline constexpr core::ErrorCode kFilterFailed{"pipeline.filter_failed",
                                               core::ErrorClass::kPermanent,
                                               "mend `when`, then replay the dead letter"};
inline constexpr core::ErrorCode kMappingFailed{"pipeline.mapping_failed",
                                                core::ErrorClass::kPermanent,
                                                "mend `map`, then replay the dead letter"};
inline constexpr core::ErrorCode kPageDamaged{"pipeline.page_damaged", core::ErrorClass::kPermanent,
                                              "discard the dead letter, and run the sync again"};
inline constexpr core::ErrorCode kSyncRunning{"pipeline.sync_running", core::ErrorClass::kTransient,
                                              "wait for its end"};

}  // namespace syncline::pipeline
