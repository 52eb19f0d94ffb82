#include "pipeline/mapping.hpp"

#include "pipeline/errc.hpp"
#include "record/json.hpp"

namespace syncline::pipeline {
namespace {

namespace json = boost::json;

Unmappable unmappable(const core::ErrorCode& code, const Error& cause) {
    return Unmappable{
        Error{code, cause.where().empty() ? cause.what() : cause.where() + ": " + cause.what()}};
}

}  // namespace

Mapping apply_mapping(const expr::Program* when, const FieldPrograms& map, std::string_view body) {
    json::value source = json::object{};
    if (!body.empty()) {
        Result<json::value> parsed = record::parse_json(body);
        if (!parsed.has_value()) return unmappable(kBodyNotJson, parsed.error());
        source = std::move(*parsed);
    }
    if (!source.is_object())
        return Unmappable{Error{kBodyNotJson, "the body of the record is not a JSON object"}};

    const expr::Limits limits = expr::Limits::for_input(body.size());
    if (when != nullptr) {
        Result<json::value> verdict = when->run(source, limits);
        if (!verdict.has_value()) return unmappable(kFilterFailed, verdict.error());
        if (!expr::Program::is_true(*verdict)) return Filtered{};
    }

    Mapped mapped;
    if (map.empty()) mapped.body = std::move(source.get_object());
    for (const auto& [field, program] : map) {
        Result<json::value> value = program.run(source, limits);
        if (!value.has_value()) return unmappable(kMappingFailed, value.error());
        mapped.body.insert_or_assign(field, std::move(*value));
    }
    return mapped;
}

}  // namespace syncline::pipeline
