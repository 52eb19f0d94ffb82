// That everything of the interface can be sent, and that what goes through messages is what would
// have gone directly: borrowed memory, sinks, completions, cancels, handles that are over.
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "call.hpp"
#include "support/catch.hpp"
#include "syncline/connector.hpp"
#include "syncline/testing.hpp"

namespace marshal = syncline::marshal;
namespace http = syncline::http;

using marshal::Described;
using syncline::testing::FakeHost;

namespace {

// By struct, its fields with where they are, as in the record of the interface.
using Layout = std::map<std::string, std::set<std::string>, std::less<>>;

Layout recorded() {
    Layout layout;
    std::ifstream file{RECORDED_LAYOUT};
    for (std::string line; std::getline(file, line);) {
        std::istringstream words{line};
        std::string name, field, offset;
        words >> name >> field >> offset;
        if (!name.starts_with('#') && field != "-") layout[name].insert(field + " at " + offset);
    }
    return layout;
}

Layout described() {
    Layout layout;
    const auto add = [&]<class Type>(std::type_identity<Type>) {
        auto& fields = layout[std::string{Described<Type>::kName}];
        marshal::for_each_field<Type>([&](const auto& field) {
            fields.insert(std::string{field.name} + " at " + std::to_string(field.offset));
        });
    };
    marshal::for_each_type(marshal::AllStructs{}, add);
    marshal::for_each_type(marshal::AllTables{}, add);
    return layout;
}

// Descriptors by class, and the one that stands in for it.
template <typename Type>
syncline_plugin through_messages() {
    static const syncline_plugin real =
        syncline::detail::describe<Type>(syncline_str SYNCLINE_STR("{}"));
    return marshal::marshalled(real);
}

// The stream says what to do.
class Walker final : public syncline::Connector,
                     public syncline::WebhookReceiver,
                     public syncline::BatchWriter {
    syncline::Task<> write(syncline::Batch& batch) override {
        co_await http::post("https://x.example/1", batch[0].body());
        // Read after the call that began the operation has returned.
        for (const syncline::WriteRecord& record : batch) {
            std::string names;
            for (const auto name : record.changed_fields()) names += name;
            record.done(std::string{record.key()} + "+" + names, record.body());
        }
    }
    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& sink) override {
        for (int i = 0; i < 5; ++i) {
            const std::string key = "k" + std::to_string(i);
            syncline::Record record{"things", SYNCLINE_UPSERT, key, request.body()};
            if (!sink.add(record)) break;
        }
        return {};
    }
};

template <class Type>
Type sent(const Type& from, marshal::Arena& arena) {
    marshal::Writer to;
    marshal::encode(to, from);
    marshal::Reader reader{to.take()};
    Type back{};
    marshal::decode(reader, arena, back);
    CHECK(reader.is_at_end());
    return back;
}

}  // namespace

TEST_CASE("marshal: everything of the interface is described", "[marshal]") {
    const Layout interface = recorded(), known = described();
    REQUIRE(interface.size() > 30);
    for (const auto& [name, fields] : interface) {
        INFO(name << " has no description: see tests/contract/marshal/interface.hpp");
        REQUIRE(known.contains(name));
        for (const auto& field : fields) {
            INFO(name << '.' << field << " is not described");
            CHECK(known.find(name)->second.contains(field));
        }
        CHECK(known.find(name)->second.size() == fields.size());
    }
    CHECK(known.size() == interface.size());
}

TEST_CASE("marshal: what begins an operation can be cancelled, and is completed", "[marshal]") {
    marshal::for_each_type(marshal::AllTables{}, []<class Table>(std::type_identity<Table>) {
        int begins = 0, cancels = 0, completes = 0, named_complete = 0;
        marshal::for_each_field<Table>([&](const auto& field) {
            using Own = std::remove_cvref_t<decltype(field)>;
            if constexpr (marshal::kIsSlot<Own>) {
                begins += Own::kKind == marshal::Kind::kBegins;
                completes += Own::kKind == marshal::Kind::kCompletes;
                cancels += field.name == "cancel";
                named_complete += field.name == "complete";
            }
        });
        INFO(Described<Table>::kName);
        if (Described<Table>::kWhose == marshal::Whose::kPlugin) CHECK(begins == cancels);
        CHECK(completes == named_complete);
    });
}

