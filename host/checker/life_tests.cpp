// Tests of an instance's life, from create() to destroy().
#include <array>

#include "checker/errc.hpp"
#include "checker/memory_used.hpp"
#include "checker/test.hpp"
#include "checker/tour.hpp"
#include "plugin/copy_in.hpp"
#include "record/json.hpp"

namespace syncline::checker {
namespace {

namespace json = boost::json;

constexpr int kInstances = 1000;

Result<Verdict> begins(const Subject& subject) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    if (!host.create()) return failed("create() returned NULL");
    if (const Ending ending = host.init(subject.settings); !ending.is_ok())
        return failed("init() refused " + subject.settings + ": " + ending.message);
    const Ending ending = host.start();
    return ending.is_ok() ? passed() : failed("start() failed: " + ending.message);
}

// Growth beyond what a fixed number of instances once needs.
Result<Verdict> thousand(const Subject& subject) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    const auto live = [&] {
        if (!host.create()) return false;
        host.destroy();
        return true;
    };
    for (int i = 0; i < 50; ++i) {
        if (!live()) return Error{kNotApplicable, "create() returned NULL; see `life-begins`"};
    }
    const auto before = memory_used();
    for (int i = 0; i < kInstances; ++i) live();
    const auto grown = memory_used() - before;
    // An instance that loses nothing grows by nothing; a word or two for each is a leak.
    if (grown < kInstances * 8) return passed();
    return failed(std::to_string(kInstances) + " instances left " + std::to_string(grown) +
                  " bytes, " + std::to_string(grown / kInstances) + " each");
}

Result<Verdict> isolated(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost first{subject, loaded};
    StrictHost second{subject, loaded};
    SYNCLINE_CHECK(first.begin());
    SYNCLINE_CHECK(second.begin());
    const auto streams = destinations(subject);
    const auto use = [&](StrictHost& host) {
        if (manifest->can_webhook) host.translate(sample_requests()[0]);
        if (streams) host.write(sample_write(streams->front(), accepts()));
    };
    use(first);
    use(second);
    if (!first.end()) return Error{kNotApplicable, "it does not stop; see `life-stops`"};
    use(second);
    second.end();
    for (const StrictHost* host : {&first, &second}) {
        for (const Violation& violation : host->violations()) {
            if (violation.rule == Rule::kIsolated) return failed(violation.what);
        }
    }
    return passed();
}

// init() with texts that are no settings, each on an instance of its own that is left alone
// afterwards: what destroy() makes of it is another test's.
Result<Verdict> refuses(const Subject& subject, const std::vector<std::string>& wrong) {
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    for (const std::string& settings : wrong) {
        StrictHost host{subject, loaded};
        if (!host.create()) return Error{kNotApplicable, "create() returned NULL"};
        if (host.init(settings).is_ok()) return failed("init() accepted " + settings);
    }
    return passed();
}

Result<Verdict> invalid_settings(const Subject& subject) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const json::value settings, record::parse_json(subject.settings));
    if (settings.as_object().empty())
        return Error{kNotApplicable, "the connector has no settings that could be wrong"};
    std::vector<std::string> wrong{"{\"", "[]"};
    json::object other;
    for (const auto& [name, value] : settings.as_object()) {
        if (value.is_string()) other[name] = json::array{1};
    }
    if (!other.empty()) wrong.push_back(record::write_json(other));
    return refuses(subject, wrong);
}

Result<Verdict> missing_settings(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    SYNCLINE_TRY(const json::value settings, record::parse_json(subject.settings));
    std::vector<std::string> wrong;
    const json::value* required = manifest->settings_schema.if_contains("required");
    if (required != nullptr && required->is_array()) {
        for (const json::value& name : required->as_array()) {
            json::object without = settings.as_object();
            without.erase(name.as_string());
            wrong.push_back(record::write_json(without));
        }
    }
    if (wrong.empty()) return Error{kNotApplicable, "no setting is required"};
    return refuses(subject, wrong);
}

Result<Verdict> failed_init(const Subject& subject) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    int failures = 0;
    for (const char* settings : {"{\"", "[]", "{}"}) {
        StrictHost host{subject, loaded};
        if (!host.create()) return Error{kNotApplicable, "create() returned NULL"};
        if (host.init(settings).is_ok()) continue;
        ++failures;
        host.destroy();
    }
    if (failures == 0) return Error{kNotApplicable, "init() accepts everything"};
    return passed();
}

