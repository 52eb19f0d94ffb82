#include "pipeline/translator.hpp"

#include <boost/asio/post.hpp>

#include "core/assert.hpp"
#include "pipeline/page.hpp"
#include "pipeline/settle.hpp"
#include "pipeline/suspects.hpp"

namespace syncline::pipeline {
namespace {

constexpr std::size_t kWindowEvents = 1024;
constexpr std::size_t kTakeEvents = 256;
constexpr std::size_t kTakeBytes = 4 * 1024 * 1024;

}  // namespace

Translator::Translator(RoutePlan plan, std::vector<Target> targets, store::Store& store,
                       std::shared_ptr<const GuardedTime> time,
                       std::shared_ptr<boost::asio::thread_pool> cpu)
    : plan_(std::move(plan)),
      targets_(std::move(targets)),
      store_(store),
      time_(std::move(time)),
      cpu_(std::move(cpu)),
      strand_(boost::asio::make_strand(*cpu_)) {
    for (const plugin::StreamSpec& stream : plan_.source->manifest().streams) {
        if (stream.is_source && stream.is_mergeable) mergeable_.insert(stream.name);
    }
}

Result<void> Translator::pump(store::State& state) {
    while (events_out_ + kTakeEvents <= kWindowEvents) {
        SYNCLINE_TRY(auto events, state.take_events(plan_.id, kTakeEvents, kTakeBytes));
        if (events.empty()) break;
        events_out_ += events.size();
        boost::asio::post(strand_,
                          [self = shared_from_this(), taken = std::move(events)]() mutable {
                              self->translate(std::move(taken));
                          });
    }
    return {};
}

void Translator::translate(std::vector<store::PendingEvent> events) {
    if (plan_.takes_pages) return take_pages(std::move(events));
    Requests requests;
    std::vector<store::PendingEvent> asked;
    std::vector<store::Fact> dead_ones;
    std::vector<plugin::Subject> set_aside;
    requests.reserve(events.size());
    asked.reserve(events.size());
    for (store::PendingEvent& event : events) {
        const store::Received& received = *event.received;
        const plugin::Subject subject = subject_of(event.position);
        if (plan_.suspects && plan_.suspects->has(subject)) {
            dead_ones.push_back(dead(event, plan_.suspects->set_aside(subject)));
            set_aside.push_back(subject);
            continue;
        }
        Result<std::string> body = store_.bodies().read(received.body);
        if (!body.has_value()) {
            dead_ones.push_back(dead(event, plugin::Failure{plugin::FailureClass::kPermanent,
                                                            body.error().to_string(), "", -1}));
            continue;
        }
        auto request = std::make_shared<plugin::WebhookRequest>();
        request->method = received.method;
        request->path = received.path;
        request->query = received.query;
        request->headers = received.headers;
        request->received_ns = received.received_ns;
        request->body = std::move(*body);
        request->subject = subject;
        requests.push_back(std::move(request));
        asked.push_back(std::move(event));
    }
    if (plan_.suspects) plan_.suspects->forget(set_aside);
    append(std::move(dead_ones));
    if (requests.empty()) return;
    plan_.source->translate(std::move(requests),
                            [self = shared_from_this(), taken = std::move(asked)](
                                std::vector<plugin::Translation> translations) {
                                self->finish(taken, std::move(translations));
                            });
}

// The records are there; nobody is asked.
void Translator::take_pages(std::vector<store::PendingEvent> events) {
    std::vector<plugin::Translation> pages;
    pages.reserve(events.size());
    for (const store::PendingEvent& event : events) {
        plugin::Translation& page = pages.emplace_back();
        Result<std::string> body = store_.bodies().read(event.received->body);
        Result<std::vector<record::Record>> records =
            body.has_value() ? decode_page(*body)
                             : Result<std::vector<record::Record>>{body.error()};
        if (records.has_value()) {
            page.records = std::move(*records);
        } else {
            page.failure = {plugin::FailureClass::kPermanent, records.error().to_string(), "", -1};
        }
    }
    finish(events, std::move(pages));
}

// On the source's work thread, or on the strand for pages; one call after the other: the facts are
// appended in received order.
void Translator::finish(const std::vector<store::PendingEvent>& events,
                        std::vector<plugin::Translation> translations) {
    SYNCLINE_ASSERT(translations.size() == events.size());
    std::vector<store::Fact> facts;
    facts.reserve(events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (translations[i].failure.failure_class == plugin::FailureClass::kCancelled) {
            ++events_left_;  // the source is stopped; that is no fault of the event
            continue;
        }
        facts.push_back(fact_of(events[i], std::move(translations[i])));
    }
    append(std::move(facts));
}

void Translator::append(std::vector<store::Fact> facts) {
    if (facts.empty()) return;
    store::Append append;
    std::size_t count = facts.size();
    append.facts = std::move(facts);
    append.on_applied = [self = shared_from_this(), count](std::optional<Error>) {
        self->events_out_ -= count;
    };
    store_.append(std::move(append));
}

store::Fact Translator::dead(const store::PendingEvent& event, const plugin::Failure& failure) {
    store::EventDied fact;
    fact.route = plan_.id;
    fact.event = event.position;
    fact.at_ns = time_->now_ns();
    fact.failure.failure_class = plugin::to_string(failure.failure_class);
    fact.failure.message = bounded(failure.message);
    fact.failure.provider_code = bounded(failure.provider_code);
    return fact;
}

// Files that no fact will name.
void Translator::drop_bodies(const store::Translated& fact) {
    std::vector<std::string> files;
    for (const store::TranslatedRecord& record : fact.records) {
        if (!record.body.file.empty()) files.push_back(record.body.file);
    }
    store_.bodies().remove(files);
}

std::vector<store::Target> Translator::targets_of(const record::Record& record) const {
    std::vector<store::Target> targets;
    for (const Target& target : targets_) {
        if (target.stream != record.stream) continue;
        auto parent = record.parent_key.empty() ? target.siblings.end()
                                                : target.siblings.find(record.parent_stream);
        bool has_parent = parent != target.siblings.end();
        targets.push_back({target.connection, has_parent ? parent->second : 0});
    }
    return targets;
}

store::Fact Translator::fact_of(const store::PendingEvent& event, plugin::Translation translation) {
    if (translation.failure.failure_class != plugin::FailureClass::kNone)
        return dead(event, translation.failure);
    store::Translated fact;
    fact.route = plan_.id;
    fact.event = event.position;
    fact.records.reserve(translation.records.size());
    for (record::Record& source : translation.records) {
        store::TranslatedRecord record;
        record.targets = targets_of(source);
        if (!record.targets.empty()) {
            Result<store::Body> body = store_.bodies().keep(std::move(source.body));
            if (!body.has_value()) {
                drop_bodies(fact);
                return dead(event, plugin::Failure{plugin::FailureClass::kTransient,
                                                   body.error().to_string(), "", -1});
            }
            record.body = std::move(*body);
        }
        record.is_mergeable = mergeable_.contains(source.stream);
        record.operation = source.operation;
        record.stream = std::move(source.stream);
        record.key = std::move(source.key);
        record.parent_key = std::move(source.parent_key);
        record.occurred_ns = source.occurred_ns.value_or(0);
        fact.records.push_back(std::move(record));
    }
    return fact;
}

}  // namespace syncline::pipeline
