// Loads configurations that tests write as text, with variables that exist nowhere else.
#pragma once

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/errc.hpp"
#include "support/temp_dir.hpp"

namespace syncline::test {

struct FakeSource final : config::SecretSource {
    std::map<std::string, std::string> variables{{"KEY", "k3y"}, {"EMPTY", ""}, {"PORT", "9000"}};
    std::map<std::string, std::string> files;    // by the whole path
    std::map<std::string, std::string> secrets;  // of the vault; an empty value is a sealed one

    std::optional<std::string> environment(const std::string& name) const override {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    }
    Result<std::string> file(const std::filesystem::path& path) const override {
        const auto found = files.find(path.string());
        if (found == files.end()) return Error{config::kFileMode, "refused"};
        return found->second;
    }
    Result<VaultValue> vault(const config::Hub& hub, const std::string& name) const override {
        vault_dir = hub.data_dir;
        const auto found = secrets.find(name);
        if (found == secrets.end()) return Error{config::kFileMissing, "no such secret"};
        if (found->second.empty()) return VaultValue{"a value that nobody knows", true};
        return VaultValue{found->second};
    }
    mutable std::filesystem::path vault_dir;  // of the hub whose vault was asked last
};

class ConfigFixture {
  public:
    FakeSource source;

    std::filesystem::path file() const { return folder_ / "syncline.yaml"; }
    std::filesystem::path folder() const { return folder_.path(); }

    config::Loaded load(std::string_view text) const {
        std::ofstream{file(), std::ios::binary} << text;
        return config::load(file(), source);
    }

    // Every problem as `line:column code`.
    std::vector<std::string> problems(std::string_view text) const {
        std::vector<std::string> out;
        for (const auto& problem : load(text).problems)
            out.push_back(std::to_string(problem.at.line) + ":" +
                          std::to_string(problem.at.column) + " " +
                          std::string{problem.error.code()});
        return out;
    }

  private:
    TempDir folder_;
};

using Found = std::vector<std::string>;

// A configuration without problems, 20 lines; what follows it is indented as a key of the
// connection `c` (line 21).
inline const std::string kGood = R"(version: 1
hub:
  data_dir: ./data
  connectors_dir: ./connectors
  listen: 127.0.0.1:8080
accounts:
  acme-dmp:
    connector: mapp-dmp
  pangolin:
    connector: pangolin
    settings: { base_url: "http://127.0.0.1:9100" }
connections:
  c:
    from: { account: acme-dmp, stream: audience_memberships }
    to: { account: pangolin, stream: audience_memberships }
    triggers:
      webhook:
        name: acme
        verify:
          - { scheme: hmac, preset: mapp, key: "${KEY}" }
)";

// kGood with one line (1-based) replaced.
inline std::string with_line(int number, std::string_view replacement) {
    std::string out;
    std::size_t begin = 0;
    for (int line = 1; begin < kGood.size(); ++line) {
        const std::size_t end = kGood.find('\n', begin) + 1;
        out += line == number ? std::string{replacement} + "\n" : kGood.substr(begin, end - begin);
        begin = end;
    }
    return out;
}

inline std::string all_messages(const config::Loaded& loaded) {
    std::string out;
    for (const auto& problem : loaded.problems) out += problem.error.to_string() + "\n";
    return out;
}

}  // namespace syncline::test
