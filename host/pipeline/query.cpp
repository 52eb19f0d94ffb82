#include "pipeline/query.hpp"

#include <boost/asio/post.hpp>

#include "core/assert.hpp"
#include "record/json.hpp"

namespace syncline::pipeline {
namespace {

namespace json = boost::json;
using plugin::FailureClass;

plugin::FetchResult failed(FailureClass failure_class, std::string message) {
    return {plugin::FetchKind::kFailed, "", {failure_class, std::move(message), "", -1}};
}

plugin::FetchResult unmappable(const Error& error) {
    std::string place = error.where().empty() ? "" : std::string{error.where()} + ": ";
    return failed(FailureClass::kPermanent, place + std::string{error.what()});
}

expr::Limits limits_for(std::string_view body) {
    expr::Limits limits;
    limits.steps_max += body.size();
    return limits;
}

Result<json::value> mapped(const std::vector<std::pair<std::string, expr::Program>>& map,
                           json::value from, const expr::Limits& limits) {
    if (map.empty()) return from;
    json::object to;
    for (const auto& [field, program] : map) {
        SYNCLINE_TRY(json::value value, program.run(from, limits));
        to.insert_or_assign(field, std::move(value));
    }
    return json::value(std::move(to));
}

}  // namespace

Query::Query(QueryPlan plan, std::shared_ptr<boost::asio::thread_pool> cpu)
    : plan_(std::move(plan)), cpu_(std::move(cpu)), strand_(boost::asio::make_strand(*cpu_)) {}

void Query::ask(plugin::WebhookRequest request, Done done) {
    auto shared = std::make_shared<const plugin::WebhookRequest>(std::move(request));
    auto translated = [self = shared_from_this(), done = std::move(done)](
                          std::vector<plugin::Translation> translations) mutable {
        SYNCLINE_ASSERT(translations.size() == 1);
        auto on_strand = [self, done = std::move(done),
                          translation = std::move(translations.front())]() mutable {
            self->fetch(std::move(translation), done);
        };
        boost::asio::post(self->strand_, std::move(on_strand));
    };
    plan_.source->translate({std::move(shared)}, std::move(translated));
}

void Query::fetch(plugin::Translation translation, const Done& done) {
    if (translation.failure.failure_class != FailureClass::kNone)
        return done({plugin::FetchKind::kFailed, "", std::move(translation.failure)});
    if (translation.records.size() != 1) {
        return done(
            failed(FailureClass::kPermanent, "a question is one record, and the request became " +
                                                 std::to_string(translation.records.size())));
    }
    record::Record& record = translation.records.front();
    if (record.stream != plan_.connection.source_stream)
        return done(failed(FailureClass::kPermanent, "the request is of another stream"));
    const expr::Limits limits = limits_for(record.body);
    json::value source = json::object{};
    if (!record.body.empty()) {
        Result<json::value> parsed = record::parse_json(record.body);
        if (!parsed.has_value()) return done(unmappable(parsed.error()));
        source = std::move(*parsed);
    }
    if (plan_.connection.when) {
        Result<json::value> verdict = plan_.connection.when->run(source, limits);
        if (!verdict.has_value()) return done(unmappable(verdict.error()));
        if (!expr::Program::is_true(*verdict)) return done({plugin::FetchKind::kAbsent, "", {}});
    }
    Result<json::value> parameters = mapped(plan_.connection.map, std::move(source), limits);
    if (!parameters.has_value()) return done(unmappable(parameters.error()));
    plugin::FetchBatch batch;
    batch.stream = plan_.connection.destination_stream;
    batch.timeout = plan_.timeout;
    batch.requests.push_back({std::move(record.key), record::write_json(*parameters)});
    auto fetched = [self = shared_from_this(), done](std::vector<plugin::FetchResult> results) {
        SYNCLINE_ASSERT(results.size() == 1);
        auto on_strand = [self, done, found = std::move(results.front())]() mutable {
            done(self->answer(std::move(found)));
        };
        boost::asio::post(self->strand_, std::move(on_strand));
    };
    plan_.connection.destination->fetch(std::move(batch), std::move(fetched));
}

plugin::FetchResult Query::answer(plugin::FetchResult found) const {
    if (found.kind != plugin::FetchKind::kFound || plan_.answer_map.empty()) return found;
    Result<json::value> parsed = record::parse_json(found.body);
    if (!parsed.has_value()) return unmappable(parsed.error());
    Result<json::value> worded =
        mapped(plan_.answer_map, std::move(*parsed), limits_for(found.body));
    if (!worded.has_value()) return unmappable(worded.error());
    found.body = record::write_json(*worded);
    return found;
}

}  // namespace syncline::pipeline
