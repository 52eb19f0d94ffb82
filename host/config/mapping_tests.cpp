#include "config/mapping_tests.hpp"

#include <utility>

#include "config/settings.hpp"

namespace syncline::config {
namespace {

constexpr std::size_t kTextBytesMax = 256;

// A record of a test, as JSON. Secrets are refused: what a test holds is printed when it fails.
std::optional<boost::json::object> read_body(Context& context, const Section& test,
                                             std::string_view key) {
    const Node* node = test.find(key);
    if (node == nullptr) return std::nullopt;
    if (!node->is_map()) {
        context.problems.add(kType, node->at,
                             in_quotes(test.path(key)) + " must be a map: the body of a record",
                             "an empty one is {}");
        return std::nullopt;
    }
    return read_settings(context, *node, test.path(key), SecretUse::kRefused).values;
}

// A text of 1 to 256 bytes; empty when the key is absent or wrong.
std::string read_short(Context& context, const Section& test, std::string_view key) {
    auto text = test.text(key);
    if (!text.has_value()) return "";
    if (text->empty() || text->size() > kTextBytesMax)
        context.problems.add(kValue, test.find(key)->at,
                             in_quotes(test.path(key)) + " must be a text of 1 to 256 bytes");
    return std::move(*text);
}

// Exactly one of the three keys says what is to come of the record.
void read_expectation(Context& context, const Section& section, MappingTest& test) {
    constexpr std::string_view kKeys[] = {"expect", "expect_filtered", "expect_error"};
    const Node* first = nullptr;
    for (const std::string_view key : kKeys) {
        const Node* node = section.find(key);
        if (node == nullptr) continue;
        if (first != nullptr)
            context.problems.add(kDuplicate, node->at,
                                 in_quotes(section.path(key)) + " is a second expectation");
        else
            first = node;
    }
    if (first == nullptr) {
        context.problems.add(kMissingKey, section.at(),
                             in_quotes(section.path("expect")) + " is missing",
                             "add it, or `expect_filtered: true`, or `expect_error: TEXT`");
        return;
    }
    test.expected = read_body(context, section, "expect").value_or(boost::json::object{});
    if (section.find("expect_filtered") != nullptr) {
        test.outcome = MappingTest::Outcome::kFiltered;
        if (section.flag("expect_filtered") == false)
            context.problems.add(kValue, section.find("expect_filtered")->at,
                                 in_quotes(section.path("expect_filtered")) + " can only be `true`",
                                 "write what comes of the record instead: `expect: { ... }`");
    }
    if (section.find("expect_error") != nullptr) {
        test.outcome = MappingTest::Outcome::kError;
        test.error_part = read_short(context, section, "expect_error");
    }
}

}  // namespace

std::vector<MappingTest> read_mapping_tests(Context& context, const Node& node,
                                            const std::string& path) {
    std::vector<MappingTest> tests;
    if (node.is_null()) return tests;  // everything below it commented out
    if (!node.is_sequence()) {
        context.problems.add(kType, node.at, in_quotes(path) + " must be a list of tests",
                             "write `- { given: { ... }, expect: { ... } }` below it");
        return tests;
    }
    for (const Node* item : node.items) {
        const Section section{context,
                              item,
                              path + "[" + std::to_string(tests.size()) + "]",
                              {{"given"}, {"name", "expect", "expect_filtered", "expect_error"}}};
        MappingTest test;
        test.at = item->at;
        if (section.exists()) {
            test.name = read_short(context, section, "name");
            test.given = read_body(context, section, "given").value_or(boost::json::object{});
            read_expectation(context, section, test);
        }
        tests.push_back(std::move(test));
    }
    return tests;
}

}  // namespace syncline::config
