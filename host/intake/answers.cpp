#include "intake/answers.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "intake/errc.hpp"
#include "intake/responses.hpp"

namespace syncline::intake {

struct Answers::Sender::Waiting {
    store::Position event;
    http_server::Responder respond;
    boost::asio::steady_timer timer;
};

Answers::Sender::Sender(std::shared_ptr<const Route> its_route, std::shared_ptr<Places> its_places,
                        std::size_t its_bytes)
    : route(std::move(its_route)), places(std::move(its_places)), bytes(its_bytes) {
    ++places->senders;
    places->bytes += bytes;
}

Answers::Sender::~Sender() {
    --places->senders;
    places->bytes -= bytes;
}

Answers::Answers(boost::asio::io_context& io, store::Store& store, const core::Clock& clock)
    : io_(io), store_(store), clock_(clock) {}

Answers::~Answers() = default;

std::shared_ptr<Answers::Sender> Answers::admit(std::shared_ptr<const Route> route,
                                                const store::Received& event, std::size_t bytes) {
    bool has_room = places_->senders < kWaitingMax && places_->bytes + bytes <= kWaitingBytesMax;
    if (!has_room) return nullptr;
    auto sender = std::make_shared<Sender>(std::move(route), places_, bytes);
    sender->message_id = event.message_id;
    sender->request.method = event.method;
    sender->request.path = event.path;
    sender->request.query = event.query;
    sender->request.headers = event.headers;
    sender->request.received_ns = event.received_ns;
    const std::chrono::milliseconds timeout = sender->route->answer_timeout;
    sender->until = std::chrono::steady_clock::now() + timeout;
    sender->deadline_ns = event.received_ns + std::chrono::nanoseconds{timeout}.count();
    return sender;
}

void Answers::wait(std::shared_ptr<Sender> sender, store::Position event,
                   http_server::Responder respond) {
    const std::uint64_t ticket = ++last_ticket_;
    store::OutcomeQuestion question;
    question.ticket = ticket;
    question.route = sender->route->id;
    question.message_id = sender->message_id;
    question.event = event;
    question.deadline_ns = sender->deadline_ns;
    question.tell = [this, ticket](store::OutcomeTold told) {
        boost::asio::post(io_, [this, ticket, outcome = std::move(told)]() mutable {
            tell(ticket, std::move(outcome));
        });
    };
    sender->waiting.reset(new Sender::Waiting{event, std::move(respond),
                                              boost::asio::steady_timer{io_, sender->until}});
    boost::asio::steady_timer& timer = sender->waiting->timer;
    waiting_.emplace(ticket, std::move(sender));
    if (is_stopping_ || !store_.await_outcome(std::move(question))) return interrupt(ticket);
    timer.async_wait([this, ticket](const boost::system::error_code& error) {
        if (!error) give_up(ticket);
    });
}

// Its time is over. What became of the event can still be asked by its id.
void Answers::give_up(std::uint64_t ticket) {
    auto at = waiting_.find(ticket);
    if (at == waiting_.end()) return;
    store_.forget_outcome(ticket);
    const Sender& sender = *at->second;
    const store::Position event = sender.waiting->event;
    if (sender.route->late_status != 504)
        return finish(ticket, accepted(sender.route->late_status, event));
    finish(ticket, unanswered(504,
                              Error{kOutcomeLate,
                                    "the event is stored, but its outcome is not known in time"},
                              event));
}

void Answers::interrupt(std::uint64_t ticket) {
    auto at = waiting_.find(ticket);
    if (at == waiting_.end()) return;
    http_server::Response response =
        unanswered(503, Error{kInterrupted, "the event is stored, but the hub is stopping"},
                   at->second->waiting->event);
    response.headers.emplace_back("Retry-After", "2");
    finish(ticket, std::move(response));
}

void Answers::tell(std::uint64_t ticket, store::OutcomeTold told) {
    auto at = waiting_.find(ticket);
    if (at == waiting_.end()) return;
    Sender& sender = *at->second;
    sender.waiting->event = told.event;  // of a repeat: what it stands for
    if (told.kind == store::OutcomeKind::kComplete && !told.row.has_no_room())
        return word(ticket, sender, std::move(told));
    if (told.kind != store::OutcomeKind::kHeld)
        return finish(ticket, accepted(sender.route->success_status, told.event));
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    constexpr std::int64_t kParkedRetryS = 60, kRetryMaxS = 86'400;
    std::int64_t wait_s = (told.due_ns - clock_.wall_ns()) / kNsPerSecond + 1;
    if (told.due_ns == 0) wait_s = kParkedRetryS;
    http_server::Response response =
        unanswered(503, Error{kOutcomeHeld, "the event is stored, but what it changes has to wait"},
                   told.event);
    response.headers.emplace_back("Retry-After",
                                  std::to_string(std::clamp<std::int64_t>(wait_s, 1, kRetryMaxS)));
    finish(ticket, std::move(response));
}

// The connector is asked first; whatever it can't say is said here.
void Answers::word(std::uint64_t ticket, Sender& sender, store::OutcomeTold told) {
    plugin::Answer answer = to_answer(told);
    auto done = [this, ticket, outcome = std::move(told)](plugin::Failure failure,
                                                          plugin::WebhookReply reply) {
        http_server::Response response;
        if (failure.failure_class != plugin::FailureClass::kNone) {
            response = outcome_response(outcome);
        } else {
            response.status = reply.status;
            response.body = std::move(reply.body);
            if (!reply.content_type.empty())
                response.headers.emplace_back("Content-Type", reply.content_type);
        }
        boost::asio::post(io_, [this, ticket, worded = std::move(response)]() mutable {
            finish(ticket, std::move(worded));
        });
    };
    sender.route->source->answer(std::move(sender.request), std::move(answer), std::move(done));
}

void Answers::finish(std::uint64_t ticket, http_server::Response response) {
    auto at = waiting_.find(ticket);
    if (at == waiting_.end()) return;
    std::shared_ptr<Sender> sender = std::move(at->second);
    waiting_.erase(at);
    sender->waiting->respond(std::move(response));
}

void Answers::stop() {
    is_stopping_ = true;
    std::vector<std::uint64_t> tickets;
    for (const auto& [ticket, sender] : waiting_) tickets.push_back(ticket);
    for (std::uint64_t ticket : tickets) interrupt(ticket);
}

}  // namespace syncline::intake
