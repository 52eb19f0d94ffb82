#include "auth/secret_json.hpp"

#include <openssl/crypto.h>

#include "record/json.hpp"

namespace syncline::auth {
namespace {

namespace json = boost::json;

void cleanse(json::value& value) {
    if (auto* text = value.if_string()) OPENSSL_cleanse(text->data(), text->size());
    if (auto* array = value.if_array()) {
        for (json::value& item : *array) cleanse(item);
    }
    if (auto* object = value.if_object()) {
        for (auto& member : *object) cleanse(member.value());
    }
}

}  // namespace

SecretJson::~SecretJson() {
    cleanse(root_);
}

std::optional<SecretJson> SecretJson::parse(std::string_view text, std::size_t depth_max) {
    auto parsed = record::parse_json(text, {.depth_max = depth_max});
    if (!parsed) return std::nullopt;
    if (!parsed->is_object()) {
        cleanse(*parsed);
        return std::nullopt;
    }
    return SecretJson(std::move(parsed->get_object()));
}

core::Secret SecretJson::text() const {
    return core::Secret{record::write_json(root_)};
}

}  // namespace syncline::auth
