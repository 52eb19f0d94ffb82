#include "record/locked_object.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "core/secret.hpp"
#include "support/catch.hpp"

using namespace syncline;
namespace json = boost::json;

namespace {

bool is_locked(const json::object& object) {
    return object.storage().get() == record::locked_storage().get();
}

}  // namespace

TEST_CASE("locked object: whatever is put into it, and every copy, is in its memory",
          "[record][secret]") {
    const json::object plain = json::parse(R"({"a": {"b": ["text"]}})").as_object();
    record::LockedObject object = plain;
    CHECK(is_locked(object));
    CHECK(is_locked(object.at("a").as_object()));
    CHECK(object.at("a").at("b").as_array()[0].as_string().storage().get() ==
          record::locked_storage().get());

    const record::LockedObject copy = object;
    CHECK(is_locked(copy.at("a").as_object()));
    record::LockedObject moved = std::move(object);
    CHECK(is_locked(moved.at("a").as_object()));
    moved = plain;
    CHECK(is_locked(moved.at("a").as_object()));
    const record::LockedObject taken = json::parse(R"({"c": "text"})").as_object();
    CHECK(is_locked(taken));
    CHECK(copy == plain);
    CHECK(std::exchange(moved, {}) == plain);
    CHECK(moved.empty());
}

TEST_CASE("locked object: memory for secrets has no end before memory has", "[record][secret]") {
    record::LockedObject object;
    object["large"] = json::string(std::string(3 * 1024 * 1024, 'x'));
    CHECK(object.at("large").as_string().size() == 3 * 1024 * 1024);
    const core::Secret large{std::string(3 * 1024 * 1024, 'y')};
    CHECK(large.reveal().back() == 'y');
}
