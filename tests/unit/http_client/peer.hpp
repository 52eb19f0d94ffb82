// Scripted servers on loopback, in the io_context of the client under test: no threads, no time.
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>

namespace syncline::test {

namespace asio = boost::asio;
using asio::ip::tcp;

// What a server does with one request.
struct Action {
    enum class Then { kKeep, kClose, kReset, kHang, kRepeatForever };
    std::string reply = {};
    Then then = Then::kKeep;
    std::string repeated = {};  // sent again and again after the reply
};

struct Seen {
    int connection;  // counted from 1
    int index;       // of the request on its connection, from 1
    std::string head;
    std::string body;
};

using Script = std::function<Action(const Seen&)>;

inline std::string ok(const std::string& body, const std::string& extra = "") {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + extra +
           "\r\n" + body;
}

class Peer {
  public:
    Peer(asio::io_context& io, Script script)
        : acceptor_(io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}),
          script_(std::move(script)) {
        accept();
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { *alive_ = false; }

    int port() const { return acceptor_.local_endpoint().port(); }
    std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(port()) + path;
    }
    int connections() const { return connections_; }
    int requests() const { return requests_; }

  private:
    struct Session {
        Session(tcp::socket accepted, int number)
            : socket(std::move(accepted)), connection(number) {}
        tcp::socket socket;
        int connection;
        int index = 0;
        std::string buffer;
        Action action;
    };
    using SessionPtr = std::shared_ptr<Session>;  // shared by the handlers of its operations

    void accept() {
        acceptor_.async_accept(
            [this, alive = alive_](boost::system::error_code error, tcp::socket socket) {
                if (error || !*alive) return;
                read(std::make_shared<Session>(std::move(socket), ++connections_));
                accept();
            });
    }

    void read(const SessionPtr& session) {
        asio::async_read_until(
            session->socket, asio::dynamic_buffer(session->buffer), "\r\n\r\n",
            [this, alive = alive_, session](boost::system::error_code error, std::size_t size) {
                if (!error && *alive) read_body(session, size);
            });
    }

    void read_body(const SessionPtr& session, std::size_t head_size) {
        const std::string head = session->buffer.substr(0, head_size);
        const std::size_t at = head.find("Content-Length: ");
        const std::size_t body_size =
            at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
        const std::size_t have = session->buffer.size() - head_size;
        const std::size_t missing = body_size > have ? body_size - have : 0;
        asio::async_read(session->socket, asio::dynamic_buffer(session->buffer),
                         asio::transfer_exactly(missing),
                         [this, alive = alive_, session, head_size, body_size](
                             boost::system::error_code error, std::size_t) {
                             if (!error && *alive) answer(session, head_size, body_size);
                         });
    }

    void answer(const SessionPtr& session, std::size_t head_size, std::size_t body_size) {
        ++requests_;
        Seen seen{session->connection, ++session->index, session->buffer.substr(0, head_size),
                  session->buffer.substr(head_size, body_size)};
        session->buffer.erase(0, head_size + body_size);
        session->action = script_(seen);
        asio::async_write(
            session->socket, asio::buffer(session->action.reply),
            [this, alive = alive_, session](boost::system::error_code error, std::size_t) {
                if (!error && *alive) go_on(session);
            });
    }

    void go_on(const SessionPtr& session) {
        switch (session->action.then) {
            case Action::Then::kKeep:
                read(session);
                return;
            case Action::Then::kClose:
                session->socket.close();
                return;
            case Action::Then::kReset:
                session->socket.set_option(asio::socket_base::linger{true, 0});
                session->socket.close();
                return;
            case Action::Then::kHang:
                hanging_.push_back(session);
                return;
            case Action::Then::kRepeatForever:
                asio::async_write(
                    session->socket, asio::buffer(session->action.repeated),
                    [this, alive = alive_, session](boost::system::error_code error, std::size_t) {
                        if (!error && *alive) go_on(session);
                    });
                return;
        }
    }

    std::shared_ptr<bool> alive_ =
        std::make_shared<bool>(true);  // shared with handlers that outlive the peer
    tcp::acceptor acceptor_;
    Script script_;
    std::list<SessionPtr> hanging_;
    int connections_ = 0;
    int requests_ = 0;
};

}  // namespace syncline::test
