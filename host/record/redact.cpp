#include "record/redact.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <utility>

#include "core/redact.hpp"
#include "record/json.hpp"

namespace syncline::record {
namespace {

// Names are rarely secrets: members are moved only when one is.
void redact_names(json::object& object) {
    bool has_any = false;
    for (const auto& member : object) has_any = has_any || core::has_secret(member.key());
    if (!has_any) return;
    json::object renamed(object.storage());
    for (auto& member : object)
        renamed.insert_or_assign(core::redact(std::string{member.key()}),
                                 std::move(member.value()));
    object = std::move(renamed);
}

}  // namespace

// Its depth is bounded by whoever made it.
void redact(json::value& value) {
    if (json::string* text = value.if_string()) {
        if (core::has_secret(*text)) *text = core::redact(std::string{*text});
    } else if (json::array* array = value.if_array()) {
        for (json::value& item : *array) redact(item);
    } else if (json::object* object = value.if_object()) {
        redact_names(*object);
        for (auto& member : *object) redact(member.value());
    }
}

std::string redact_json(std::string text) {
    if (!core::has_secret(text)) return text;
    Result<json::value> parsed = parse_json(text);
    if (!parsed.has_value()) return core::redact(std::move(text));
    redact(*parsed);
    return write_json(*parsed);
}

}  // namespace syncline::record
