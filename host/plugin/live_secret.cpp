// Secrets that a connector reads: those that its manifest declares and the operator has given.
#include <algorithm>
#include <utility>

#include "plugin/live_instance.hpp"

namespace syncline::plugin {

syncline_status LiveInstance::find_secret(const syncline_str& name, syncline_secret_handle* secret,
                                          syncline_error* error) {
    std::string wanted;
    Problem problem = copy_text(name, kSecretNameBytesMax, "a secret's name", wanted);
    if (problem.empty() && secret == nullptr)
        problem = "find() was called without a place for the secret's handle";
    const auto& declared = manifest().secrets;
    if (problem.empty() &&
        std::none_of(declared.begin(), declared.end(),
                     [&](const SecretNeed& need) { return need.name == wanted; }))
        problem = "the manifest declares no secret \"" + wanted + '"';
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    const auto given = options_.secrets.find(wanted);
    if (given == options_.secrets.end()) {
        return refuse(error, FailureClass::kConfig,
                      "the secret \"" + wanted + "\" is not given: approve it in accounts." +
                          options_.account + ".secrets");
    }
    auto [known, is_new] = secret_handles_.try_emplace(wanted, 0);
    if (is_new) known->second = next_handle();
    *secret = known->second;
    return SYNCLINE_OK;
}

// Null when the handle is of none that the connector found.
const core::Secret* LiveInstance::found_secret(syncline_secret_handle handle) const {
    const auto found = std::find_if(secret_handles_.begin(), secret_handles_.end(),
                                    [&](const auto& known) { return known.second == handle; });
    return found == secret_handles_.end() ? nullptr : &options_.secrets.at(found->first);
}

syncline_status LiveInstance::show_secret(syncline_secret_handle handle,
                                          const syncline_text_sink* sink, syncline_error* error) {
    if (sink == nullptr || sink->struct_size < SYNCLINE_TEXT_SINK_SIZE_1_0 ||
        sink->text == nullptr) {
        misbehaved("show() was called without a sink");
        return refuse(error, FailureClass::kPluginBug, "show() needs a sink");
    }
    const core::Secret* secret = found_secret(handle);
    if (secret == nullptr && handle != 0 && handle == secret_handle_)
        return refuse(error, FailureClass::kUnsupported, "a secret of verify() is not shown");
    if (secret == nullptr) return refuse(error, FailureClass::kStale, "there is no such secret");
    const core::Secret shown = *secret;  // gone with this call, whatever keeps a pointer to it
    if (!call_back([&] { sink->text(sink->context, to_str(shown.reveal())); })) {
        misbehaved("an exception escaped from a sink");
        return refuse(error, FailureClass::kPluginBug, "an exception escaped from the sink");
    }
    return SYNCLINE_OK;
}

}  // namespace syncline::plugin
