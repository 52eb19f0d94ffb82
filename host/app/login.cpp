#include "app/login.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "app/errc.hpp"
#include "app/login_page.hpp"
#include "auth/errc.hpp"
#include "core/encoding.hpp"
#include "http_server/server.hpp"
#include "secret/cipher.hpp"

namespace syncline::app {
namespace {

namespace asio = boost::asio;
using http_server::Admission;
using http_server::Request;
using http_server::Responder;
using http_server::Response;

constexpr std::size_t kStateBytes = 32;
constexpr std::chrono::seconds kGoodbye{3};  // for the browser to read its page

// Lines that somebody types or pastes. The descriptor is shared with whoever started the process:
// it gets its flags back.
class PastedLines {
  public:
    PastedLines(asio::io_context& io, int descriptor)
        : flags_(::fcntl(descriptor, F_GETFL)), stream_(io) {
        const int own = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
        boost::system::error_code error;
        if (own >= 0) stream_.assign(own, error);
        if (error) ::close(own);
    }
    ~PastedLines() {
        if (stream_.is_open() && flags_ >= 0) ::fcntl(stream_.native_handle(), F_SETFL, flags_);
    }
    PastedLines(const PastedLines&) = delete;
    PastedLines& operator=(const PastedLines&) = delete;

    bool is_open() const { return stream_.is_open(); }
    void cancel() {
        boost::system::error_code ignored;
        if (stream_.is_open()) stream_.cancel(ignored);
    }

    // Calls `on_line` for each, without its end, and `on_end` after the last.
    template <class OnLine, class OnEnd>
    void read(OnLine on_line, OnEnd on_end) {
        stream_.async_wait(asio::posix::descriptor_base::wait_read,
                           [this, on_line, on_end](const boost::system::error_code& error) {
                               if (error == asio::error::operation_aborted) return;
                               char chunk[4096];
                               const ssize_t n =
                                   error ? 0 : ::read(stream_.native_handle(), chunk, sizeof chunk);
                               if (n < 0 && (errno == EAGAIN || errno == EINTR))
                                   return read(on_line, on_end);
                               if (n > 0) text_.append(chunk, static_cast<std::size_t>(n));
                               const bool is_end = n <= 0 || text_.size() > auth::kCallbackBytesMax;
                               std::size_t end = 0;
                               while ((end = text_.find('\n')) != std::string::npos) {
                                   const core::Secret line{text_.substr(0, end)};
                                   text_.erase(0, end + 1);
                                   on_line(line.reveal());
                               }
                               if (!is_end) return read(on_line, on_end);
                               if (!text_.empty()) on_line(core::Secret::take(text_).reveal());
                               on_end();
                           });
    }

  private:
    const int flags_;
    asio::posix::stream_descriptor stream_;
    std::string text_;
};

// The host as it is listened at, the port as it is written (0: none), and what is around them.
struct Redirect {
    std::string address, host, path_and_query, path;
    std::uint16_t port = 0;
};

Redirect parse_redirect(const std::string& url, const auth::UrlParts& parts) {
    Redirect redirect;
    redirect.host = parts.host;
    if (const std::size_t colon = parts.host.rfind(':');
        colon != std::string::npos && !parts.host.ends_with(']')) {
        redirect.host = parts.host.substr(0, colon);
        redirect.port =
            static_cast<std::uint16_t>(std::strtoul(parts.host.c_str() + colon + 1, nullptr, 10));
    } else if (url.find(":80", url.find("://") + 3) == url.find("://") + 3 + parts.host.size()) {
        redirect.port = 80;
    }
    redirect.address = redirect.host == "[::1]"       ? "::1"
                       : redirect.host == "localhost" ? "127.0.0.1"
                                                      : redirect.host;
    redirect.path = parts.path;
    redirect.path_and_query = redirect.path;
    if (!parts.query.empty()) redirect.path_and_query += "?" + std::string{parts.query};
    return redirect;
}

}  // namespace

class Login::Impl final : public http_server::Handler {
  public:
    Impl(asio::io_context& io, Options options)
        : io_(io), options_(std::move(options)), deadline_(io) {
        request_.client_id = options_.client_id;
        request_.challenge = options_.challenge;
        request_.state = core::to_base64url(secret::random_bytes(kStateBytes));
        request_.redirect_url = options_.endpoint.redirect_url;
    }

    Result<void> begin() {
        SYNCLINE_TRY(const auth::UrlParts parts, auth::parse_url(options_.endpoint.redirect_url));
        if (parts.scheme == "http") {
            SYNCLINE_CHECK(listen(parse_redirect(options_.endpoint.redirect_url, parts)));
        } else if (options_.port != 0) {
            return Error{kBadArgument, "the browser does not come back to a port of this machine",
                         "leave --port out: `redirect_url` of the account is elsewhere"};
        }
        url_ = auth::authorization_url(options_.endpoint, request_);
        return {};
    }

