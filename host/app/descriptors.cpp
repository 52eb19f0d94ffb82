#include "app/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "core/log.hpp"
#include "http_client/client.hpp"

namespace syncline::app {

std::size_t descriptors_of_hub(std::size_t accounts) {
    constexpr std::size_t kOfProcess = 64;
    const auto of_account =
        static_cast<std::size_t>(http_client::ClientOptions{}.connections_per_pool_max) + 2;
    return kOfProcess + kOperatorsMax + accounts * of_account;
}

std::size_t make_room_for_clients(std::size_t wanted, std::size_t accounts) {
    const std::size_t own = descriptors_of_hub(accounts);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    if (limit.rlim_cur < wanted + own && limit.rlim_cur < limit.rlim_max) {
        const rlimit raised{std::min<rlim_t>(wanted + own, limit.rlim_max), limit.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    const std::size_t all = limit.rlim_cur;
    const std::size_t left = std::max(all - std::min(all, own), all / 4);
    if (left >= wanted) return wanted;
    core::log_warning("app", "the limit of open files allows fewer clients than connections_max",
                      {{"open_files", all}, {"connections_max", wanted}, {"clients", left}});
    return left;
}

}  // namespace syncline::app
