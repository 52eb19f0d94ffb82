// Functions on strings, and between strings and other values. All [any]; errors as of
// Program::run().
#pragma once

#include "expr/functions.hpp"

namespace syncline::expr {

Flow to_string(const Call& call);
Flow to_number(const Call& call);
Flow to_json(const Call& call);
Flow from_json(const Call& call);
Flow ascii_downcase(const Call& call);
Flow ascii_upcase(const Call& call);
Flow starts_with(const Call& call);
Flow ends_with(const Call& call);
Flow trim_prefix(const Call& call);
Flow trim_suffix(const Call& call);
Flow split_text(const Call& call);
Flow join(const Call& call);
Flow explode(const Call& call);
Flow implode(const Call& call);
Flow utf8_byte_length(const Call& call);

}  // namespace syncline::expr
