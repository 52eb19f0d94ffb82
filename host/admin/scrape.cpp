#include "admin/scrape.hpp"

#include <boost/asio/post.hpp>
#include <future>
#include <map>
#include <utility>

#include "admin/errc.hpp"
#include "admin/views.hpp"

namespace syncline::admin {
namespace {

// What the state knows, copied on its thread.
struct Books {
    std::vector<std::pair<std::string, store::RouteLedger>> routes;
    struct Connection {
        std::string name;
        bool is_present;
        store::ConnectionLedger ledger;
    };
    std::vector<Connection> connections;
};

// With what has a name and counted nothing yet: rows that come from nowhere have no growth.
template <class Ledger>
std::map<std::uint32_t, Ledger> with_all_names(const store::State& state, store::NameKind kind,
                                               std::map<std::uint32_t, Ledger> ledgers) {
    for (const auto& [id, row] : state.names(kind)) ledgers.try_emplace(id);
    return ledgers;
}

Books read_books(const store::State& state) {
    constexpr auto kRoute = store::NameKind::kRoute;
    constexpr auto kConnection = store::NameKind::kConnection;
    Books books;
    for (const auto& [id, ledger] : with_all_names(state, kRoute, state.route_ledgers()))
        books.routes.emplace_back(name_of(state, kRoute, id), ledger);
    for (const auto& [id, ledger] :
         with_all_names(state, kConnection, state.connection_ledgers())) {
        books.connections.push_back(
            {name_of(state, kConnection, id), is_present(state, kConnection, id), ledger});
    }
    return books;
}

double number(std::uint64_t value) {
    return static_cast<double>(value);
}

void add(MetricsPage& page, const std::string& route, const store::RouteLedger& ledger) {
    const Labels labels{{"route", route}};
    page.counter("received_events_total", "Events on disk.", labels, number(ledger.received));
    page.counter("translated_events_total", "Events that became records.", labels,
                 number(ledger.translated));
    page.counter("handshake_events_total", "Handshakes answered.", labels,
                 number(ledger.handshake));
    page.counter("queried_events_total", "Questions that a destination answered.", labels,
                 number(ledger.queried));
    page.counter("duplicate_events_total", "Events whose message id was known.", labels,
                 number(ledger.duplicate));
    page.gauge("dead_events", "Events that are dead letters.", labels, number(ledger.dead));
    page.gauge("pending_events", "Events that wait for translation.", labels,
               number(ledger.pending));
}

void add(MetricsPage& page, const Books::Connection& connection) {
    const store::ConnectionLedger& ledger = connection.ledger;
    const Labels labels{{"connection", connection.name}};
    page.counter("routed_records_total", "Records that came in.", labels, number(ledger.routed));
    page.counter("generated_records_total", "Records that the hub made itself.", labels,
                 number(ledger.generated));
    page.counter("delivered_records_total", "Records that the destination took.", labels,
                 number(ledger.delivered));
    page.counter("unchanged_records_total", "Records that the destination had.", labels,
                 number(ledger.unchanged));
    page.counter("filtered_records_total", "Records that `when` left out.", labels,
                 number(ledger.filtered));
    page.counter("superseded_records_total", "Records whose key had got something newer.", labels,
                 number(ledger.superseded));
    page.counter("discarded_records_total", "Records that an operator gave up.", labels,
                 number(ledger.discarded));
    page.gauge("dead_records", "Records that are dead letters.", labels, number(ledger.dead));
    page.gauge("pending_records", "Records that wait for delivery.", labels,
               connection.is_present ? number(ledger.pending) : 0);
    page.gauge("parked_records", "Records that wait for their connection to be configured.", labels,
               connection.is_present ? 0 : number(ledger.pending));
}

void add(MetricsPage& page, const Books& books) {
    bool is_balanced = true;
    for (const auto& [name, ledger] : books.routes) {
        is_balanced = is_balanced && ledger.balances();
        add(page, name, ledger);
    }
    for (const Books::Connection& connection : books.connections) {
        is_balanced = is_balanced && connection.ledger.balances();
        add(page, connection);
    }
    page.gauge("ledger_balanced", "1 when everything is accounted for.", {}, is_balanced ? 1 : 0);
}

void add(MetricsPage& page, const store::StoreStatus& status, const store::JournalMetrics& journal,
         store::Position applied) {
    auto counter_of = [&](store::Position position) {
        return position.epoch() == applied.epoch() ? number(position.counter()) : 0.0;
    };
    page.gauge("pending_bytes", "Backlog, as hub.limits.pending_bytes_max counts it.", {},
               number(status.pending_bytes));
    page.gauge("unapplied_bytes", "In memory, as hub.limits.unapplied_bytes_max counts it.", {},
               number(status.unapplied_bytes));
    page.gauge("accepting", "0 while the disk has no room for events.", {},
               status.has_room ? 1 : 0);
    page.gauge("journal_epoch", "Starts of the hub on this data.", {}, number(applied.epoch()));
    page.counter("applied_facts_total", "Facts of this epoch in the state.", {},
                 counter_of(applied));
    page.counter("committed_facts_total", "Facts of this epoch in the database.", {},
                 counter_of(status.committed));
    page.counter("journal_written_bytes_total", "Bytes appended to the journal.", {},
                 journal.bytes);
    page.histogram("journal_flush_duration_seconds", "Flushes of the journal.", {}, journal.flush);
}

}  // namespace

Scrape::Scrape(boost::asio::io_context& io, store::Store& store, Source source,
               std::chrono::milliseconds patience)
    : io_(io), store_(store), source_(std::move(source)), patience_(patience) {}

Scrape::~Scrape() {
    thread_.join();
}

void Scrape::start(std::function<void(Result<std::string>)> done) {
    if (std::exchange(is_running_, true))
        return done(Error{kScrapeRunning, "another scrape is running"});
    boost::asio::post(thread_, [this, tell = std::move(done)]() mutable {
        Result<std::string> text = gather();
        boost::asio::post(io_, [this, page = std::move(text), say = std::move(tell)]() mutable {
            is_running_ = false;
            say(std::move(page));
        });
    });
}

Result<std::string> Scrape::gather() {
    auto answer = std::make_shared<std::promise<std::pair<Books, store::Position>>>();
    auto answered = answer->get_future();
    bool is_asked = store_.ask([answer](store::State& state) {
        answer->set_value({read_books(state), state.applied()});
    });
    answer.reset();  // a question that is dropped unasked breaks the promise, and the wait ends
    if (!is_asked) return Error{kStopping, "the hub is stopping"};
    if (answered.wait_for(patience_) != std::future_status::ready)
        return Error{kScrapeLate, "the state did not answer in time"};
    MetricsPage page;
    try {
        const auto [books, applied] = answered.get();
        add(page, books);
        add(page, store_.status(), store_.journal_metrics(), applied);
    } catch (const std::future_error&) {
        return Error{kStopping, "the hub is stopping"};
    }
    if (source_) source_(page);
    return page.text();
}

}  // namespace syncline::admin
