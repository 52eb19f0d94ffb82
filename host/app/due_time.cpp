#include "app/due_time.hpp"

#include <charconv>
#include <string>
#include <utility>

#include "app/errc.hpp"

namespace syncline::app {
namespace {

// No account of the configuration has this number.
constexpr store::AccountId kHub = 0;
constexpr const char* kDueTimes = "periodic";

class StoredDueTime final : public DueTime {
  public:
    StoredDueTime(store::Store& store, store::AccountId account)
        : store_(store), account_(std::to_string(account)) {}

    void get(std::function<void(Result<std::optional<std::int64_t>>)> done) override {
        const bool is_asked = store_.ask([account = account_, done](store::State& state) {
            auto found = state.mapped_id(kHub, kDueTimes, account);
            if (!found) return done(found.error());
            std::int64_t due_ns = 0;
            const std::string text = found->value_or("");
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), due_ns);
            const bool is_kept = error == std::errc{} && end == text.data() + text.size();
            done(is_kept ? std::optional{due_ns} : std::nullopt);
        });
        if (!is_asked) done(Error{kHubUnreachable, "the hub is ending"});
    }

    void put(std::int64_t due_ns, std::function<void()> done) override {
        store::IdsMapped mapped;
        mapped.account = kHub;
        mapped.entries.push_back({kDueTimes, account_, std::to_string(due_ns)});
        store::Append append;
        append.facts.emplace_back(std::move(mapped));
        append.on_applied = [done = std::move(done)](std::optional<Error>) { done(); };
        store_.append(std::move(append));
    }

  private:
    store::Store& store_;
    const std::string account_;  // its number
};

}  // namespace

std::shared_ptr<DueTime> make_due_time(store::Store& store, store::AccountId account) {
    return std::make_shared<StoredDueTime>(store, account);
}

}  // namespace syncline::app
