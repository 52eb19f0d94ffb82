#include "http_client/pool.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <new>
#include <utility>

#include "core/assert.hpp"
#include "core/memory.hpp"

namespace syncline::http_client {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kEventsAtOnce = 64;

// No memory is no error of ours; everything else is.
void check(CURLMcode code) {
    if (code == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
    SYNCLINE_ASSERT(code == CURLM_OK);
}

template <class Value>
void set(CURLM* multi, CURLMoption option, Value value) {
    check(libcurl().multi_setopt(multi, option, value));
}

int make_epoll() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw boost::system::system_error(errno, boost::system::system_category());
    return fd;
}

}  // namespace

Pool::Pool(asio::io_context& io, const ClientOptions& options,
           std::shared_ptr<const EgressPolicy> policy, Finished on_finished)
    : io_(io),
      options_(options),
      policy_(std::move(policy)),
      on_finished_(std::move(on_finished)),
      epoll_(io, make_epoll()),
      timer_(io) {}

void Pool::make_multi() {
    multi_.reset(libcurl().multi_init());
    if (!multi_) throw std::bad_alloc();
    set(multi_.get(), CURLMOPT_SOCKETFUNCTION, &Pool::on_socket);
    set(multi_.get(), CURLMOPT_SOCKETDATA, static_cast<void*>(this));
    set(multi_.get(), CURLMOPT_TIMERFUNCTION, &Pool::on_timer);
    set(multi_.get(), CURLMOPT_TIMERDATA, static_cast<void*>(this));
    set(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    set(multi_.get(), CURLMOPT_MAXCONNECTS, options_.connections_per_pool_max);
    set(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, options_.connections_per_pool_max);
}

// libcurl calls on_socket and on_timer while it closes connections: everything else must still be
// there.
Pool::~Pool() {
    SYNCLINE_ASSERT(active_ == 0);
    free_easies_.clear();
    multi_.reset();
}

void Pool::open() {
    wait_for_events();
}

void Pool::add(Transfer& transfer) {
    waiting_.push_back(&transfer);
    start_waiting();
}

void Pool::remove(Transfer& transfer) {
    if (transfer.easy() != nullptr) {
        release(transfer);
        if (!waiting_.empty()) kick();
        return;
    }
    auto found = std::find(waiting_.begin(), waiting_.end(), &transfer);
    if (found != waiting_.end()) waiting_.erase(found);
}

void Pool::start_waiting() {
    while (!waiting_.empty() &&
           active_ < static_cast<std::size_t>(options_.connections_per_pool_max)) {
        Transfer& transfer = *waiting_.front();
        waiting_.pop_front();
        start(transfer);
    }
}

void Pool::start(Transfer& transfer) {
    if (!multi_) make_multi();
    Easy easy;
    if (free_easies_.empty()) {
        easy.reset(libcurl().easy_init());
        if (!easy) throw std::bad_alloc();
    } else {
        easy = std::move(free_easies_.back());
        free_easies_.pop_back();
    }
    if (!transfer.begin(easy.get(), options_)) {
        free_easies_.push_back(std::move(easy));
        on_finished_(transfer, transfer.finish(CURLE_OPERATION_TIMEDOUT));
        return;
    }
    ++active_;
    check(libcurl().multi_add_handle(multi_.get(), easy.release()));
}

void Pool::release(Transfer& transfer) {
    Easy easy{transfer.easy()};
    SYNCLINE_ASSERT(libcurl().multi_remove_handle(multi_.get(), easy.get()) == CURLM_OK);
    transfer.end();
    --active_;
    libcurl().easy_reset(easy.get());
    free_easies_.push_back(std::move(easy));
}

// The set is waited for as often as it has been emptied; Asio asks again for its state each time,
// so that events which are left over are not missed.
void Pool::wait_for_events() {
    epoll_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [weak = weak_from_this()](const boost::system::error_code& error) {
                          auto self = weak.lock();
                          if (!error && self) self->on_events();
                      });
}

void Pool::on_events() {
    std::array<epoll_event, kEventsAtOnce> events;
    const int count = ::epoll_wait(epoll_.native_handle(), events.data(), kEventsAtOnce, 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        int mask = 0;
        // An error is reported as readiness: libcurl then meets it in its own call and can say what
        // it was, and an event that is out of date, because the descriptor was closed and reused in
        // this loop, does no harm.
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) mask |= CURL_CSELECT_IN;
        if ((event.events & (EPOLLOUT | EPOLLERR)) != 0) mask |= CURL_CSELECT_OUT;
        act(event.data.fd, mask);
    }
    report_finished();
    wait_for_events();
}

int Pool::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
    auto* pool = static_cast<Pool*>(self);
    const int epoll = pool->epoll_.native_handle();
    if (what == CURL_POLL_REMOVE) {
        ::epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);  // may be closed already
        libcurl().multi_assign(pool->multi_.get(), socket, nullptr);
        return 0;
    }
    epoll_event event{};
    event.data.fd = socket;
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    if (::epoll_ctl(epoll, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) != 0) {
        return -1;  // out of memory or watches: libcurl gives the transfers up
    }
    if (known == nullptr) libcurl().multi_assign(pool->multi_.get(), socket, self);
    return 0;
}

int Pool::on_timer(CURLM*, long timeout_ms, void* self) {
    auto* pool = static_cast<Pool*>(self);
    if (timeout_ms < 0) {
        pool->deadline_.reset();
        return 0;
    }
    pool->deadline_ = steady_clock::now() + milliseconds{timeout_ms};
    if (timeout_ms == 0) {
        pool->kick();
    } else {
        pool->arm_timer();
    }
    return 0;
}

// Most deadlines move to later times: the timer is then left as it is, and looks again when it
// fires.
void Pool::arm_timer() {
    if (!deadline_ || (armed_ && *armed_ <= *deadline_)) return;
    armed_ = deadline_;
    timer_.expires_at(*deadline_);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        auto self = weak.lock();
        if (error || !self) return;
        self->armed_.reset();
        self->on_time();
    });
}

void Pool::kick() {
    if (is_kicked_) return;
    is_kicked_ = true;
    asio::post(io_, [weak = weak_from_this()] {
        auto self = weak.lock();
        if (!self) return;
        self->is_kicked_ = false;
        self->on_time();
        self->start_waiting();
    });
}

void Pool::on_time() {
    if (deadline_ && steady_clock::now() >= *deadline_) {
        deadline_.reset();
        act(CURL_SOCKET_TIMEOUT, 0);
        report_finished();
    }
    arm_timer();
}

void Pool::act(curl_socket_t socket, int events) {
    int running = 0;
    // What becomes of a transfer is reported with it. But a socket whose list of transfers found no
    // memory is left half made, and libcurl 7.88 divides by zero when it meets it again.
    const CURLMcode code = libcurl().multi_socket_action(multi_.get(), socket, events, &running);
    core::require_memory(code != CURLM_OUT_OF_MEMORY);
}

void Pool::report_finished() {
    int left = 0;
    bool any = false;
    while (CURLMsg* message = libcurl().multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        Transfer* transfer = nullptr;
        libcurl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        http_client::Result result = transfer->finish(message->data.result);
        release(*transfer);  // ends the validity of message
        on_finished_(*transfer, std::move(result));
        any = true;
    }
    if (any) start_waiting();
}

}  // namespace syncline::http_client
