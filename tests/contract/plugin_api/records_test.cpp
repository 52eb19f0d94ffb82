// Typed views of records: what is declared is read and checked, what is missing is told.
#include <string>
#include <type_traits>
#include <vector>

#include "bare_host.hpp"
#include "support/catch.hpp"
#include "syncline/records.hpp"
#include "syncline/testing.hpp"

using syncline::Failure;
using syncline::List;
using syncline::Optional;
using syncline::Reads;

namespace identity = syncline::identity;
namespace membership = syncline::membership;
namespace profile = syncline::profile;

namespace {

using Member = Reads<membership::Audience, membership::User, Optional<membership::UserType>>;
using Identity = Reads<identity::Kind, identity::Value, Optional<identity::IsVerified>>;
using Person = Reads<profile::User, List<profile::Identities, Identity>,
                     Optional<profile::Attributes>, Optional<profile::UpdatedAt>>;

// Fields of one's own, also for a model that exists.
struct Points : syncline::Field<profile::Model, "points", std::int64_t> {};
struct OrderModel;
struct Order : syncline::Field<OrderModel, "order", syncline::json::Value> {};
struct Paid : syncline::Field<OrderModel, "paid", bool> {};
struct Items : syncline::Field<OrderModel, "items", syncline::ListOf<OrderModel>> {};

template <typename View>
std::string refusal(std::string_view body) {
    try {
        const View view{body};
    } catch (const Failure& failure) {
        CHECK(failure.failure_class == SYNCLINE_E_PERMANENT);
        CHECK_FALSE(failure.may_have_had_effect);
        return failure.message;
    }
    return "it was read";
}

}  // namespace

TEST_CASE("records: declared fields are read, the others are left alone", "[plugin_api][records]") {
    const Member member{R"({"user":"u1","else":[1],"audience":"a1","user_type":null})"};

    CHECK(member.get<membership::Audience>() == "a1");
    CHECK(member.get<membership::User>() == "u1");
    CHECK_FALSE(member.get<membership::UserType>());
    static_assert(std::is_same_v<decltype(member.get<membership::User>()), const std::string&>);

    const Member typed{R"({"user":"u1","audience":"a1","user_type":"email"})"};
    CHECK(typed.get<membership::UserType>() == "email");
}

TEST_CASE("records: a list is a list of views", "[plugin_api][records]") {
    const Person person{R"({"user":"u","attributes":{"points":3},"identities":[
        {"kind":"email","value":"a@example.com","verified":true},{"kind":"phone","value":"1"}]})"};

    const std::vector<Identity>& identities = person.get<profile::Identities>();
    REQUIRE(identities.size() == 2);
    CHECK(identities[0].get<identity::Value>() == "a@example.com");
    CHECK(identities[0].get<identity::IsVerified>() == true);
    CHECK(identities[1].get<identity::Kind>() == "phone");
    CHECK_FALSE(identities[1].get<identity::IsVerified>());
    REQUIRE(person.get<profile::Attributes>());
    CHECK(person.get<profile::Attributes>()->at(0).name == "points");
    CHECK_FALSE(person.get<profile::UpdatedAt>());
}

TEST_CASE("records: fields of one's own are as good as the given ones", "[plugin_api][records]") {
    const Reads<Points, profile::User> person{R"({"user":"u","points":9007199254740993})"};
    CHECK(person.get<Points>() == 9'007'199'254'740'993);

    using Line = Reads<Order>;
    const Reads<Order, Paid, Optional<List<Items, Line>>> order{
        R"({"order":{"n":1},"paid":false,"items":[{"order":7}]})"};
    CHECK_FALSE(order.get<Paid>());
    CHECK(order.get<Order>().find("n")->int64() == 1);
    REQUIRE(order.get<Items>());
    CHECK(order.get<Items>()->at(0).get<Order>().int64() == 7);
    CHECK_FALSE((Reads<Paid, Optional<List<Items, Line>>>{R"({"paid":true})"}.get<Items>()));
}

TEST_CASE("records: what is missing or of another type is told, in the order of the declaration",
          "[plugin_api][records]") {
    CHECK(refusal<Member>("{}") == "the record needs the text 'audience', the text 'user'");
    CHECK(refusal<Member>(R"({"audience":1,"user":null})") ==
          "the record needs the text 'audience', the text 'user'");
    CHECK(refusal<Member>(R"({"audience":"a","user":"u","user_type":1})") ==
          "the record needs the text 'user_type'");
    CHECK(refusal<Person>(R"({"user":"u","identities":{}})") ==
          "the record needs the list 'identities'");
    CHECK(refusal<Person>(R"({"user":"u","identities":[{"kind":"email"},7],"attributes":[]})") ==
          "the record needs the text 'identities[0].value', the text 'identities[1].kind', "
          "the text 'identities[1].value', the object 'attributes'");
    CHECK(refusal<Reads<Points>>(R"({"points":1.5})") == "the record needs the integer 'points'");
    CHECK(refusal<Reads<Paid>>(R"({"paid":"yes"})") == "the record needs the truth 'paid'");
    CHECK(refusal<Member>("[]") == "the record needs the text 'audience', the text 'user'");
    CHECK(refusal<Member>("") == "the record is not JSON: a value is expected at byte 0");

    std::string many = R"({"user":"u","identities":[)";
    for (int i = 0; i < 1000; ++i) many += i == 0 ? "{}" : ",{}";
    CHECK(refusal<Person>(many + "]}").size() < 500);
}

namespace {

class Reader final : public syncline::Connector, public syncline::BatchWriter {
    syncline::Task<> write(syncline::Batch& batch) override {
        for (const syncline::WriteRecord& record : batch) {
            const auto member = record.read<Member>();
            if (!member) continue;
            record.done(member->get<membership::User>());
        }
        co_return;
    }
};

}  // namespace

TEST_CASE("records: a record that can't be read has failed by that, alone",
          "[plugin_api][records]") {
    syncline::testing::FakeHost host{syncline::test::plugin_of<Reader>()};

    const auto write =
        host.write("things", {{SYNCLINE_UPSERT, "a", R"({"audience":"a"})"},
                              {SYNCLINE_UPSERT, "b", R"({"audience":"a","user":"u"})"},
                              {SYNCLINE_DELETE, "c", ""}});

    CHECK(write->outcomes[0].kind == SYNCLINE_FAILED);
    CHECK(write->outcomes[0].failure.message == "the record needs the text 'user'");
    CHECK(write->outcomes[1].destination_key == "u");
    CHECK(write->outcomes[2].kind == SYNCLINE_FAILED);
    CHECK(host.violations.empty());
}
