#include "app/names.hpp"

#include <algorithm>

namespace syncline::app {

Names::Names(const store::State& state) {
    for (store::NameKind kind :
         {store::NameKind::kRoute, store::NameKind::kConnection, store::NameKind::kAccount}) {
        Kind& names = kinds_[kind];
        names.known = state.names(kind);
        if (!names.known.empty()) names.last = names.known.rbegin()->first;
    }
}

std::uint32_t Names::give(store::NameKind kind, const std::string& name) {
    Kind& names = kinds_[kind];
    const auto [given, is_new] = names.given.try_emplace(name, 0);
    if (!is_new) return given->second;
    const auto found = std::find_if(names.known.begin(), names.known.end(),
                                    [&](const auto& row) { return row.second.name == name; });
    given->second = found != names.known.end() ? found->first : ++names.last;
    return given->second;
}

std::vector<store::Fact> Names::facts() const {
    std::vector<store::Fact> facts;
    for (const auto& [kind, names] : kinds_) {
        for (const auto& [name, id] : names.given) {
            const auto known = names.known.find(id);
            if (known == names.known.end() || !known->second.is_present)
                facts.emplace_back(store::Named{kind, id, true, name});
        }
        for (const auto& [id, row] : names.known) {
            if (row.is_present && !names.given.contains(row.name))
                facts.emplace_back(store::Named{kind, id, false, row.name});
        }
    }
    return facts;
}

}  // namespace syncline::app
