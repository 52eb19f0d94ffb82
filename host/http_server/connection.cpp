#include "http_server/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>

#include "http_server/message_parser.hpp"
#include "http_server/negotiation.hpp"
#include "http_server/read_buffer.hpp"
#include "http_server/stream.hpp"

namespace syncline::http_server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = Stream::Socket;

constexpr std::size_t kBufferBytesMax = 32 * 1024;  // more only if a header section may be larger

// After an answer that ends the connection, what the client still sends is read and thrown away for
// a while: closing with unread bytes would reset the connection, and the client might not see the
// answer.
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::size_t kLingerBytesMax = 4 * 1024 * 1024;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

enum class Phase { kIdle, kHead, kBody, kHandling, kWriting, kLingering, kClosed };

class Connection final : public Hub::Member,
                         public Responder::Exchange,
                         public std::enable_shared_from_this<Connection> {
  public:
    Connection(std::shared_ptr<Hub> hub, Stream stream, std::string peer)
        : hub_(std::move(hub)),
          stream_(std::move(stream)),
          peer_(std::move(peer)),
          buffer_(std::max(kBufferBytesMax, hub_->limits().header_bytes_max * 2)) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() override { close(); }

    void start() {
        place_ = hub_->add(shared_from_this(), peer_);
        is_member_ = true;
        phase_started_ = SteadyClock::now();
        advance();
    }

    void respond(Response response) override;
    void check_deadline(SteadyClock::time_point now) override;
    void on_stop() override;
    void abandon() override { close(); }

  private:
    const Limits& limits() const { return hub_->limits(); }

    // Each step returns whether another one can follow at once.
    void advance();
    bool step_head();
    bool step_body();
    bool admit(const Head& head);
    bool dispatch();
    bool refuse(const Verdict& verdict);
    bool send_continue();

    SteadyClock::time_point deadline() const;
    void enter(Phase phase);

    void read();
    void on_read(const error_code& error, std::size_t bytes);
    void send(Response response);
    void write();
    void on_written();
    void linger();
    void close();

    std::shared_ptr<Hub> hub_;
    // None when closed: a responder may keep the rest alive past the io_context.
    std::optional<Stream> stream_;
    std::string peer_;
    Hub::Members::iterator place_;
    bool is_member_ = false;

    Phase phase_ = Phase::kIdle;
    SteadyClock::time_point phase_started_;
    SteadyClock::time_point request_started_;
    bool is_advancing_ = false;
    bool is_reading_ = false;
    bool has_served_ = false;  // a request on this connection has been answered
    bool close_after_ = false;
    bool is_head_request_ = false;
    Preferences preferences_;  // of the request in hand
    Tally* tally_ = nullptr;   // of the request in hand; null before anyone claims it

    ReadBuffer buffer_;
    std::size_t scanned_ = 0;      // of the incomplete header section
    std::size_t phase_bytes_ = 0;  // of the body, or thrown away while lingering
    Request request_;
    std::optional<MessageParser> parser_;

    std::string out_head_;
    std::string out_body_;
    std::size_t sent_bytes_ = 0;
};

void Connection::enter(Phase phase) {
    phase_ = phase;
    phase_started_ = SteadyClock::now();
    phase_bytes_ = 0;
}

void Connection::advance() {
    // A handler that answers at once gets here through respond(): the loop below goes on then.
    if (is_advancing_) return;
    is_advancing_ = true;
    for (bool again = true; again;) {
        switch (phase_) {
            case Phase::kIdle:
            case Phase::kHead:
                again = step_head();
                break;
            case Phase::kBody:
                again = step_body();
                break;
            default:
                again = false;
                break;
        }
    }
    is_advancing_ = false;
}

bool Connection::step_head() {
    const std::string_view bytes = buffer_.unread();
    if (phase_ == Phase::kIdle) {
        if (bytes.empty()) {
            if (hub_->is_stopping())
                close();
            else
                read();
            return false;
        }
        enter(Phase::kHead);
        request_started_ = phase_started_;
        scanned_ = 0;
        is_head_request_ = false;
        preferences_ = {};
        tally_ = nullptr;
    }
    const SectionScan scan = scan_section(bytes, scanned_);
    if (scan.state == Scan::kBroken) return refuse({400, "A header line ends without CR LF."});
    const std::size_t size = scan.state == Scan::kComplete ? scan.offset : bytes.size();
    if (size > limits().header_bytes_max) {
        const bool is_target = scan.state == Scan::kIncomplete && scan.offset == 0;
        return refuse(is_target ? Verdict{414, "The target is too long."}
                                : Verdict{431, "The header section is too large."});
    }
    if (scan.state == Scan::kIncomplete) {
        scanned_ = scan.offset;
        read();
        return false;
    }
    const std::string_view section = bytes.substr(0, scan.offset);
    Head head = check_head(section, limits());
    is_head_request_ = head.method == "HEAD";
    if (!head.verdict.accepted()) return refuse(head.verdict);
    request_ = Request{};
    parser_.emplace(request_, limits());
    if (const Verdict verdict = parser_->put_head(section, head); !verdict.accepted()) {
        return refuse(verdict);
    }
    request_.method = head.method;
    request_.path = std::move(head.path);
    request_.query = head.query;
    request_.target = head.target;
    request_.peer = peer_;
    request_.certificate = stream_->client_certificate();
    preferences_ = preferences_of(request_.headers);
    close_after_ = head.is_http_1_0 || !parser_->keeps_alive();
    buffer_.consume(scan.offset);
    return admit(head);
}

