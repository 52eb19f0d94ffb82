// The HTTP server by itself: answers every request 202 and stores nothing, to be measured
// against other servers.
//
//   bench_plain_server [--port N]     prints the port, serves until SIGINT or SIGTERM
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "http_server/server.hpp"

namespace {

using namespace syncline;

class Accepting final : public http_server::Handler {
  public:
    http_server::Admission admit(const http_server::Request&) override { return {}; }
    void handle(http_server::Request, http_server::Responder respond) override {
        http_server::Response response;
        response.status = 202;
        respond(std::move(response));
    }
};

}  // namespace

int main(int argc, char** argv) {
    http_server::ListenOptions options;
    if (argc == 3 && std::string_view{argv[1]} == "--port") {
        options.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
    }
    options.limits.connections_per_ip_max = 0;
    boost::asio::io_context io{1};
    Accepting handler;
    auto server = http_server::Server::listen(io, handler, options);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().to_string().c_str());
        return static_cast<int>(server.error().exit_code());
    }
    std::printf("%u\n", static_cast<unsigned>((*server)->port()));
    std::fflush(stdout);
    boost::asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&server](const boost::system::error_code&, int) { (*server)->stop(); });
    io.run();
    return 0;
}
