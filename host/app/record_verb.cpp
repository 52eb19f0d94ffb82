#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/object.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <utility>

#include "app/configuration.hpp"
#include "app/editor.hpp"
#include "app/errc.hpp"
#include "app/expressions.hpp"
#include "app/hub_section.hpp"
#include "app/outbound_auth.hpp"
#include "app/recorder.hpp"
#include "app/report.hpp"
#include "app/transport.hpp"
#include "app/verbs.hpp"
#include "app/words.hpp"
#include "core/redact.hpp"
#include "http_client/client.hpp"
#include "plugin/version_notes.hpp"
#include "record/json.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr const char* kRecordCommand = "connectors record";
constexpr std::size_t kRecordsMax = 10'000;
constexpr std::uint32_t kBatchRecords = 100;  // unless the stream wants fewer
constexpr milliseconds kBatchTimeout{60'000};
constexpr milliseconds kStopDeadline{10'000};
constexpr milliseconds kGrace{10'000};  // of a connector that is late

// For the private copies of connectors; gone with this.
class StageFolder {
  public:
    StageFolder() {
        std::error_code error;
        const std::filesystem::path base = std::filesystem::temp_directory_path(error);
        std::string name = ((error ? "/tmp" : base) / "syncline-record.XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) path_ = name;
    }
    ~StageFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    StageFolder(const StageFolder&) = delete;
    StageFolder& operator=(const StageFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

Error in_line(const std::filesystem::path& file, std::size_t line, const std::string& why) {
    return Error{kRecordsInvalid, why}.at(file.string() + ":" + std::to_string(line));
}

// {"op": "upsert", "key": "u1", "record": {...}, "destination_key": "7"}: what the connector jsonl
// writes is understood.
Result<plugin::WriteRecord> read_record(const std::string& line) {
    const auto invalid = [](const char* why) { return Error{kRecordsInvalid, why}; };
    SYNCLINE_TRY(const json::value parsed, record::parse_json(line));
    const json::object* object = parsed.if_object();
    if (object == nullptr) return invalid("it is no JSON object");
    plugin::WriteRecord made;
    made.key = text_of(*object, "key");
    if (made.key.empty() || made.key.size() > record::kKeyBytesMax)
        return invalid("it needs a `key` of 1 to 1024 bytes");
    const std::string operation = text_of(*object, "op");
    if (!operation.empty() && operation != "upsert" && operation != "delete")
        return invalid("`op` is upsert or delete");
    if (operation == "delete") made.operation = record::Operation::kDelete;
    const json::value* body = object->if_contains("record");
    if (body != nullptr && body->is_object()) made.body = record::write_json(*body);
    if (made.body.empty() && operation != "delete") return invalid("it needs a `record`");
    made.destination_key = text_of(*object, "destination_key");
    made.was_delivered = !made.destination_key.empty();
    made.idempotency_key = made.key;
    return made;
}

// In batches of different keys.
Result<std::vector<std::vector<plugin::WriteRecord>>> read_batches(
    const std::filesystem::path& file, std::uint32_t batch_max) {
    SYNCLINE_TRY(const std::string text, read_all(file));
    std::vector<std::vector<plugin::WriteRecord>> batches;
    std::set<std::string> keys;  // of the last batch
    std::size_t number = 0, count = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        begin = end + 1;
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        if (++count > kRecordsMax) return in_line(file, number, "more than 10,000 records");
        auto made = read_record(line);
        if (made.has_error()) return in_line(file, number, made.error().what());
        if (batches.empty() || batches.back().size() == batch_max || keys.contains(made->key)) {
            batches.emplace_back();
            keys.clear();
        }
        keys.insert(made->key);
        batches.back().push_back(std::move(*made));
    }
    if (batches.empty()) return in_line(file, 1, "there are no records");
    return batches;
}

// Variables may be anything, also hosts and paths; those that are called as secrets are
// (ACME_TOKEN, ACME_API_KEY) are hidden wherever the configuration put them.
void watch_secret_variables(std::vector<core::Watch>& watches) {
    for (char** entry = ::environ; *entry != nullptr; ++entry) {
        const std::string_view variable{*entry};
        const std::size_t equals = variable.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = variable.substr(0, equals);
        if (core::is_secret_name(name) || name.ends_with("KEY"))
            watches.emplace_back(variable.substr(equals + 1));
    }
}

// What a connector calls secret is watched even where it stands in the configuration as it is.
std::vector<core::Watch> watch_secret_settings(const plugin::Manifest& manifest,
                                               const json::object& settings) {
    std::vector<core::Watch> watches;
    const json::value* properties = manifest.settings_schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return watches;
    for (const auto& [name, schema] : properties->get_object()) {
        const json::value* value = settings.if_contains(name);
        if (value == nullptr || !value->is_string() || !schema.is_object()) continue;
        if (is_true(schema.get_object(), "writeOnly"))
            watches.emplace_back(std::string_view{value->get_string()});
    }
    return watches;
}

// One account with its connector, without store and pipeline.
class Session {
  public:
    ~Session() {
        if (instance_ != nullptr) {
            bool is_over = false;
            instance_->stop(kStopDeadline,
                            [&] { boost::asio::post(io_, [&] { is_over = true; }); });
            run_until([&] { return is_over; }, kStopDeadline + kGrace);
        }
        instance_.reset();
        catalog_.reset();
        recorder_.reset();
        client_.reset();
    }

    Result<void> start(config::Config& config, config::Account& account) {
        plugin::Catalog::Options options;
        options.connectors_dir = config.hub.connectors_dir;
        options.stage_dir = stage_.path() / "connectors";
        options.clock = &core::system_clock();
        options.versions = plugin::VersionNotes::open(config.hub.data_dir, core::system_clock(),
                                                      plugin::VersionNotes::Access::kRead);
        SYNCLINE_TRY(catalog_, plugin::Catalog::open(std::move(options)));
        const plugin::Manifest* manifest = catalog_->find(account.connector);
        if (manifest == nullptr) return catalog_->unknown(account.connector);
        client_ = std::make_unique<http_client::Client>(io_);
        SYNCLINE_TRY(http_client::EgressPolicy policy, egress_policy(*manifest, account.settings));
        std::optional<OutboundAuth> auth;
        if (account.auth) auth.emplace(*account.auth, policy, core::system_clock());
        const http_client::PoolId pool = client_->open_pool(
            std::make_shared<const http_client::EgressPolicy>(std::move(policy)));
        recorder_ = std::make_shared<Recorder>(make_transport(io_, *client_, pool, std::move(auth),
                                                              std::make_shared<OutboundMetrics>()));
        plugin::InstanceOptions instance;
        instance.account = account.name;
        instance.settings = std::exchange(account.settings, {});
        for (auto& [name, given] : account.secrets)
            instance.secrets.emplace(name, std::move(given.value));
        instance.http = recorder_;
        instance.expressions = make_expressions();
        SYNCLINE_TRY(instance_, catalog_->start(account.connector, std::move(instance)));
        return {};
    }

    Result<plugin::WriteResult> write(std::string stream,
                                      std::vector<plugin::WriteRecord> records) {
        // Shared: a connector that is too late finds it still there.
        auto result = std::make_shared<std::optional<plugin::WriteResult>>();
        plugin::WriteBatch batch{std::move(stream), std::move(records), kBatchTimeout};
        instance_->write(std::move(batch), [this, result](plugin::WriteResult written) {
            boost::asio::post(
                io_, [result, kept = std::move(written)]() mutable { *result = std::move(kept); });
        });
        run_until([&] { return result->has_value(); }, kBatchTimeout + kGrace);
        if (!*result) return Error{kRecordingFailed, "the connector did not complete a batch"};
        return std::move(**result);
    }

    const Recorder& recorder() const { return *recorder_; }

  private:
    void run_until(const std::function<bool()>& is_over, milliseconds limit) {
        const auto until = std::chrono::steady_clock::now() + limit;
        io_.restart();
        while (!is_over() && std::chrono::steady_clock::now() < until) io_.run_one_until(until);
    }

    StageFolder stage_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        io_.get_executor()};
    std::unique_ptr<http_client::Client> client_;
    std::shared_ptr<Recorder> recorder_;
    std::unique_ptr<plugin::Catalog> catalog_;
    std::shared_ptr<plugin::Instance> instance_;
};

Result<config::Account*> find_account(Configuration& configuration, const std::string& name) {
    const auto found = configuration.config.accounts.find(name);
    if (found == configuration.config.accounts.end())
        return Error{kBadArgument, "there is no account `" + name + "`",
                     "name one of `accounts` in the configuration"};
    config::Account& account = found->second;
    if (account.is_sealed)
        return Error{kRecordingFailed, "a secret of the account can't be opened now"};
    // A refresh token that two processes exchange is lost for one of them.
    if (account.auth && std::holds_alternative<config::OAuth2>(account.auth->credential))
        return Error{kBadArgument, "the account `" + name + "` gets its tokens from the hub",
                     "for the recording give it a token: `auth: { scheme: bearer, ... }`"};
    return &account;
}

Result<const plugin::StreamSpec*> find_stream(const plugin::Manifest& manifest,
                                              const std::string& name) {
    const plugin::StreamSpec* stream = manifest.stream(name);
    if (!manifest.can_write || stream == nullptr || !stream->is_destination)
        return Error{kUnknownStream,
                     "the connector " + manifest.id + " writes no stream `" + name + "`"};
    return stream;
}

Result<void> write_file(const std::filesystem::path& file, const std::string& text) {
    std::ofstream out{file, std::ios::binary | std::ios::trunc};
    out << text;
    out.close();
    if (out.fail()) return Error{kDirectoryUnwritable, "can't write " + file.string()};
    return {};
}

Result<Report> record(Configuration& configuration, const RecordingWish& wish) {
    SYNCLINE_TRY(config::Account * account, find_account(configuration, wish.account));
    const plugin::Manifest& manifest = *configuration.catalog->find(account->connector);
    SYNCLINE_TRY(const plugin::StreamSpec* stream, find_stream(manifest, wish.stream));
    const std::uint32_t batch_max = stream->batch_records_max != 0
                                        ? std::min(stream->batch_records_max, kBatchRecords)
                                        : kBatchRecords;
    SYNCLINE_TRY(auto batches, read_batches(wish.records, batch_max));
    auto watches = watch_secret_settings(manifest, account->settings);
    watch_secret_variables(watches);
    Session session;
    SYNCLINE_CHECK(session.start(configuration.config, *account));
    Report report;
    report.command = kRecordCommand;
    std::size_t done = 0, others = 0;
    for (std::vector<plugin::WriteRecord>& batch : batches) {
        std::vector<std::string> keys;
        for (const plugin::WriteRecord& each : batch) keys.push_back(each.key);
        SYNCLINE_TRY(const plugin::WriteResult written,
                     session.write(wish.stream, std::move(batch)));
        for (std::size_t i = 0; i < keys.size() && i < written.outcomes.size(); ++i) {
            const plugin::Outcome& outcome = written.outcomes[i];
            const bool is_done = outcome.kind == plugin::OutcomeKind::kDone;
            ++(is_done ? done : others);
            if (!is_done) report.text += "key " + keys[i] + ": " + outcome.failure.message + "\n";
        }
    }
    const json::object cassette = session.recorder().cassette();
    const std::size_t count = cassette.at("exchanges").as_array().size();
    SYNCLINE_CHECK(write_file(wish.output, pretty_json(cassette) + "\n"));
    report.summary = "Recorded " + count_of(count, "exchange") + " in " + wish.output.string() +
                     "; " + count_of(done + others, "record") + ", of which " +
                     std::to_string(done) + " done" +
                     (session.recorder().is_cut() ? "; there were more exchanges" : "");
    report.result = json::object{{"file", wish.output.string()},
                                 {"exchanges", count},
                                 {"done", done},
                                 {"not_done", others},
                                 {"cut", session.recorder().is_cut()}};
    return report;
}

}  // namespace

int connectors_record(const Common& common, const RecordingWish& wish) {
    Checked checked = load_configuration(common.config, core::system_clock());
    if (!checked.configuration) return print_problems(kRecordCommand, common, checked.problems);
    const Result<Report> report = record(*checked.configuration, wish);
    if (report.has_error()) return print_error(kRecordCommand, report.error(), common.is_json);
    return print(*report, common.is_json);
}

}  // namespace syncline::app