Result<Verdict> without_tables(const Subject& subject) {
    SYNCLINE_TRY(const plugin::Manifest* manifest, subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded, {.has_tables = false}};
    if (!host.create()) return Error{kNotApplicable, "create() returned NULL"};
    const Ending ending = host.init(subject.settings);
    if (!manifest->can_write && !manifest->can_fetch) return passed();
    if (ending.is_ok()) return failed("init() succeeded although the host has no tables at all");
    if (ending.status != SYNCLINE_E_UNSUPPORTED)
        return failed("init() failed with another class than UNSUPPORTED: " + ending.message);
    return passed();
}

Result<Verdict> later_host(const Subject& subject) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    {
        StrictHost now{subject, loaded};
        SYNCLINE_CHECK(now.begin());
    }
    StrictHost host{subject, loaded, {.abi_minor = SYNCLINE_ABI_MINOR + 7, .growth_bytes = 64}};
    if (!host.create()) return failed("create() returned NULL under a later host");
    const Ending ending = host.init(subject.settings);
    return ending.is_ok() ? passed()
                          : failed("init() failed under a later host: " + ending.message);
}

Result<Verdict> stops(const Subject& subject) {
    SYNCLINE_CHECK(subject.need_manifest());
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    host.stop();
    return host.drain() ? passed() : failed("after stop() the connector never said stopped()");
}

Result<Verdict> stops_with_work(const Subject& subject) {
    SYNCLINE_TRY(const auto streams, destinations(subject));
    SYNCLINE_TRY(const Loaded loaded, Loaded::open(subject));
    {
        StrictHost idle{subject, loaded};
        SYNCLINE_CHECK(idle.begin());
        idle.stop();
        if (!idle.drain()) return Error{kNotApplicable, "it does not stop; see `life-stops`"};
    }
    StrictHost host{subject, loaded};
    SYNCLINE_CHECK(host.begin());
    if (!host.begin_write(sample_write(streams.front(), accepts())).is_ok())
        return Error{kNotApplicable, "no write could be begun"};
    host.stop();
    return host.drain() ? passed()
                        : failed("with a write open, the connector never said stopped()");
}

constexpr Test kLifeTests[] = {
    {"life-begins", 4, "an account starts with the smallest valid settings",
     "an operator who fills in what the manifest asks for gets nowhere",
     "accept what the settings' schema accepts, or make the schema narrower; or give the "
     "settings by `--settings FILE`",
     begins},
    {"life-thousand", 4, "create() and destroy() a thousand times leave nothing behind",
     "a hub that runs for months grows", "free in destroy() what create() allocates", thousand},
    {"life-isolated", 4, "instances know nothing of each other",
     "two accounts of one platform mix their data",
     "keep everything in the instance, nothing in "
     "static variables",
     isolated},
    {"life-invalid-settings", 4, "init() refuses what is no valid settings, and says why",
     "an account that can't work looks as if it did",
     "read settings with care; fail with "
     "SYNCLINE_E_CONFIG and a message",
     invalid_settings},
    {"life-missing-settings", 4, "init() refuses settings that lack what is required",
     "an account that can't work looks as if it did",
     "fail with SYNCLINE_E_CONFIG, and name the setting", missing_settings},
    {"life-failed-init", 4, "after a failed init() the instance can be destroyed",
     "a wrong setting takes the whole hub down",
     "destroy() has to cope with an instance of which "
     "nothing was filled in",
     failed_init},
    {"life-without-tables", 4, "a host that lacks a table is told so",
     "an older hub is taken down by a null pointer",
     "check each table in init(); return SYNCLINE_E_UNSUPPORTED when one is NULL", without_tables},
    {"life-later-host", 4, "a later host, with longer tables, is as good",
     "the connector has to be built anew for each version of the hub",
     "do not compare abi_minor or struct_size for equality", later_host},
    {"life-stops", 4, "stop() is answered by stopped()",
     "the hub's end and each exchange of the connector wait until they give up",
     "call stopped() once nothing is open; in stop() ask for a post()", stops},
    {"life-stops-with-work", 4, "stop() ends an open write",
     "the hub's end waits until it gives up",
     "complete open operations when their exchanges end, then call stopped()", stops_with_work},
};

}  // namespace

std::span<const Test> life_tests() {
    return kLifeTests;
}

}  // namespace syncline::checker
