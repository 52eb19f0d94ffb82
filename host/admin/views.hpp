// The state as JSON for people and scripts. Field names are public contract.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "store/store.hpp"

namespace syncline::admin {

// {"balanced", "routes": {name: {...}}, "connections": {name: {...}}} [state]
boost::json::object ledger_view(const store::State& state);

// `is_whole`: with the body of the record or event. [state]
boost::json::object letter_view(const store::State& state, const store::Letter& letter,
                                bool is_whole);

// What people call a route or connection, and whether the configuration has it. [state]
std::string name_of(const store::State& state, store::NameKind kind, std::uint32_t id);
bool is_present(const store::State& state, store::NameKind kind, std::uint32_t id);

// What somebody else wrote may be any bytes; JSON is UTF-8. [any]
boost::json::value text_view(std::string_view bytes);

// What became of an event whose sender waited for it. [state]
boost::json::object outcome_view(const store::State& state, store::Position event,
                                 const store::OutcomeRow& outcome);

// `1.42` -> the number; none when it is not an id. [any]
std::optional<std::uint64_t> parse_letter_id(std::string_view text);

}  // namespace syncline::admin
