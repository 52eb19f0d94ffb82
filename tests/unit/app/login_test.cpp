#include "app/login.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "app/errc.hpp"
#include "support/catch.hpp"

using namespace syncline;
using namespace syncline::app;

namespace {

// A pipe to paste into, closed at both ends.
class Terminal {
  public:
    Terminal() { REQUIRE(::pipe(ends_) == 0); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal() {
        ::close(ends_[0]);
        end();
    }
    int reader() const { return ends_[0]; }
    void type(std::string_view text) {
        REQUIRE(::write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    void end() {
        if (ends_[1] >= 0) ::close(ends_[1]);
        ends_[1] = -1;
    }

  private:
    int ends_[2] = {-1, -1};
};

Login::Options options(int pasted_from) {
    Login::Options options;
    options.endpoint.url = "https://h.example/a";
    options.client_id = "c";
    options.challenge = "ch4l";
    options.pasted_from = pasted_from;
    return options;
}

}  // namespace

TEST_CASE("login: a pasted code ends the wait, in however many pieces it comes", "[app][login]") {
    Terminal terminal;
    terminal.type("\n  \nco");
    terminal.type("de1\nmore");
    boost::asio::io_context io;
    auto login = Login::begin(io, options(terminal.reader()));
    REQUIRE(login.has_value());
    CHECK((*login)->listens());
    CHECK((*login)->redirect_url().starts_with("http://127.0.0.1:"));
    const auto code = (*login)->wait();
    REQUIRE(code.has_value());
    CHECK(code->equals("code1"));
    (*login)->show({});
}

TEST_CASE("login: every attempt has a state of its own", "[app][login]") {
    boost::asio::io_context io;
    auto one = Login::begin(io, options(-1)), other = Login::begin(io, options(-1));
    REQUIRE((one.has_value() && other.has_value()));
    const auto state_of = [](const std::string& url) {
        return url.substr(url.find("state="), 6 + 43);
    };
    CHECK(state_of((*one)->url()).size() == 6 + 43);
    CHECK(state_of((*one)->url()) != state_of((*other)->url()));
}

TEST_CASE("login: it ends when nobody answers in time", "[app][login]") {
    boost::asio::io_context io;
    Login::Options patient = options(-1);
    patient.deadline = std::chrono::milliseconds{20};
    auto login = Login::begin(io, patient);
    REQUIRE(login.has_value());
    const auto code = (*login)->wait();
    REQUIRE_FALSE(code.has_value());
    CHECK(code.error().is(kLoginTimedOut));
}

TEST_CASE("login: without a way back and without a terminal nobody is waited for", "[app][login]") {
    Terminal terminal;
    terminal.end();
    boost::asio::io_context io;
    Login::Options elsewhere = options(terminal.reader());
    elsewhere.endpoint.redirect_url = "https://hub.example/back";
    auto login = Login::begin(io, elsewhere);
    REQUIRE(login.has_value());
    CHECK_FALSE((*login)->listens());
    CHECK((*login)->redirect_url() == "https://hub.example/back");
    const auto code = (*login)->wait();
    REQUIRE_FALSE(code.has_value());
    CHECK(code.error().is(kLoginUnfinished));
    elsewhere.port = 8400;
    CHECK(Login::begin(io, elsewhere).error().is(kBadArgument));
}

TEST_CASE("login: names of this machine are listened at", "[app][login]") {
    for (const char* host : {"127.0.0.1", "localhost", "[::1]"}) {
        boost::asio::io_context io;
        Login::Options named = options(-1);
        named.endpoint.redirect_url = "http://" + std::string{host} + "/way/back?tenant=1";
        auto login = Login::begin(io, named);
        if (!login.has_value() && std::string_view{host} == "[::1]") continue;  // no IPv6 here
        REQUIRE(login.has_value());
        const std::string& url = (*login)->redirect_url();
        CHECK(url.starts_with("http://" + std::string{host} + ":"));
        CHECK(url.ends_with("/way/back?tenant=1"));
    }
}

TEST_CASE("login: what was lent gets its flags back", "[app][login]") {
    Terminal terminal;
    terminal.type("code\n");
    const int before = ::fcntl(terminal.reader(), F_GETFL);
    {
        boost::asio::io_context io;
        auto login = Login::begin(io, options(terminal.reader()));
        REQUIRE(login.has_value());
        CHECK((*login)->wait().has_value());
    }
    CHECK(::fcntl(terminal.reader(), F_GETFL) == before);
}
