#include "core/redact.hpp"

#include <atomic>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/encoding.hpp"
#include "core/hash.hpp"
#include "core/secret.hpp"
#include "support/catch.hpp"

using namespace syncline::core;

namespace {

const std::string kValue = "c4nary/+\"<&> \x01zz";

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

}  // namespace

TEST_CASE("redact: a watched value is hidden wherever it stands", "[core][redact][G5]") {
    const Watch watch{"correct-horse"};

    CHECK(redact("correct-horse") == "[redacted]");
    CHECK(redact("a correct-horse, b") == "a [redacted], b");
    CHECK(redact("correct-horsecorrect-horse") == "[redacted][redacted]");
    CHECK(redact("correct-hors") == "correct-hors");
    CHECK(redact("Correct-horse") == "Correct-horse");
    CHECK(has_secret("xcorrect-horsex"));
    CHECK_FALSE(has_secret("correct horse"));
    CHECK(redact("") == "");
}

TEST_CASE("redact: what is nobody's secret any more is not hidden", "[core][redact]") {
    std::optional<Watch> first{"correct-horse"};
    std::optional<Watch> copy = first;
    std::optional<Watch> second{"correct-horse"};
    first.reset();
    CHECK(has_secret("correct-horse"));
    copy.reset();
    CHECK(has_secret("correct-horse"));
    second.reset();
    CHECK_FALSE(has_secret("correct-horse"));
}

TEST_CASE("redact: copies of a secret share what one of them began", "[core][redact][secret]") {
    std::optional<Secret> copy;
    {
        Secret secret{"correct-horse"};
        CHECK_FALSE(has_secret("correct-horse"));
        secret.watch();
        copy = secret;
    }
    CHECK(has_secret("correct-horse"));
    const Secret moved{std::move(*copy)};
    copy.reset();
    CHECK(has_secret("correct-horse"));
    copy = Secret{"another-value"};
    CHECK_FALSE(has_secret("another-value"));
}

TEST_CASE("redact: values under 8 bytes are not looked for", "[core][redact]") {
    const Watch seven{"1234567"};
    const Watch eight{"abcdefgh"};
    CHECK(redact("1234567 abcdefgh") == "1234567 [redacted]");
}

TEST_CASE("redact: every form is found", "[core][redact][G5]") {
    const Watch watch{kValue};
    const std::string form = GENERATE_REF(values<std::string>(
        {kValue, to_hex(kValue), upper(to_hex(kValue)), to_base64(kValue), to_base64url(kValue),
         "c4nary%2F%2B%22%3C%26%3E%20%01zz", "c4nary%2f%2b%22%3c%26%3e%20%01zz",
         "c4nary%2F%2B%22%3C%26%3E+%01zz", "c4nary/+\\\"<&> \\u0001zz",
         "c4nary\\/+\\\"<&> \\u0001zz", "c4nary/+\\\"\\u003c\\u0026\\u003e \\u0001zz",
         "c4nary/+&quot;&lt;&amp;&gt; \x01zz"}));
    INFO(form);
    const std::string shown = redact("<" + form + ">");
    CHECK(shown.starts_with("<[redacted]"));
    CHECK(shown.size() <= std::string{"<[redacted]==>"}.size() + 1);
}

TEST_CASE("redact: base64 is found within longer data, wherever it begins", "[core][redact][G5]") {
    const std::string value = "correct-horse-battery";
    const Watch watch{value};
    const auto before = static_cast<std::size_t>(GENERATE(range(0, 6)));
    const auto behind = static_cast<std::size_t>(GENERATE(range(0, 4)));
    const std::string data = std::string(before, '?') + value + std::string(behind, '>');
    for (const std::string& encoded : {to_base64(data), to_base64url(data)}) {
        const std::string shown = redact(encoded);
        INFO(encoded << " " << shown);
        CHECK(shown.find("[redacted]") != std::string::npos);
        // At most the border characters are left, of which each holds less than 6 bits of it.
        CHECK(shown.size() <= 10 + ((before + behind) * 8 + 5) / 6 + 2 + 2);
    }
}