TEST_CASE("marshal: a struct arrives as it was, lists, pointers and all", "[marshal]") {
    const syncline_str changed[] = {SYNCLINE_STR("a"), SYNCLINE_STR("bb")};
    syncline_write_record record{};
    record.struct_size = sizeof record;
    record.operation = SYNCLINE_DELETE;
    record.key = SYNCLINE_STR("key");
    record.changed_count = 2;
    record.changed_fields = changed;
    record.idempotency_key = {nullptr, 0};
    const syncline_write_record* records[] = {&record, &record};
    const syncline_write_batch batch{sizeof batch, 2, SYNCLINE_STR("things"), records, 60'000};
    marshal::Arena arena;

    const auto back = sent(batch, arena);

    CHECK(back.timeout_ms == 60'000);
    CHECK(syncline::view(back.stream) == "things");
    CHECK(back.stream.ptr != batch.stream.ptr);
    REQUIRE(back.record_count == 2);
    CHECK(back.records[1]->operation == SYNCLINE_DELETE);
    CHECK(syncline::view(back.records[1]->changed_fields[1]) == "bb");
    CHECK(back.records[1]->unset_fields == nullptr);
    CHECK(back.records[1]->idempotency_key.ptr == nullptr);
}

TEST_CASE("marshal: a struct of an older maker arrives as old as it is, a newer one as known",
          "[marshal]") {
    syncline_error error{};
    error.failure_class = SYNCLINE_E_CONFLICT;
    error.retry_after_ms = 7;
    marshal::Arena arena;

    error.struct_size = offsetof(syncline_error, retry_after_ms);
    const auto older = sent(error, arena);
    error.struct_size = sizeof error + 64;
    const auto newer = sent(error, arena);

    CHECK(older.failure_class == SYNCLINE_E_CONFLICT);
    CHECK(older.struct_size == offsetof(syncline_error, retry_after_ms));
    CHECK(older.retry_after_ms == 0);
    CHECK(newer.struct_size == sizeof error);
    CHECK(newer.retry_after_ms == 7);
}

TEST_CASE("marshal: a text beyond any limit is refused by its length, not read", "[marshal]") {
    marshal::Arena arena;
    const syncline_str back = sent(syncline_str{"x", 1ull << 40}, arena);
    CHECK(back.len == 1ull << 40);
    CHECK(sent(syncline_str{nullptr, 5}, arena).ptr == nullptr);
}

TEST_CASE("marshal: a batch is borrowed until its completion", "[marshal]") {
    const syncline_plugin plugin = through_messages<Walker>();
    FakeHost host{plugin};

    const auto write = host.write(
        "things", {{SYNCLINE_UPSERT, "a", R"({"n":1})"}, {SYNCLINE_UPSERT, "b", R"({"n":2})"}});
    REQUIRE(host.exchanges().size() == 1);
    CHECK(host.exchanges()[0].body == R"({"n":1})");
    CHECK_FALSE(write->is_complete);
    host.respond(200, "{}");

    CHECK(write->is_complete);
    CHECK(write->outcomes[1].destination_key == "b+");
    CHECK(write->outcomes[1].reply == R"({"n":2})");
    CHECK(host.violations.empty());
}

TEST_CASE("marshal: a cancel reaches the operation, and its completion the host", "[marshal]") {
    const syncline_plugin plugin = through_messages<Walker>();
    FakeHost host{plugin};

    const auto write = host.write("things", {{SYNCLINE_UPSERT, "a", "{}"}});
    host.cancel_writes();

    CHECK(write->is_complete);
    CHECK(write->outcomes[0].kind == SYNCLINE_UNKNOWN);
    CHECK(host.violations.empty());
}

TEST_CASE("marshal: what goes into a sink arrives in its order", "[marshal]") {
    const syncline_plugin plugin = through_messages<Walker>();
    FakeHost host{plugin};

    syncline::testing::Request request;
    request.body = R"({"x":1})";
    const auto translation = host.translate(request);

    REQUIRE(translation.records.size() == 5);
    CHECK(translation.records[4].key == "k4");
    CHECK(translation.records[0].body == R"({"x":1})");
}

TEST_CASE("marshal: a sink that is over stops who feeds it", "[marshal]") {
    const syncline_plugin plugin = through_messages<Walker>();
    const FakeHost host{plugin};
    syncline_record record{};
    record.struct_size = sizeof record;
    CHECK(marshal::Call<&syncline_record_sink::record>::send(4711, &record) == SYNCLINE_SINK_STOP);
}

TEST_CASE("marshal: a host that is over is stale, and an instance that is over has no host",
          "[marshal]") {
    const syncline_plugin plugin = through_messages<Walker>();
    { const FakeHost host{plugin}; }
    CHECK(marshal::Call<&syncline_host::post>::send(12345, 1) == SYNCLINE_E_STALE);
    CHECK(marshal::connector_side().find(1) == nullptr);
    CHECK(marshal::connector_side().host_table(12345, SYNCLINE_LOG_ID) == nullptr);
}

TEST_CASE("marshal: a table that no message can carry is not there", "[marshal]") {
    const syncline_plugin plugin = through_messages<Walker>();
    const FakeHost host{plugin};
    CHECK(plugin.get_table(SYNCLINE_STR("com.vendor.thing/1")) == nullptr);
    CHECK(plugin.get_table(SYNCLINE_STR(SYNCLINE_READ_ID)) == nullptr);
    CHECK(plugin.get_table(SYNCLINE_STR(SYNCLINE_WRITE_ID)) != nullptr);
}
