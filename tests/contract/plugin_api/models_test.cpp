// The published models: what their schemas take, and that views leave alone what they do not know.
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

// SYSTEM: its warnings are not ours.
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "support/catch.hpp"
#include "syncline/records.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = syncline::json;
using valijson::adapters::BoostJsonAdapter;

std::string content_of(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{stream}, {}};
    REQUIRE_FALSE(text.empty());
    return text;
}

bool is_valid(const std::string& model, const std::string& body) {
    const auto schema = boost::json::parse(content_of(fs::path{MODELS} / (model + ".schema.json")));
    const auto value = boost::json::parse(body);
    valijson::Schema compiled;
    valijson::SchemaParser{}.populateSchema(BoostJsonAdapter{schema}, compiled);
    return valijson::Validator{}.validate(compiled, BoostJsonAdapter{value}, nullptr);
}

struct Sample {
    std::string file, model, body;
};

// "profile.json", and "profile.unknown.json" with what version 1.0 does not know.
std::vector<Sample> samples() {
    std::vector<Sample> all;
    for (const auto& entry : fs::directory_iterator{fs::path{MODELS} / "samples"}) {
        const std::string name = entry.path().filename().string();
        std::string body = content_of(entry.path());
        body.pop_back();  // the end of the line
        all.push_back({name, name.substr(0, name.find('.')), std::move(body)});
    }
    return all;
}

template <class Model>
json::Value through_views(const json::Value& body);

template <class Type>
struct ItemOf {};
template <class Model>
struct ItemOf<syncline::ListOf<Model>> {
    using Type = Model;
};

// Reads one field by its view, and puts what it yields in its place.
template <class Field>
void through_view(const json::Value& whole, json::Object& body) {
    using Type = typename Field::Type;
    if constexpr (requires { typename ItemOf<Type>::Type; }) {
        const json::Value* list = whole.find(Field::kName);
        if (list == nullptr || list->array() == nullptr) return;
        json::Array items;
        for (const json::Value& item : *list->array())
            items.push_back(through_views<typename ItemOf<Type>::Type>(item));
        syncline::put<Field>(body, std::move(items));
    } else {
        const syncline::Reads<syncline::Optional<Field>> view{whole};
        if (const auto& value = view.template get<Field>()) syncline::put<Field>(body, *value);
    }
}

template <class... Fields>
void through_all(const json::Value& whole, json::Object& body, syncline::AllFields<Fields...>) {
    (through_view<Fields>(whole, body), ...);
}

template <class Model>
json::Value through_views(const json::Value& body) {
    json::Object copy = *body.object();
    through_all(body, copy, typename Model::Fields{});
    return json::Value{std::move(copy)};
}

std::string through_views_of(const std::string& model, const json::Value& body) {
    if (model == "identity") return write(through_views<syncline::identity::Model>(body));
    if (model == "consent") return write(through_views<syncline::consent::Model>(body));
    if (model == "product") return write(through_views<syncline::product::Model>(body));
    if (model == "profile") return write(through_views<syncline::profile::Model>(body));
    if (model == "event") return write(through_views<syncline::event::Model>(body));
    if (model == "audience") return write(through_views<syncline::audience::Model>(body));
    if (model == "membership") return write(through_views<syncline::membership::Model>(body));
    if (model == "erasure") return write(through_views<syncline::erasure::Model>(body));
    if (model == "object") return write(through_views<syncline::object::Model>(body));
    return "there is no model " + model;
}

}  // namespace

TEST_CASE("models: every model has samples, and its schema takes them", "[plugin_api][models]") {
    for (const std::string_view name : syncline::kModelNames) {
        INFO(name);
        CHECK(fs::exists(fs::path{MODELS} / "samples" / (std::string{name} + ".json")));
    }
    for (const Sample& sample : samples()) {
        INFO(sample.file);
        CHECK(is_valid(sample.model, sample.body));
    }
}

TEST_CASE("models: a schema refuses what is missing or of another type", "[plugin_api][models]") {
    CHECK_FALSE(is_valid("profile", "{}"));
    CHECK_FALSE(is_valid("profile", R"({"user":null})"));
    CHECK_FALSE(is_valid("profile", R"({"user":"u","identities":[{"kind":"email"}]})"));
    CHECK(is_valid("profile", R"({"user":"u","identities":null})"));
    CHECK_FALSE(is_valid("consent", R"({"regulation":"gdpr","purpose":"p","granted":"yes"})"));
    const std::string event = R"("event":"e","type":"purchase","at":"2026-01-02T03:04:05Z")";
    CHECK(is_valid("event", "{" + event + R"(,"total":"-12.50"})"));
    CHECK_FALSE(is_valid("event", "{" + event + R"(,"total":12.50})"));
    CHECK_FALSE(is_valid("event", "{" + event + R"(,"total":"12,50"})"));
    CHECK_FALSE(is_valid("event", "{" + event + R"(,"products":[{"name":"no id"}]})"));
}

TEST_CASE("models: what goes through the views of a model comes out byte by byte",
          "[plugin_api][models]") {
    for (const Sample& sample : samples()) {
        INFO(sample.file);
        const auto parsed = json::parse(sample.body);
        REQUIRE(parsed);
        CHECK(through_views_of(sample.model, *parsed.value) == sample.body);
    }
}

TEST_CASE("models: a word that is not known is read as it stands", "[plugin_api][models]") {
    using syncline::event::EventType;
    const syncline::Reads<EventType> known{R"({"type":"purchase"})"};
    const syncline::Reads<EventType> other{R"({"type":"teleport"})"};
    CHECK(known.get<EventType>() == EventType::kPurchase);
    CHECK(other.get<EventType>() == "teleport");
}

TEST_CASE("models: put changes one field where it stands, or adds it", "[plugin_api][models]") {
    auto body = *json::parse(R"({"user":"u1","own":[1.50],"size":1})").value->object();

    syncline::put<syncline::profile::User>(body, "u2");
    syncline::put<syncline::audience::SizeEstimate>(body, 7);
    syncline::put<syncline::identity::IsVerified>(body, true);
    syncline::put<syncline::audience::Customer>(body, json::Value{json::Number{"3"}});
    syncline::put<syncline::profile::Attributes>(body, json::Object{});

    CHECK(json::write(json::Value{body}) ==
          R"({"user":"u2","own":[1.50],"size":1,"size_estimate":7,"verified":true,)"
          R"("customer":3,"attributes":{}})");
}