TEST_CASE("redact: lines of a value are found one by one, but not the frame of a PEM file",
          "[core][redact]") {
    const Watch watch{"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nshort\n"};
    CHECK(redact("x MIIEvQIBADANBgkqhkiG9w0B") == "x [redacted]");
    CHECK(redact("-----BEGIN PRIVATE KEY----- short") == "-----BEGIN PRIVATE KEY----- short");
}

TEST_CASE("redact: one mark stands for values that overlap", "[core][redact]") {
    const Watch a{"abcdefghij"};
    const Watch b{"ghijklmnop"};
    const Watch inner{"bcdefghi"};
    CHECK(redact("<abcdefghijklmnop>") == "<[redacted]>");
    CHECK(redact("<abcdefghijx") == "<[redacted]x");
}

TEST_CASE("redact: of a text that was cut, the beginning of a value at its end is hidden",
          "[core][redact]") {
    const Watch watch{"correct-horse-battery-staple"};
    CHECK(redact("wrong correct-horse-bat", TextEnd::kCut) == "wrong [redacted]");
    CHECK(redact("wrong correct-", TextEnd::kCut) == "wrong [redacted]");
    CHECK(redact("wrong correct", TextEnd::kCut) == "wrong correct");
    CHECK(redact("wrong correct-horse-bat") == "wrong correct-horse-bat");
}

TEST_CASE("redact: names that hold secrets", "[core][redact]") {
    for (const char* name :
         {"Authorization", "proxy-authorization", "Cookie", "Set-Cookie", "access_token",
          "X-Api-Key", "apikey", "client_secret", "X-Hub-Signature-256", "password", "code",
          "client_assertion", "X-Amz-Security-Token", "sig"})
        CHECK(is_secret_name(name));
    for (const char* name : {"content-type", "id", "coder", "signed-at", "page", "key", ""})
        CHECK_FALSE(is_secret_name(name));
}

TEST_CASE("redact: a query is shown without what lets anybody in", "[core][redact]") {
    const Watch watch{"correct-horse"};
    CHECK(redact_query("id=1&access_token=t&q=correct-horse") ==
          "id=1&access_token=[redacted]&q=[redacted]");
    CHECK(redact_query("code=1&a&b=") == "code=[redacted]&a&b=");
    CHECK(redact_query("KEY=1&key=2&keys=3") == "KEY=[redacted]&key=[redacted]&keys=3");
    CHECK(redact_query("") == "");
}

TEST_CASE("redact: values come and go while others search", "[core][redact][threads]") {
    const Watch steady{"correct-horse"};
    std::vector<std::jthread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([t, &wrong] {
            for (int i = 0; i < 300; ++i) {
                const std::string value = "value-" + std::to_string(t) + "-" + std::to_string(i);
                const Watch watch{value};
                if (redact(value + " correct-horse") != "[redacted] [redacted]") ++wrong;
            }
        });
    }
    threads.clear();
    CHECK(wrong == 0);
    CHECK_FALSE(has_secret("value-1-299"));
}

TEST_CASE("redact: what a line of the log costs with 200 secrets", "[core][redact][.measure]") {
    std::vector<Watch> watches;
    for (int i = 0; i < 200; ++i)
        watches.emplace_back(to_base64url(sha256("secret " + std::to_string(i))));
    std::string line;
    for (int i = 0; line.size() < 200; ++i) line += " word" + std::to_string(i * 7919);
    line.resize(200);
    constexpr int kRounds = 200'000;
    std::size_t sum = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRounds; ++i) sum += redact(line).size();
    const auto time = std::chrono::steady_clock::now() - begin;
    std::cout << "a line of 200 bytes, 200 secrets: "
              << std::chrono::duration<double, std::nano>(time).count() / kRounds << " ns\n";
    CHECK(sum == 200U * kRounds);
}