bool Connection::admit(const Head& head) {
    Admission admission = hub_->handler().admit(request_);
    if (phase_ != Phase::kHead) return false;  // the handler has stopped the server
    tally_ = admission.tally;
    if (admission.refusal) {
        hub_->count_refused();
        close_after_ = true;
        send(std::move(*admission.refusal));
        return false;
    }
    if (head.content_length && *head.content_length > admission.body_bytes_max) {
        return refuse({413, "The body is too large."});
    }
    parser_->limit_body(admission.body_bytes_max);
    enter(Phase::kBody);
    phase_bytes_ = buffer_.unread().size();
    const bool is_awaited = head.expects_continue && !head.is_http_1_0 && !parser_->is_done();
    return !is_awaited || !buffer_.is_empty() || send_continue();
}

bool Connection::send_continue() {
    error_code error;
    const std::size_t sent = stream_->write_some({asio::buffer(kContinue)}, error);
    if (!error && sent == kContinue.size()) return true;
    close();  // 25 bytes do not fit: a client that sends without reading
    return false;
}

bool Connection::step_body() {
    if (!parser_->is_done()) {
        const MessageParser::Fed fed = parser_->feed(buffer_.unread());
        buffer_.consume(fed.bytes);
        if (!fed.verdict.accepted()) return refuse(fed.verdict);
    }
    if (parser_->is_done()) return dispatch();
    read();
    return false;
}

bool Connection::dispatch() {
    enter(Phase::kHandling);
    parser_.reset();
    hub_->handler().handle(std::move(request_), Responder(shared_from_this()));
    return phase_ == Phase::kIdle;
}

bool Connection::refuse(const Verdict& verdict) {
    hub_->count_refused();
    close_after_ = true;
    send(make_error(verdict.status, verdict.reason));
    return false;
}

void Connection::respond(Response response) {
    if (phase_ != Phase::kHandling) return;  // too late: timed out, or the client has gone
    if (response.close || hub_->is_stopping()) close_after_ = true;
    send(std::move(response));
}

void Connection::check_deadline(SteadyClock::time_point now) {
    if (now < deadline()) return;
    switch (phase_) {
        case Phase::kHead:
        case Phase::kBody:
            refuse({408, "The request took too long to arrive."});
            break;
        case Phase::kHandling:
            close_after_ = true;
            send(make_error(500, "The answer took too long."));
            break;
        default:
            close();
            break;
    }
}

SteadyClock::time_point Connection::deadline() const {
    switch (phase_) {
        case Phase::kIdle:
            return phase_started_ + (has_served_ ? limits().idle_timeout : limits().header_timeout);
        case Phase::kHead:
            return request_started_ + limits().header_timeout;
        case Phase::kBody: {
            const std::size_t rate = std::max<std::size_t>(limits().body_bytes_per_s_min, 1);
            const std::chrono::milliseconds earned{phase_bytes_ * 1000 / rate};
            return std::min(phase_started_ + limits().body_grace + earned,
                            request_started_ + limits().request_timeout);
        }
        case Phase::kHandling:
        case Phase::kWriting:
            return phase_started_ + limits().response_timeout;
        default:
            return phase_started_ + kLingerTime;
    }
}

void Connection::on_stop() {
    if (phase_ == Phase::kIdle)
        close();
    else
        close_after_ = true;
}

void Connection::read() {
    if (is_reading_ || !stream_) return;
    is_reading_ = true;
    if (phase_ == Phase::kIdle) buffer_.shrink();
    stream_->async_read_some(
        buffer_.prepare(), [self = shared_from_this()](const error_code& error, std::size_t bytes) {
            self->is_reading_ = false;
            self->on_read(error, bytes);
        });
}

