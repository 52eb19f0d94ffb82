#include "record/diff.hpp"

#include <algorithm>

#include "record/canonical.hpp"

namespace syncline::record {
namespace {

constexpr std::size_t kFieldBytes = 16;

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
    result.fields.reserve(body.size());
    std::string text;
    text.reserve(1024);
    text += '{';
    for (const auto* member : sorted_members(body)) {
        if (text.size() > 1) text += ',';
        append_canonical_string(text, member->key());
        text += ':';
        auto value_begin = text.size();
        append_canonical(text, member->value());

        auto name = hash64({member->key().data(), member->key().size()}, seed);
        // With the name in the key, two fields of one value don't show the same hash.
        auto value = hash64(std::string_view{text}.substr(value_begin), seed ^ name);
        result.fields.push_back({name, value});
    }
    text += '}';
    result.row = core::hash128(text, seed);
    std::sort(result.fields.begin(), result.fields.end(),
              [](const FieldHash& a, const FieldHash& b) { return a.name < b.name; });
    return result;
}

std::string encode_field_hashes(const std::vector<FieldHash>& fields) {
    std::string bytes;
    bytes.reserve(fields.size() * kFieldBytes);
    for (const auto& field : fields) {
        append_u64(bytes, field.name);
        append_u64(bytes, field.value);
    }
    return bytes;
}

std::vector<FieldHash> decode_field_hashes(std::string_view bytes) {
    std::vector<FieldHash> fields;
    if (bytes.size() % kFieldBytes != 0) return fields;
    fields.reserve(bytes.size() / kFieldBytes);
    for (; !bytes.empty(); bytes.remove_prefix(kFieldBytes)) {
        FieldHash field{read_u64(bytes.data()), read_u64(bytes.data() + 8)};
        if (!fields.empty() && fields.back().name > field.name) return {};
        fields.push_back(field);
    }
    return fields;
}

}  // namespace syncline::record
