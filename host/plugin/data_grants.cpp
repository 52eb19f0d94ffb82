#include "plugin/data_grants.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <utility>

#include "core/hash.hpp"
#include "record/json.hpp"
#include "syncline/models.hpp"

namespace syncline::plugin {
namespace {

namespace json = boost::json;

constexpr std::string_view kSpace = " \t\r\n\f\v";

std::string_view name_of(IdentityEncoding encoding) {
    switch (encoding) {
        case IdentityEncoding::kRaw:
            return "raw";
        case IdentityEncoding::kMd5:
            return "md5";
        case IdentityEncoding::kSha1:
            return "sha1";
        case IdentityEncoding::kSha256:
            return "sha256";
    }
    return "raw";
}

std::string_view name_of(Normalisation profile) {
    switch (profile) {
        case Normalisation::kNone:
            return "none";
        case Normalisation::kEmail:
            return "email";
        case Normalisation::kPhone:
            return "phone";
    }
    return "none";
}

std::string hashed(IdentityEncoding encoding, const std::string& value) {
    switch (encoding) {
        case IdentityEncoding::kRaw:
            return value;
        case IdentityEncoding::kMd5:
            return core::to_hex(core::digest(core::Digest::kMd5, value));
        case IdentityEncoding::kSha1:
            return core::to_hex(core::digest(core::Digest::kSha1, value));
        case IdentityEncoding::kSha256:
            return core::to_hex(core::digest(core::Digest::kSha256, value));
    }
    return value;
}

std::optional<std::string> normalised_email(std::string_view value) {
    const std::size_t begin = value.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return std::nullopt;
    std::string result{value.substr(begin, value.find_last_not_of(kSpace) - begin + 1)};
    for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (result.find('@') == std::string::npos) return std::nullopt;
    return result;
}

std::optional<std::string> normalised_phone(std::string_view value) {
    constexpr std::string_view kIgnored = " \t()-./";
    std::string digits;
    bool has_plus = false;
    for (const char c : value) {
        if (kIgnored.find(c) != std::string_view::npos) continue;
        if (c == '+' && digits.empty() && !has_plus) {
            has_plus = true;
        } else if (c >= '0' && c <= '9') {
            digits += c;
        } else {
            return std::nullopt;
        }
    }
    if (!has_plus && digits.starts_with("00")) digits.erase(0, 2);
    if (digits.size() < 7 || digits.size() > 15 || digits[0] == '0') return std::nullopt;
    return digits;
}

const json::string* text_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value == nullptr ? nullptr : value->if_string();
}

template <typename... Fields>
constexpr std::array<std::string_view, sizeof...(Fields)> names_of(AllFields<Fields...>) {
    return {Fields::kName...};
}
constexpr auto kIdentityMembers = names_of(identity::Model::Fields{});

// What the model knows of it: whatever stands beside that may identify somebody as well.
json::object members_of(const json::object& identity) {
    json::object known;
    for (const auto& [name, value] : identity) {
        const bool is_named = std::find(kIdentityMembers.begin(), kIdentityMembers.end(),
                                        std::string_view{name}) != kIdentityMembers.end();
        if (is_named && !value.is_structured()) known.emplace(name, value);
    }
    return known;
}

// The identity as the grant wants it; nullopt when it is not granted by it.
std::optional<json::object> granted(const json::object& identity, const IdentityGrant& grant) {
    const json::string* kind = text_of(identity, "kind");
    const json::string* value = text_of(identity, "value");
    const json::string* space = text_of(identity, "namespace");
    if (kind == nullptr || value == nullptr || *kind != grant.kind) return std::nullopt;
    if (!grant.name_space.empty() && (space == nullptr || *space != grant.name_space))
        return std::nullopt;
    json::object result = members_of(identity);
    const json::string* encoding = text_of(identity, "encoding");
    if (encoding != nullptr && *encoding != "raw") {
        if (*encoding != name_of(grant.encoding)) return std::nullopt;
        // A digest can't be normalised any more: it has to say that it was.
        const json::string* done = text_of(identity, "normalised");
        const std::string_view profile = name_of(grant.normalisation);
        if (profile != "none" && (done == nullptr || *done != profile)) return std::nullopt;
        return result;
    }
    const auto plain = normalised(grant.normalisation, std::string_view{*value});
    if (!plain) return std::nullopt;
    result["value"] = hashed(grant.encoding, *plain);
    if (grant.encoding != IdentityEncoding::kRaw) {
        result["encoding"] = name_of(grant.encoding);
        result["normalised"] = name_of(grant.normalisation);
    }
    return result;
}

json::array granted_list(const json::array& identities, const std::vector<IdentityGrant>& grants) {
    json::array result;
    for (const json::value& each : identities) {
        const json::object* identity = each.if_object();
        if (identity == nullptr) continue;
        for (const IdentityGrant& grant : grants) {
            if (auto wanted = granted(*identity, grant)) result.push_back(std::move(*wanted));
        }
    }
    return result;
}

// The depth is that of what parse_json() lets in.
void grant_within(json::value& value, const std::vector<IdentityGrant>& grants) {
    if (json::array* items = value.if_array()) {
        for (json::value& item : *items) grant_within(item, grants);
    } else if (json::object* members = value.if_object()) {
        for (auto& member : *members) {
            if (member.key() != "identities") {
                grant_within(member.value(), grants);
            } else if (const json::array* list = member.value().if_array()) {
                member.value() = granted_list(*list, grants);
            } else {
                member.value() = nullptr;
            }
        }
    }
}

}  // namespace

std::optional<std::string> normalised(Normalisation profile, std::string_view value) {
    switch (profile) {
        case Normalisation::kNone:
            return std::string{value};
        case Normalisation::kEmail:
            return normalised_email(value);
        case Normalisation::kPhone:
            return normalised_phone(value);
    }
    return std::nullopt;
}

std::string granted_body(std::string_view body, const std::vector<IdentityGrant>& grants) {
    if (body.find("identities") == std::string_view::npos && body.find('\\') == body.npos)
        return std::string{body};
    auto parsed = record::parse_json(body);
    if (!parsed) return {};
    grant_within(*parsed, grants);
    return record::write_json(*parsed);
}

}  // namespace syncline::plugin
