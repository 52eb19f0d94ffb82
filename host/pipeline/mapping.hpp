// filter -> map: what a connection makes of the body of a source record. A pure function, shared by
// delivery and by the mapping tests of the configuration, so that they can't differ.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "expr/program.hpp"

namespace syncline::pipeline {

struct Filtered {};  // `when` is false
struct Mapped {
    boost::json::object body;
};
// pipeline.body_not_json, pipeline.filter_failed or pipeline.mapping_failed.
struct Unmappable {
    Error error;
};

using Mapping = std::variant<Filtered, Mapped, Unmappable>;

using FieldPrograms = std::vector<std::pair<std::string, expr::Program>>;

// `body` is the source record's as JSON text; without one it counts as an empty object. No `when`
// (null) lets everything pass, an empty `map` leaves the body as it came. [any]
Mapping apply_mapping(const expr::Program* when, const FieldPrograms& map, std::string_view body);

}  // namespace syncline::pipeline
