#include "http_client/transfer.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/assert.hpp"
#include "http_client/errc.hpp"
#include "http_client/headers.hpp"

namespace syncline::http_client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// So long a time limit means none; libcurl adds it to the time of day in milliseconds.
constexpr milliseconds kTimeoutMax{24 * 60 * 60 * 1000};

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    const CURLcode code = libcurl().easy_setopt(easy, option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    SYNCLINE_ASSERT(code == CURLE_OK);
}

void append(curl_slist*& list, const std::string& line) {
    curl_slist* longer = libcurl().slist_append(list, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list = longer;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

curl_off_t info(CURL* easy, CURLINFO which) {
    curl_off_t value = 0;
    libcurl().easy_getinfo(easy, which, &value);
    return value;
}

}  // namespace

http_client::Result failed(Error error, bool request_may_have_been_processed) {
    http_client::Result result;
    Failure failure{std::move(error), request_may_have_been_processed};
    result.failure = std::make_unique<Failure>(std::move(failure));
    return result;
}

Transfer::Transfer(RequestId id, PoolId pool, Request request, Target target, Completion done)
    : id_(id),
      pool_(pool),
      request_(std::move(request)),
      target_(std::move(target)),
      done_(std::move(done)),
      deadline_(steady_clock::now() + std::clamp(request_.timeout, milliseconds{1}, kTimeoutMax)) {}

Transfer::~Transfer() {
    libcurl().slist_free_all(header_list_);
}

bool Transfer::begin(CURL* easy, const ClientOptions& options) {
    const auto remaining = std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now());
    if (remaining <= milliseconds::zero()) return false;
    easy_ = easy;
    set_policy(options);
    set_limits(options, remaining);
    set_callbacks();
    set_request();
    set_headers();
    return true;
}