void Connection::on_read(const error_code& error, std::size_t bytes) {
    if (!stream_) return;
    if (error == asio::error::try_again) return read();
    if (error) return close();  // the client has gone, and with it whatever it had begun
    phase_bytes_ += bytes;
    if (phase_ == Phase::kLingering) {
        if (phase_bytes_ > kLingerBytesMax) return close();
        return read();
    }
    buffer_.commit(bytes);
    advance();
}

void Connection::send(Response response) {
    if (!stream_) return;
    response = checked(std::move(response));
    if (is_negotiable(response)) response = suited(std::move(response), preferences_);
    const bool is_handled = phase_ == Phase::kHandling;
    const auto since = phase_started_;
    enter(Phase::kWriting);
    Tally& tally = tally_ != nullptr ? *tally_ : hub_->unclaimed();
    tally.count(response.status, response.refusal,
                is_handled ? std::optional{phase_started_ - since} : std::nullopt);
    out_head_.clear();
    append_head(out_head_, response, {close_after_, hub_->date()});
    const bool has_body = !is_head_request_ && may_have_body(response.status);
    if (has_body)
        out_body_ = std::move(response.body);
    else
        out_body_.clear();
    sent_bytes_ = 0;
    write();
}

// Writes without waiting first: nearly every answer fits into the socket's buffer, and a pass
// through the reactor costs as much as the rest of the request.
void Connection::write() {
    const std::size_t head_left = out_head_.size() - std::min(sent_bytes_, out_head_.size());
    const std::size_t body_sent = sent_bytes_ - (out_head_.size() - head_left);
    const std::array<asio::const_buffer, 2> left{
        asio::buffer(out_head_) + (out_head_.size() - head_left),
        asio::buffer(out_body_) + body_sent};
    error_code error;
    sent_bytes_ += stream_->write_some(left, error);
    if (error && error != asio::error::would_block) return close();
    if (sent_bytes_ == out_head_.size() + out_body_.size()) return on_written();
    stream_->async_wait_to_write([self = shared_from_this()](const error_code& failure) {
        if (!self->stream_ || self->phase_ != Phase::kWriting) return;
        if (failure)
            self->close();
        else
            self->write();
    });
}

void Connection::on_written() {
    std::string().swap(out_body_);  // an idle connection keeps no large answer
    if (close_after_) return linger();
    has_served_ = true;
    enter(Phase::kIdle);
    if (!buffer_.is_empty()) return advance();
    // Behind the answers that are due now: by then the next request may have come, and is read at
    // once.
    asio::post(hub_->io(), [self = shared_from_this()] { self->advance(); });
}

void Connection::linger() {
    enter(Phase::kLingering);
    stream_->finish_sending();
    buffer_.consume(buffer_.unread().size());
    read();
}

void Connection::close() {
    phase_ = Phase::kClosed;
    stream_.reset();
    parser_.reset();
    if (std::exchange(is_member_, false)) hub_->remove(place_, peer_);
}

bool is_tcp(int family) {
    return family == AF_INET || family == AF_INET6;
}

}  // namespace

void serve_connection(const std::shared_ptr<Hub>& hub, int fd, int family, std::string peer) {
    if (is_tcp(family)) {
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    Socket socket(hub->io().get_executor());
    error_code error;
    const asio::generic::stream_protocol protocol(family, is_tcp(family) ? IPPROTO_TCP : 0);
    socket.assign(protocol, fd, error);
    if (error) {
        ::close(fd);
        return;
    }
    socket.non_blocking(true, error);
    std::unique_ptr<TlsSession> tls;
    if (hub->tls() != nullptr) tls = std::make_unique<TlsSession>(hub->tls()->current(), fd);
    Stream stream(std::move(socket), std::move(tls));
    std::make_shared<Connection>(hub, std::move(stream), std::move(peer))->start();
}

void refuse_connection(const std::shared_ptr<Hub>& hub, int fd) {
    hub->count_refused();
    hub->unclaimed().count(503, Refusal::kTooManyConnections, {});
    // An answer would need a handshake, and that is what there is no room for.
    if (hub->tls() != nullptr) {
        ::close(fd);
        return;
    }
    Response response = make_error(503, "There are too many connections.");
    response.headers.emplace_back("Retry-After", "1");
    std::string bytes;
    append_head(bytes, response, {true, hub->date()});
    bytes += response.body;
    // What the client has sent by now is read, so that closing does not reset the connection at
    // once.
    std::array<char, 4096> unread;
    [[maybe_unused]] auto count = ::recv(fd, unread.data(), unread.size(), MSG_DONTWAIT);
    count = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    ::close(fd);
}

}  // namespace syncline::http_server
