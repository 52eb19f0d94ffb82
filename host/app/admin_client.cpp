#include "app/admin_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "app/errc.hpp"
#include "app/words.hpp"
#include "record/json.hpp"

namespace syncline::app {
namespace {

constexpr std::size_t kAnswerBytesMax = 256 * 1024 * 1024;
constexpr timeval kDeadline{30, 0};

class Socket {
  public:
    ~Socket() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    Result<void> connect(const std::filesystem::path& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::string text = path.string();
        if (text.size() >= sizeof address.sun_path) return failed(path, ENAMETOOLONG);
        std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
        descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor_ < 0) return failed(path, errno);
        ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &kDeadline, sizeof kDeadline);
        ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &kDeadline, sizeof kDeadline);
        if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0) {
            return failed(path, errno);
        }
        return {};
    }

    Result<std::string> exchange(const std::string& request) {
        std::size_t sent = 0;
        while (sent < request.size()) {
            ssize_t n =
                ::send(descriptor_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
            if (n <= 0)
                return Error{kHubUnreachable,
                             std::string{"the hub does not listen: "} + std::strerror(errno)};
            sent += static_cast<std::size_t>(n);
        }
        std::string answer;
        char buffer[16 * 1024];
        while (answer.size() < kAnswerBytesMax) {
            ssize_t n = ::recv(descriptor_, buffer, sizeof buffer, 0);
            if (n == 0) return answer;
            if (n < 0)
                return Error{kHubUnreachable,
                             std::string{"the hub does not answer: "} + std::strerror(errno)};
            answer.append(buffer, static_cast<std::size_t>(n));
        }
        return Error{kHubUnreachable, "the hub's answer has no end"};
    }

  private:
    static Error failed(const std::filesystem::path& path, int error) {
        return Error{kHubUnreachable,
                     "can't reach the hub at " + path.string() + ": " + std::strerror(error)};
    }
    int descriptor_ = -1;
};

// The hub's own error, with its own code: `HTTP/1.1 404 ...` tells whose fault it is.
Error refusal(std::string_view answer, const boost::json::object& body) {
    std::string code = text_of(body, "code");
    if (code.empty()) return Error{kHubUnreachable, "the hub's answer makes no sense"};
    std::size_t space = answer.find(' ');
    char kind = space + 1 < answer.size() ? answer[space + 1] : '5';
    return told_error(std::move(code), kind == '4' ? ErrorClass::kConfig : ErrorClass::kTransient,
                      text_of(body, "error"), text_of(body, "remedy"));
}

}  // namespace

Error told_error(std::string code, core::ErrorClass error_class, std::string what,
                 std::string remedy) {
    // Codes are compared and kept by address: one for each name, for ever.
    static std::map<std::string, core::ErrorCode> codes;
    auto [known, is_new] = codes.try_emplace(std::move(code));
    known->second = core::ErrorCode{known->first.c_str(), error_class, ""};
    return Error{known->second, std::move(what), std::move(remedy)};
}

Result<boost::json::value> ask_hub(const std::filesystem::path& path, const std::string& method,
                                   const std::string& target, const std::string& body) {
    Socket socket;
    SYNCLINE_CHECK(socket.connect(path));
    SYNCLINE_TRY(
        std::string answer,
        socket.exchange(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body));
    std::size_t head = answer.find("\r\n\r\n");
    if (head == std::string::npos) return Error{kHubUnreachable, "the hub's answer is cut short"};
    SYNCLINE_TRY(boost::json::value said,
                 record::parse_json(std::string_view{answer}.substr(head + 4)));
    if (!said.is_object()) return Error{kHubUnreachable, "the hub's answer makes no sense"};
    boost::json::object& object = said.get_object();
    if (boost::json::value* result = object.if_contains("result")) return std::move(*result);
    return refusal(answer, object);
}

}  // namespace syncline::app
