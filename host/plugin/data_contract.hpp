// What a manifest says of the data that a connector may get and of how much at once: `limits`,
// `identities`, and the `model` of a stream.
// Concurrency: pure functions and values. [any]
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::plugin {

// Of the requests of one account; 0: no limit of the connector's.
struct RequestLimits {
    std::uint32_t per_second = 0;
    std::uint32_t at_once = 0;

    bool is_any() const { return per_second != 0 || at_once != 0; }
};

enum class IdentityEncoding { kRaw, kMd5, kSha1, kSha256 };
enum class Normalisation { kNone, kEmail, kPhone };

// Identities of one kind, in the form in which the connector gets them.
struct IdentityGrant {
    std::string kind;        // "email"
    std::string name_space;  // "": whichever
    IdentityEncoding encoding = IdentityEncoding::kRaw;
    Normalisation normalisation = Normalisation::kNone;
};

struct DataContract {
    RequestLimits limits;
    std::vector<IdentityGrant> identities;
};

// Reads them; what is wrong is added to `problems`, a sentence each.
DataContract read_data_contract(const boost::json::object& manifest,
                                std::vector<std::string>& problems);

// For a terminal, a line for each thing; empty when there is nothing of it.
std::string data_contract_text(const DataContract& contract);

// Whether a stream may say that its records are of this model: "profile/1". Otherwise a sentence
// that says which there are.
std::string model_problem(std::string_view model);

}  // namespace syncline::plugin
