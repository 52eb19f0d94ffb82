// One login of a person: opens the way back for the browser, and waits for what it brings.
//
// Purpose: the answer comes to an address of this machine, or is pasted, whichever is first; what
//   does not belong to this login is refused and changes nothing.
// Errors: kLoginTimedOut, kLoginUnfinished when nothing can come any more; auth's
//   kAuthorisationRefused.
// Concurrency: one thread, which runs the io_context inside of wait() and show().
// Lifetime: the io_context must outlive it; what is pasted from stays open.
// Limits: Options::deadline; requests of 32 KiB, 16 clients at once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "auth/authorization.hpp"
#include "core/error.hpp"
#include "core/secret.hpp"

namespace syncline::app {

class Login {
  public:
    struct Options {
        auth::AuthorizeEndpoint endpoint;
        std::string client_id;
        std::string challenge;   // of PKCE
        std::uint16_t port = 0;  // instead of that of `redirect_url`
        int pasted_from = -1;    // a descriptor of lines; -1: nothing is pasted
        std::chrono::milliseconds deadline{5 * 60 * 1000};
    };

    // Listens, if the browser comes back to this machine. Errors: those of http_server, and
    // kBadArgument for a port that is of no use.
    static Result<std::unique_ptr<Login>> begin(boost::asio::io_context& io, Options options);
    Login(const Login&) = delete;
    Login& operator=(const Login&) = delete;
    ~Login();

    const std::string& url() const;  // to be opened
    const std::string& redirect_url() const;
    bool listens() const;

    // The code; once.
    Result<core::Secret> wait();

    // Says in the browser, if that is how the answer came, how the login ended.
    void show(const Result<void>& outcome);

  private:
    class Impl;
    explicit Login(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::app
