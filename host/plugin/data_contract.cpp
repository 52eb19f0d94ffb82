#include "plugin/data_contract.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <iterator>
#include <optional>
#include <utility>

#include "syncline/models.hpp"

namespace syncline::plugin {
namespace {

namespace json = boost::json;

constexpr std::size_t kGrantsMax = 64;
constexpr std::size_t kWordBytesMax = 64;

constexpr std::array<std::pair<std::string_view, IdentityEncoding>, 4> kEncodings{
    {{"raw", IdentityEncoding::kRaw},
     {"md5", IdentityEncoding::kMd5},
     {"sha1", IdentityEncoding::kSha1},
     {"sha256", IdentityEncoding::kSha256}}};
constexpr std::array<std::pair<std::string_view, Normalisation>, 3> kNormalisations{
    {{"none", Normalisation::kNone},
     {"email", Normalisation::kEmail},
     {"phone", Normalisation::kPhone}}};

class ContractReader {
  public:
    explicit ContractReader(std::vector<std::string>& problems) : problems_(problems) {}

    void problem(std::string sentence) { problems_.push_back(std::move(sentence)); }

    std::uint32_t number(const json::object& object, std::string_view field, std::int64_t max) {
        const json::value* value = object.if_contains(field);
        if (value == nullptr) return 0;
        const std::int64_t* found = value->if_int64();
        if (found == nullptr || *found < 1 || *found > max) {
            problem("`limits` has a `" + std::string{field} + "` that is no integer from 1 to " +
                    std::to_string(max));
            return 0;
        }
        return static_cast<std::uint32_t>(*found);
    }

    // A short text; nullopt, with a problem, when it is something else.
    std::optional<std::string> word(const json::object& grant, std::string_view field,
                                    std::string_view preset) {
        const json::value* value = grant.if_contains(field);
        if (value == nullptr) return std::string{preset};
        const json::string* text = value->if_string();
        if (text != nullptr && text->size() <= kWordBytesMax && !text->empty())
            return std::string{*text};
        problem("`identities` has a `" + std::string{field} + "` that is no text of 1 to 64 bytes");
        return std::nullopt;
    }

    template <class Known>
    auto choice(const json::object& grant, std::string_view field, const Known& known) {
        const auto given = word(grant, field, known[0].first);
        for (const auto& [name, value] : known) {
            if (given == name) return value;
        }
        if (given) {
            std::string names;
            for (const auto& [name, value] : known)
                names += (names.empty() ? "" : ", ") + std::string{name};
            problem("`identities` has the `" + std::string{field} + "` \"" + *given +
                    "\"; known are " + names);
        }
        return known[0].second;
    }

  private:
    std::vector<std::string>& problems_;
};

IdentityGrant read_grant(ContractReader& reader, const json::object& object) {
    IdentityGrant grant;
    grant.kind = reader.word(object, "kind", "").value_or("");
    if (grant.kind.empty()) reader.problem("`identities` has a grant without a `kind`");
    grant.name_space = reader.word(object, "namespace", "").value_or("");
    grant.encoding = reader.choice(object, "encoding", kEncodings);
    grant.normalisation = reader.choice(object, "normalise", kNormalisations);
    return grant;
}

}  // namespace

DataContract read_data_contract(const json::object& manifest, std::vector<std::string>& problems) {
    ContractReader reader{problems};
    DataContract contract;
    if (const json::value* value = manifest.if_contains("limits")) {
        const json::object* limits = value->if_object();
        if (limits == nullptr) {
            reader.problem("`limits` must be an object");
        } else {
            contract.limits.per_second = reader.number(*limits, "requests_per_second", 10'000);
            contract.limits.at_once = reader.number(*limits, "requests_at_once", 1'000);
        }
    }
    const json::value* value = manifest.if_contains("identities");
    if (value == nullptr) return contract;
    const json::array* grants = value->if_array();
    if (grants == nullptr || grants->size() > kGrantsMax) {
        reader.problem("`identities` must be a list of at most 64 grants");
        return contract;
    }
    for (const json::value& each : *grants) {
        if (const json::object* object = each.if_object()) {
            contract.identities.push_back(read_grant(reader, *object));
        } else {
            reader.problem("`identities` must hold objects alone");
        }
    }
    return contract;
}

std::string data_contract_text(const DataContract& contract) {
    std::string text;
    for (const IdentityGrant& grant : contract.identities) {
        text += "gets identities of the kind " + grant.kind;
        if (!grant.name_space.empty()) text += " of " + grant.name_space;
        text += " as " + std::string{kEncodings[static_cast<std::size_t>(grant.encoding)].first};
        text += '\n';
    }
    if (contract.limits.per_second != 0)
        text +=
            "sends at most " + std::to_string(contract.limits.per_second) + " requests a second\n";
    if (contract.limits.at_once != 0)
        text += "sends at most " + std::to_string(contract.limits.at_once) + " requests at once\n";
    return text;
}

std::string model_problem(std::string_view model) {
    constexpr std::string_view kMajor = "/1";
    static_assert(SYNCLINE_MODELS_VERSION_MAJOR == 1, "the major version of the models' names");
    const std::string_view name = model.substr(0, model.find('/'));
    const bool is_known =
        std::find(std::begin(kModelNames), std::end(kModelNames), name) != std::end(kModelNames);
    if (is_known && model.substr(name.size()) == kMajor) return {};
    std::string names;
    for (const std::string_view each : kModelNames)
        names += (names.empty() ? "" : ", ") + std::string{each} + std::string{kMajor};
    return "is of the model \"" + std::string{model} + "\"; known are " + names;
}

}  // namespace syncline::plugin
