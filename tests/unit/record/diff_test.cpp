#include "record/diff.hpp"

#include <set>

#include "record/json.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::record;

namespace {

Fingerprint of(std::string_view text, std::uint64_t seed = 7) {
    return fingerprint(parse_json(text).value().as_object(), seed);
}

}  // namespace

TEST_CASE("fingerprint: equal JSON gives the same fingerprint, whatever the order",
          "[record][diff]") {
    auto a = of(R"({"id":1,"tags":["x","y"],"address":{"city":"Ulm","zip":"89073"}})");
    auto b = of(R"( {"address":{"zip":"89073","city":"Ulm"}, "tags":["x","y"], "id":1.0} )");

    CHECK(a.row == b.row);
    CHECK(a.fields == b.fields);
}

TEST_CASE("fingerprint: the row is the hash of the canonical text", "[record][diff]") {
    auto body = parse_json(R"({"b":"\u00e4","a":[1,{"d":null,"c":true}]})").value();
    auto print = fingerprint(body.as_object(), 42);
    CHECK(print.row == core::hash128(canonical_json(body), 42));
    CHECK(of("{}").row == core::hash128("{}", 7));
    CHECK(of("{}").fields.empty());
}

TEST_CASE("fingerprint: exactly the fields that changed differ", "[record][diff]") {
    auto before = of(R"({"a":1,"b":{"c":1},"d":"x"})");
    auto after = of(R"({"a":1,"b":{"c":2},"d":"x"})");

    REQUIRE(before.fields.size() == 3);
    REQUIRE(after.fields.size() == 3);
    int differing = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(before.fields[i].name == after.fields[i].name);
        differing += before.fields[i].value != after.fields[i].value;
    }
    CHECK(differing == 1);
    CHECK(before.row != after.row);
}

TEST_CASE("fingerprint: hashes depend on the seed and, for a value, on its name",
          "[record][diff]") {
    auto print = of(R"({"a":"same","b":"same"})");
    auto other = of(R"({"a":"same","b":"same"})", 8);
    std::set<std::uint64_t> all;
    for (const auto& fields : {print.fields, other.fields}) {
        for (const auto& field : fields) all.insert(field.value);
    }
    CHECK(all.size() == 4);
}

TEST_CASE("fingerprint: beyond the limits there are no fields, but a row", "[record][diff]") {
    std::string name(kFieldNameBytesMax, 'n');
    CHECK(of("{\"" + name + "\":1}").fields.size() == 1);
    CHECK(of("{\"a\":1,\"" + name + "n\":1,\"z\":1}").fields.empty());
    CHECK(of("{\"a\":1,\"" + name + "n\":1}").row != of("{\"a\":2,\"" + name + "n\":1}").row);
    std::string many = "{";
    for (std::size_t i = 0; i < kFieldsMax; ++i) many += "\"f" + std::to_string(i) + "\":1,";
    CHECK(of(many.substr(0, many.size() - 1) + "}").fields.size() == kFieldsMax);
    CHECK(of(many + "\"one\":1}").fields.empty());
}

TEST_CASE("changes: new, different and missing fields by name", "[record][diff]") {
    auto difference = [](std::string_view before, std::string_view now) {
        return changes(of(before).fields, of(now).fields);
    };
    using Names = std::vector<std::string>;
    auto all = difference(R"({"b":1,"c":1,"e":{"x":1}})", R"({"a":1,"b":1,"c":2,"d":null})");
    CHECK(all.changed == Names{"a", "c", "d"});
    CHECK(all.unset == Names{"e"});
    auto none = difference(R"({"b":[1,2],"a":1})", R"({"a":1.0,"b":[1,2]})");
    CHECK(none.changed.empty());
    CHECK(none.unset.empty());
    CHECK(difference("{}", R"({"a":1})").changed == Names{"a"});
    CHECK(difference(R"({"a":1,"z":1})", "{}").unset == Names{"a", "z"});
}

TEST_CASE("field hashes: the bytes of a key map row read back", "[record][diff]") {
    std::string name(kFieldNameBytesMax, 'n');
    std::vector<FieldHash> fields{{"", 1}, {"a", 0x0102030405060708}, {name, 0}};
    auto bytes = encode_field_hashes(fields);

    CHECK(core::to_hex(std::string_view{bytes}.substr(0, 19)) ==
          "00"
          "0100000000000000"
          "01"
          "61"
          "0807060504030201");
    CHECK(decode_field_hashes(bytes) == fields);
    CHECK(decode_field_hashes("").empty());
}

TEST_CASE("field hashes: malformed bytes give an empty list", "[record][diff]") {
    auto bytes = encode_field_hashes({{"a", 2}, {"b", 4}});
    CHECK(decode_field_hashes(bytes.substr(1)).empty());
    CHECK(decode_field_hashes(bytes.substr(0, bytes.size() - 1)).empty());
    CHECK(decode_field_hashes(bytes + "x").empty());
    CHECK(decode_field_hashes(bytes.substr(10) + bytes.substr(0, 10)).empty());
    CHECK(decode_field_hashes(bytes.substr(0, 10) + bytes.substr(0, 10)).empty());
}

// Persisted: these numbers change only with a new format of the key map row.
TEST_CASE("fingerprint: is the same on every machine and in every version", "[record][diff]") {
    auto print = of(R"({"id":1,"email":"a@example.org","score":0.5})");
    CHECK(core::to_hex(print.row.view()) == "0ef1b2128f4060639edc479f98b2aef9");
    CHECK(core::to_hex(encode_field_hashes(print.fields)) ==
          "05656d61696c"
          "010491e700ae9c0a"
          "026964"
          "942f05b15f9dbc4d"
          "0573636f7265"
          "dd813108620334f8");
}
