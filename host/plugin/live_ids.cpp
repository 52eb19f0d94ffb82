// The id map of an account, as a connector sees it: what it put just now lies over what is durable.
#include <utility>

#include "plugin/live_writing.hpp"

namespace syncline::plugin {
namespace {

constexpr std::size_t kNamespaceBytesMax = 64;
constexpr std::size_t kIdKeyBytesMax = 240;
constexpr std::size_t kIdValueBytesMax = 1024;
constexpr std::uint32_t kLookupKeysMax = 1000;
constexpr std::size_t kOpenLookupsMax = 1024;

std::string overlay_key(std::string_view name_space, std::string_view key) {
    std::string joined{name_space};
    joined += '\0';
    return joined.append(key);
}

Problem copy_namespace(const syncline_str& from, std::string& to) {
    if (auto problem = copy_text(from, kNamespaceBytesMax, "a namespace", to); !problem.empty())
        return problem;
    if (to.empty() || to.find('\0') != std::string::npos) return "a namespace is malformed";
    return {};
}

Problem copy_key(const syncline_str& from, std::string& to) {
    if (auto problem = copy_text(from, kIdKeyBytesMax, "a key of the id map", to);
        !problem.empty()) {
        return problem;
    }
    return to.empty() ? Problem{"a key of the id map is empty"} : Problem{};
}

}  // namespace

syncline_status LiveInstance::get_ids(syncline_str name_space, const syncline_str* keys,
                                      std::uint32_t count, std::uint64_t user_id,
                                      syncline_error* error) {
    std::string space;
    std::vector<std::string> copies(std::min(count, kLookupKeysMax));
    Problem problem = copy_namespace(name_space, space);
    if (generation_->tables().ids == nullptr)
        problem = "get() was called by a connector that has no " SYNCLINE_IDMAP_ID;
    if (count == 0 || count > kLookupKeysMax || keys == nullptr)
        problem = "get() asks for no key or for more than 1000";
    for (std::uint32_t i = 0; problem.empty() && i < count; ++i)
        problem = copy_key(keys[i], copies[i]);
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    {
        const std::lock_guard lock{mutex_};
        if (state_ == State::kStopping || state_ == State::kOver)
            return refuse(error, FailureClass::kCancelled, "the instance is being stopped");
        if (open_lookups_ >= kOpenLookupsMax)
            return refuse(error, FailureClass::kTransient, "too many lookups are open");
        ++open_lookups_;
    }
    for (std::string& key : copies) key = overlay_key(space, key);
    std::vector<std::string> plain;
    for (const std::string& key : copies) plain.push_back(key.substr(space.size() + 1));
    options_.ids->get(
        space, std::move(plain),
        [self = shared_from_this(), user_id, operation = current_operation_,
         asked = std::move(copies)](Result<std::vector<std::string>> values) mutable {
            auto shared = std::make_shared<Result<std::vector<std::string>>>(std::move(values));
            self->worker_->post([self, user_id, operation, asked = std::move(asked), shared] {
                const OnBehalf behalf{*self, operation};
                self->found_ids(user_id, asked, std::move(*shared));
            });
        });
    return SYNCLINE_OK;
}

void LiveInstance::found_ids(std::uint64_t user_id, const std::vector<std::string>& keys,
                             Result<std::vector<std::string>> values) {
    std::vector<std::string> found;
    std::vector<syncline_str> views;
    syncline_error error = empty_error();
    {
        const std::lock_guard lock{mutex_};
        --open_lookups_;
        if (state_ == State::kOver) return;
        if (values.has_value()) {
            found = std::move(*values);
            found.resize(keys.size());
            for (std::size_t i = 0; i < keys.size(); ++i) {
                if (auto own = options_.own_ids->find(keys[i])) found[i] = std::move(*own);
            }
        } else {
            error = to_error({FailureClass::kCancelled, values.error().what(), "", -1});
        }
    }
    for (const std::string& value : found) views.push_back(to_str(value));
    const auto& table = *generation_->tables().ids;
    const bool is_found = !views.empty();
    const bool has_returned = call_connector("found()", [&] {
        table.found(instance_, user_id, is_found ? views.data() : nullptr,
                    static_cast<std::uint32_t>(views.size()), is_found ? nullptr : &error);
    });
    if (!has_returned) misbehaved("an exception escaped from found()");
    const std::lock_guard lock{mutex_};
    destroy_if_idle();
}

syncline_status LiveInstance::put_id(syncline_write_handle handle, syncline_str name_space,
                                     syncline_str key, syncline_str value, syncline_error* error) {
    IdMapping mapping;
    Problem problem = copy_namespace(name_space, mapping.name_space);
    if (problem.empty()) problem = copy_key(key, mapping.key);
    if (problem.empty())
        problem = copy_text(value, kIdValueBytesMax, "a value of the id map", mapping.value);
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    const std::lock_guard lock{mutex_};
    auto* operation = find_operation<Write>(handle);
    if (operation == nullptr || operation->is_reported)
        return refuse(error, FailureClass::kStale, "the write operation is over");
    if (!options_.own_ids->put(overlay_key(mapping.name_space, mapping.key), mapping.value))
        return refuse(error, FailureClass::kTransient, "too many ids wait to become durable");
    operation->ids.push_back(std::move(mapping));
    return SYNCLINE_OK;
}

void LiveInstance::forget_ids(OwnIds& own, const std::vector<IdMapping>& ids) {
    for (const IdMapping& id : ids) own.forget(overlay_key(id.name_space, id.key), id.value);
}

}  // namespace syncline::plugin