    Result<core::Secret> wait() {
        deadline_.expires_after(options_.deadline);
        deadline_.async_wait([this](const boost::system::error_code& error) {
            if (!error) finish(Error{kLoginTimedOut, "nobody answered in time"});
        });
        if (options_.pasted_from >= 0) pasted_.emplace(io_, options_.pasted_from);
        if (pasted_ && pasted_->is_open()) {
            pasted_->read([this](std::string_view line) { take_pasted(line); },
                          [this] { end_of_pasted(); });
        } else {
            end_of_pasted();
        }
        while (!answer_) io_.run_one();
        deadline_.cancel();
        if (pasted_) pasted_->cancel();
        return std::move(*answer_);
    }

    void show(const Result<void>& outcome) {
        if (browser_) {
            if (outcome.has_value())
                (*browser_)(login_page(200, true, "The account is authorised",
                                       "You can close this page and go back to the terminal."));
            else
                (*browser_)(login_page(
                    400, false, "The login failed",
                    std::string{outcome.error().what()} + ". The terminal says what to do."));
            browser_.reset();
        }
        if (server_) server_->stop();
        io_.restart();
        io_.run_for(kGoodbye);
    }

    Admission admit(const Request& request) override {
        Admission admission;
        admission.body_bytes_max = 0;
        if (request.path != path_)
            admission.refusal =
                login_page(404, false, "Nothing is here", "This address serves one login only.");
        else if (request.method != "GET")
            admission.refusal = login_page(405, false, "This is not the answer of a browser",
                                           "The answer to a login comes by GET.");
        return admission;
    }

    void handle(Request request, Responder respond) override {
        if (answer_)
            return respond(login_page(409, false, "This login was answered already",
                                      "Go back to the terminal to see how it ended."));
        auto code = auth::read_callback(options_.endpoint, request_, request.query);
        // Whoever it was: the person may still come.
        if (!code.has_value() && code.error().is(auth::kCallbackInvalid))
            return respond(login_page(400, false, "This is not the answer to the login",
                                      std::string{code.error().what()} + "."));
        browser_.emplace(std::move(respond));
        finish(std::move(code));
    }

    const std::string& url() const { return url_; }
    const std::string& redirect_url() const { return request_.redirect_url; }
    bool listens() const { return server_ != nullptr; }

  private:
    Result<void> listen(const Redirect& redirect) {
        http_server::ListenOptions listen;
        listen.address = redirect.address;
        listen.port = options_.port != 0 ? options_.port : redirect.port;
        listen.limits.target_bytes_max = auth::kCallbackBytesMax;
        listen.limits.header_bytes_max = 2 * auth::kCallbackBytesMax;
        listen.limits.connections_max = 16;
        listen.limits.connections_per_ip_max = 0;
        listen.limits.idle_timeout = std::chrono::seconds{5};
        SYNCLINE_TRY(server_, http_server::Server::listen(io_, *this, std::move(listen)));
        path_ = auth::percent_decode(redirect.path);
        request_.redirect_url = "http://" + redirect.host + ":" + std::to_string(server_->port()) +
                                redirect.path_and_query;
        return {};
    }

    void take_pasted(std::string_view line) {
        if (answer_ || line.find_first_not_of(" \t\r") == std::string_view::npos) return;
        auto code = auth::read_pasted(options_.endpoint, request_, line);
        if (code.has_value() || code.error().is(auth::kAuthorisationRefused))
            return finish(std::move(code));
        std::fprintf(stderr, "syncline: %s\n", code.error().to_string().c_str());
    }

    void end_of_pasted() {
        if (!server_)
            finish(Error{kLoginUnfinished,
                         "the browser does not come back to this machine, and nothing is pasted"});
    }

    void finish(Result<core::Secret> answer) {
        if (!answer_) answer_.emplace(std::move(answer));
    }

    asio::io_context& io_;
    const Options options_;
    auth::AuthorizationRequest request_;
    std::string url_, path_;
    asio::steady_timer deadline_;
    std::unique_ptr<http_server::Server> server_;
    std::optional<PastedLines> pasted_;
    std::optional<Result<core::Secret>> answer_;
    std::optional<Responder> browser_;  // waits for how it ends
};

Result<std::unique_ptr<Login>> Login::begin(asio::io_context& io, Options options) {
    auto impl = std::make_unique<Impl>(io, std::move(options));
    SYNCLINE_CHECK(impl->begin());
    return std::unique_ptr<Login>{new Login{std::move(impl)}};
}

Login::Login(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Login::~Login() = default;

const std::string& Login::url() const {
    return impl_->url();
}
const std::string& Login::redirect_url() const {
    return impl_->redirect_url();
}
bool Login::listens() const {
    return impl_->listens();
}
Result<core::Secret> Login::wait() {
    return impl_->wait();
}
void Login::show(const Result<void>& outcome) {
    impl_->show(outcome);
}

}  // namespace syncline::app
