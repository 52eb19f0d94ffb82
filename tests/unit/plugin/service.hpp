// An account of the connector chaos, for tests of what takes its place.
#pragma once

#include <array>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fake_http.hpp"
#include "fixtures.hpp"
#include "plugin/catalog.hpp"
#include "plugin/version_notes.hpp"

namespace syncline::plugin::test {

inline boost::json::object mode(const char* name) {
    boost::json::object settings;
    settings["mode"] = name;
    return settings;
}

// One account of chaos in service.
struct Service {
    Site site;
    std::shared_ptr<FakeHttp> http = std::make_shared<FakeHttp>();
    std::unique_ptr<Catalog> catalog;
    std::shared_ptr<Instance> account;

    explicit Service(const boost::json::object& settings = {}, const Catalog::Options& with = {}) {
        site.install("chaos");
        start(settings, with);
    }
    // Also again, after stop(), on what is there by then.
    void start(const boost::json::object& settings = {}, const Catalog::Options& with = {}) {
        Catalog::Options options = site.options();
        options.drain_limit = with.drain_limit;
        options.probe = with.probe;
        options.trial = with.trial;
        options.call_limit = with.call_limit;
        options.versions = with.versions;
        catalog = Catalog::open(options).value();
        InstanceOptions instance;
        instance.account = "shop";
        instance.settings = settings;
        instance.http = http;
        instance.streams = {"things"};
        account = catalog->start("chaos", instance).value();
    }

    void stop() {
        account.reset();
        catalog.reset();
    }
    std::shared_ptr<VersionNotes> notes() const {
        return VersionNotes::open(site.root.path(), core::system_clock(),
                                  VersionNotes::Access::kWrite);
    }

    void refresh() { catalog->refresh(std::stop_token{}); }
    void replace_by(const std::string& name) {
        site.install(name, "new");
        std::filesystem::rename(site.file("new"), site.file("chaos"));
        refresh();
    }
    std::future<void> replace_meanwhile(const std::string& name) {
        return std::async(std::launch::async, [this, name] { replace_by(name); });
    }
    // Until new calls go to the new version.
    void wait_for_change() const {
        while (catalog->swaps().taken.value() == 0) std::this_thread::yield();
    }
    // The version that answers, from inside the loaded code.
    std::string version() {
        Waiter<std::vector<Translation>> waiter;
        account->translate({event()}, waiter.callback());
        return key_of(waiter.get());
    }
    static std::shared_ptr<const WebhookRequest> event() {
        auto request = std::make_shared<WebhookRequest>();
        request->body = "{}";
        return request;
    }
    static std::string key_of(const std::vector<Translation>& translations) {
        return translations.at(0).records.at(0).key;
    }
    std::unique_ptr<Waiter<WriteResult>> write(const std::string& key = "k") {
        auto waiter = std::make_unique<Waiter<WriteResult>>();
        WriteBatch batch;
        batch.stream = "things";
        batch.records.resize(1);
        batch.records[0].key = key;
        batch.records[0].body = "{}";
        account->write(std::move(batch), waiter->callback());
        return waiter;
    }
    std::size_t staged() const {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry :
             std::filesystem::directory_iterator{site.root.path() / "stage"})
            ++count;
        return count;
    }
    std::filesystem::path staged_file() const {
        return std::filesystem::directory_iterator {
            site.root.path() / "stage"
            } -> path();
    }
    std::array<std::uint64_t, 4> counted() const {
        const SwapCounters& swaps = catalog->swaps();
        return {swaps.taken.value(), swaps.refused.value(), swaps.pinned.value(),
                swaps.stuck.value()};
    }
};

}  // namespace syncline::plugin::test
