#include "record/diff.hpp"

#include <algorithm>

#include "record/canonical.hpp"

namespace syncline::record {
namespace {

constexpr std::size_t kHashBytes = 8;

std::uint64_t read_u64(const char* bytes) {
    std::uint64_t number = 0;
    for (int i = 7; i >= 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
    return number;
}

void append_u64(std::string& out, std::uint64_t number) {
    for (int i = 0; i < 8; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
    return read_u64(core::hash128(bytes, seed).view().data());
}

}  // namespace

// Writes the canonical text once, hashing each field as it appears and the whole at the end.
Fingerprint fingerprint(const boost::json::object& body, std::uint64_t seed) {
    Fingerprint result;
    result.fields.reserve(std::min(body.size(), kFieldsMax));
    bool has_fields = body.size() <= kFieldsMax;
    std::string text;
    text.reserve(1024);
    text += '{';
    for (const auto* member : sorted_members(body)) {
        if (text.size() > 1) text += ',';
        append_canonical_string(text, member->key());
        text += ':';
        auto value_begin = text.size();
        append_canonical(text, member->value());

        std::string_view name{member->key().data(), member->key().size()};
        has_fields = has_fields && name.size() <= kFieldNameBytesMax;
        if (!has_fields) continue;
        // With the name in the key, two fields of one value don't show the same hash.
        auto value = hash64(std::string_view{text}.substr(value_begin), seed ^ hash64(name, seed));
        result.fields.push_back({std::string{name}, value});
    }
    text += '}';
    result.row = core::hash128(text, seed);
    if (!has_fields) result.fields.clear();
    std::sort(result.fields.begin(), result.fields.end(),
              [](const FieldHash& a, const FieldHash& b) { return a.name < b.name; });
    return result;
}

FieldChanges changes(const std::vector<FieldHash>& before, const std::vector<FieldHash>& now) {
    FieldChanges result;
    auto old = before.begin();
    for (const FieldHash& field : now) {
        for (; old != before.end() && old->name < field.name; ++old)
            result.unset.push_back(old->name);
        bool is_known = old != before.end() && old->name == field.name;
        if (!is_known || old->value != field.value) result.changed.push_back(field.name);
        if (is_known) ++old;
    }
    for (; old != before.end(); ++old) result.unset.push_back(old->name);
    return result;
}

std::string encode_field_hashes(const std::vector<FieldHash>& fields) {
    std::string bytes;
    std::size_t size = 0;
    for (const auto& field : fields) size += 1 + field.name.size() + kHashBytes;
    bytes.reserve(size);
    for (const auto& field : fields) {
        bytes += static_cast<char>(field.name.size());
        bytes += field.name;
        append_u64(bytes, field.value);
    }
    return bytes;
}

std::vector<FieldHash> decode_field_hashes(std::string_view bytes) {
    std::vector<FieldHash> fields;
    while (!bytes.empty()) {
        std::size_t name_size = static_cast<unsigned char>(bytes.front());
        if (bytes.size() < 1 + name_size + kHashBytes) return {};
        std::string_view name = bytes.substr(1, name_size);
        if (!fields.empty() && fields.back().name >= name) return {};
        fields.push_back({std::string{name}, read_u64(bytes.data() + 1 + name_size)});
        bytes.remove_prefix(1 + name_size + kHashBytes);
    }
    return fields;
}

}  // namespace syncline::record
