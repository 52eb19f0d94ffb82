// A connector on the C++ layer with settings of its own that maps ids. The body is a digit; the
// record's key goes by it, and the destination's key is what the keys "a" and "b" are then mapped
// to. Record "fails" fails, "erases" erases "a", "asks" sends a request before it looks up.
#include "syncline/connector.hpp"

namespace {

struct KeeperSettings {
    std::string name_space, base_url;
    std::int64_t limit = 0;

    static constexpr auto settings() {
        using Own = KeeperSettings;
        return std::tuple{
            syncline::setting("base_url", &Own::base_url, "Whom to ask", {.format = "uri"}),
            syncline::setting("name_space", &Own::name_space, "Where ids are",
                              {.preset = "lists", .min_length = 1}),
            syncline::setting("limit", &Own::limit, "Ignored", {.preset = 5, .min = 1, .max = 9}),
        };
    }
};

class Keeper final : public syncline::Configured<KeeperSettings>, public syncline::BatchWriter {
    syncline::Status configure(KeeperSettings& settings) override {
        if (settings.limit == 7) return syncline::Failure{SYNCLINE_E_CONFIG, "7 is too many"};
        ids_.emplace(settings.name_space);
        return {};
    }

    syncline::Task<> write(syncline::Batch& batch) override {
        const syncline::WriteRecord record = batch[0];
        if (record.key() == "erases") {
            co_await ids_->erase("a");
        } else {
            co_await ids_->put(record.key() == "fails" ? "a" : record.key(), record.body());
        }
        if (record.key() == "asks") co_await syncline::http::get(settings().base_url);
        std::vector<std::string> keys{"a", "b"};
        const auto both = co_await ids_->find_all(std::move(keys));
        const auto one = co_await ids_->find("a");
        const std::string found =
            both[0].value_or("-") + both[1].value_or("-") + (one == both[0] ? std::string{} : "?");
        if (record.key() == "fails") throw syncline::Failure{SYNCLINE_E_PERMANENT, found};
        record.done(found);
    }

    std::optional<syncline::Ids> ids_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Keeper, R"json({
    "id": "keeper", "version": "1.0.0", "name": "Keeper",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
    "capabilities": ["write"],
    "streams": [{"name": "things", "source": false, "destination": true}],
    "allowed_hosts": [{"from_setting": "base_url"}]
})json")
