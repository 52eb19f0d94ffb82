// The result of a check, for people, programs and build servers.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "checker/check.hpp"

namespace syncline::checker {

// What failed, why it matters, what to do. `file` is how the reader named it. [any]
std::string to_text(const CheckResult& result, const std::string& file);
// One line.
std::string to_summary(const CheckResult& result);
boost::json::object to_json(const CheckResult& result);
// The XML that Jenkins, GitLab and others read.
std::string to_junit(const CheckResult& result, const std::string& file);

// The tests that there are, with their levels.
std::string list_tests();
boost::json::array tests_to_json();

}  // namespace syncline::checker