// What libcurl does by itself, or because of the environment, is switched off: see the policy in
// client.hpp.
void Transfer::set_policy(const ClientOptions& options) {
    set(easy_, CURLOPT_PROTOCOLS_STR, target_.is_plain_http ? "http" : "https");
    set(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy_, CURLOPT_UNRESTRICTED_AUTH, 0L);
    set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy_, CURLOPT_HTTP09_ALLOWED, 0L);
    set(easy_, CURLOPT_PROXY, "");
    set(easy_, CURLOPT_NOPROXY, "*");
    set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(easy_, CURLOPT_NOSIGNAL, 1L);
    // Without it, cancelling during a resolution would block the io thread until the resolver gives
    // up.
    set(easy_, CURLOPT_QUICK_EXIT, 1L);
    set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
    set(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
    set(easy_, CURLOPT_CAINFO, options.ca_file.c_str());
    set(easy_, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
}

void Transfer::set_limits(const ClientOptions& options, milliseconds remaining) {
    set(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(remaining.count()));
    set(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(easy_, CURLOPT_LOW_SPEED_LIMIT, options.low_speed_bytes_per_s);
    set(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.low_speed_time.count()));
    set(easy_, CURLOPT_MAXAGE_CONN, 60L);
    header_bytes_max_ = options.header_bytes_max;
}

void Transfer::set_callbacks() {
    set(easy_, CURLOPT_PRIVATE, static_cast<void*>(this));
    set(easy_, CURLOPT_ERRORBUFFER, &message_[0]);
    set(easy_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open_socket);
    set(easy_, CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    set(easy_, CURLOPT_PREREQFUNCTION, &Transfer::on_before_request);
    set(easy_, CURLOPT_PREREQDATA, static_cast<void*>(this));
    set(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(easy_, CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(easy_, CURLOPT_WRITEDATA, static_cast<void*>(this));
}

void Transfer::set_request() {
    set(easy_, CURLOPT_CURLU, target_.url.get());
    set(easy_, CURLOPT_PATH_AS_IS, 0L);
    set(easy_, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    const std::string& method = request_.method;
    if (method == "HEAD") {
        set(easy_, CURLOPT_NOBODY, 1L);  // or libcurl would wait for the body
        return;
    }
    if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
        set(easy_, CURLOPT_POST, 1L);
        set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(easy_, CURLOPT_POSTFIELDS, request_.body.data());
    }
    set(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
}

void Transfer::set_headers() {
    append(header_list_, "Expect:");
    bool has_content_type = false;
    for (const auto& [name, value] : request_.headers) {
        has_content_type = has_content_type || equals_ignoring_case(name, "content-type");
        // libcurl drops `name:`; with a semicolon it sends the header without a value.
        append(header_list_, trim(value).empty() ? name + ";" : name + ": " + value);
    }
    if (!has_content_type) append(header_list_, "Content-Type:");  // or libcurl says it is a form
    set(easy_, CURLOPT_HTTPHEADER, header_list_);
}

bool Transfer::allow(AddressClass address_class) {
    if (is_allowed(address_class, target_.is_literal_host)) return true;
    refused_class_ = address_class;
    if (stop_ == Stop::kNone) stop_ = Stop::kAddress;
    return false;
}

// Called for every new connection with the address that the name resolved to.
curl_socket_t Transfer::on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) {
    auto* transfer = static_cast<Transfer*>(self);
    if (purpose != CURLSOCKTYPE_IPCXN || !transfer->allow(address_class(address->addr))) {
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
}

// Called before each request, also on a reused connection, and again when libcurl wants to send the
// request anew because a reused connection died. The server may have acted on the first copy, so
// that is not libcurl's to decide.
int Transfer::on_before_request(void* self, char* address, char*, int, int) {
    auto* transfer = static_cast<Transfer*>(self);
    if (!transfer->allow(address_class(std::string{address}))) return CURL_PREREQFUNC_ABORT;
    // An address that was refused before another one was accepted is no reason for what comes
    // later.
    transfer->stop_ = Stop::kNone;
    if (transfer->has_sent_something() && !is_idempotent(transfer->request_.method)) {
        transfer->stop_ = Stop::kResend;
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->on_header_line({data, size * count}) ? size * count : 0;
}

bool Transfer::on_header_line(std::string_view line) {
    header_bytes_ += line.size();
    if (header_bytes_ > header_bytes_max_) {
        stop_ = Stop::kHeaderBytes;
        return false;
    }
    if (body_began_) return true;  // a trailer may not pose as a header
    if (line.starts_with("HTTP/")) {
        response_->headers.clear();  // what came before was an interim response
        return true;
    }
    if (line.starts_with(' ') || line.starts_with('\t')) {
        if (!response_->headers.empty()) {
            response_->headers.back().second.append(" ").append(trim(line));
        }
        return true;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    std::string name{trim(line.substr(0, colon))};
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    response_->headers.emplace_back(std::move(name), trim(line.substr(colon + 1)));
    return true;
}

// Counts what libcurl has decompressed: its own limit does not.
std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    std::string& body = transfer->response_->body;
    transfer->body_began_ = true;
    if (bytes > transfer->request_.response_bytes_max - body.size()) {
        transfer->stop_ = Stop::kBodyBytes;
        return bytes == 0 ? 1 : 0;
    }
    body.append(data, bytes);
    return bytes;
}

bool Transfer::has_sent_something() const {
    long bytes = 0;
    if (easy_ != nullptr) libcurl().easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

http_client::Result Transfer::cancel() {
    return failed(Error(kCancelled, "the request was cancelled"), has_sent_something());
}

http_client::Result Transfer::finish(CURLcode code) {
    if (easy_ == nullptr) {
        return failed(Error(kTimeout, "no connection became free in time"), false);
    }
    if (code != CURLE_OK) return failed(error_of(code), has_sent_something());
    long status = 0;
    libcurl().easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response_->status = static_cast<int>(status);
    http_client::Result result;
    result.response = std::move(response_);
    return result;
}

// libcurl's message names hosts, addresses and certificates. Parts of it come from the server,
// hence the cleaning.
std::string Transfer::reason(CURLcode code) const {
    std::string text = message_[0] != '\0' ? message_ : libcurl().easy_strerror(code);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < 0x20 || c == 0x7f; }, '?');
    return text;
}

Error Transfer::error_of_stop() const {
    switch (stop_) {
        case Stop::kAddress:
            return Error(kAddressNotAllowed,
                         "the host resolves to an address that is not allowed: " +
                             std::string{to_string(refused_class_)});
        case Stop::kResend:
            return Error(kConnectionLost, "the connection ended before an answer came");
        case Stop::kHeaderBytes:
            return Error(kTooLarge, "the response's headers exceed " +
                                        std::to_string(header_bytes_max_) + " bytes");
        case Stop::kBodyBytes:
            return Error(kTooLarge, "the response exceeds " +
                                        std::to_string(request_.response_bytes_max) + " bytes");
        case Stop::kNone:
            break;
    }
    return Error(kProtocol, "the exchange was stopped");
}

// One code of libcurl stands for three limits.
Error Transfer::error_of_time() const {
    const bool is_over = steady_clock::now() >= deadline_;
    if (info(easy_, CURLINFO_PRETRANSFER_TIME_T) == 0) {
        return Error(kTimeout, "no connection could be made in time");
    }
    if (is_over) return Error(kTimeout, "the exchange took longer than its limit");
    return Error(kTooSlow, "the exchange was slower than allowed for too long");
}

Error Transfer::error_of(CURLcode code) const {
    const bool is_late = has_sent_something();
    switch (code) {
        case CURLE_WRITE_ERROR:
        case CURLE_ABORTED_BY_CALLBACK:
            return error_of_stop();
        case CURLE_OPERATION_TIMEDOUT:
            return error_of_time();
        case CURLE_URL_MALFORMAT:
            return Error(kUrlInvalid, reason(code));
        case CURLE_COULDNT_RESOLVE_HOST:
            return Error(kResolveFailed, reason(code));
        case CURLE_COULDNT_CONNECT:
            return stop_ == Stop::kAddress ? error_of_stop() : Error(kConnectFailed, reason(code));
        case CURLE_SSL_CONNECT_ERROR:
            // So it begins when the connection, not the handshake, failed.
            return reason(code).starts_with("OpenSSL SSL_connect:")
                       ? Error(kConnectFailed, reason(code))
                       : Error(kTlsFailed, reason(code));
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
            return Error(kTlsFailed, reason(code));
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
            return Error(kConnectionLost, reason(code));
        case CURLE_OUT_OF_MEMORY:
            // How libcurl reports a header line beyond its own limit of 100 KiB.
            return Error(kTooLarge, "a line of the response's headers is too long");
        default:
            return Error(is_late ? kProtocol : kConnectFailed, reason(code));
    }
}

}  // namespace syncline::http_client
