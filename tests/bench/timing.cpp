// Can one tell from the time that a refusal takes how much of a guess was right?
//
// Guesses of which nothing, one half, or all but the last byte is right come in random order; the
// times of the three kinds are compared by Welch's t, without the slowest twentieth, which the
// machine is to blame for. A |t| below 4.5 is chance. memcmp() on a long secret shows that the
// bench would notice. Prints one JSON object, which `run` compares with the goals.
//
// Two things would make differences that no comparison made. Each guess has a secret of its own:
// of a secret that comes again, the processor learns how the right characters decode. And guesses
// are written a batch ahead of their measurement: what was just written is still under way in the
// processor when the clock is read.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/encoding.hpp"
#include "core/hash.hpp"
#include "intake/verify.hpp"

namespace {

using namespace syncline;
using intake::Verifier;

constexpr std::size_t kClasses = 3;
constexpr std::size_t kSamples = 1'100'000;  // of a class, of which more than a million are kept
constexpr double kKept = 0.95;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kLongBytes = 1024;

std::mt19937_64 chance{42};  // the same run each time

std::string random_text(std::size_t size, std::string_view alphabet) {
    std::string text(size, ' ');
    for (char& c : text) c = alphabet[chance() % alphabet.size()];
    return text;
}

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

class Field final : public intake::HeaderLookup {
  public:
    explicit Field(std::string_view value) : value_(value) {}
    std::optional<std::string_view> only_value(std::string_view) const override { return value_; }

  private:
    std::string_view value_;
};

// What is guessed at: whether a text is taken for it.
struct Target {
    std::string right;
    std::function<bool(std::string_view)> accepts;
};

struct Subject {
    const char* name;
    std::string_view alphabet;
    std::function<Target()> make;
    std::size_t begin = 0;  // where the secret begins in what is sent
    std::size_t after = 0;  // and how many characters follow it, such as padding
};

// Writes guesses with the same steps for every class, on the same memory.
class Guesser {
  public:
    explicit Guesser(const Subject& subject) : subject_(subject) {
        for (std::size_t i = 0; i < subject.alphabet.size(); ++i)
            place_[static_cast<unsigned char>(subject.alphabet[i])] = i;
        for (std::size_t& shift : shifts_) shift = 1 + chance() % (subject.alphabet.size() - 1);
    }

    void write(const std::string& right, std::size_t kind, std::string& guess) {
        const std::size_t last = right.size() - subject_.after;
        const std::size_t kept[] = {subject_.begin, (subject_.begin + last) / 2, last - 1};
        const std::size_t at = chance() % kShiftsApart;
        guess.resize(right.size());
        for (std::size_t i = 0; i < right.size(); ++i) {
            const std::size_t is_wrong = i >= kept[kind] && i < last ? 1 : 0;
            const std::size_t place = place_[static_cast<unsigned char>(right[i])];
            const char other =
                subject_.alphabet[(place + shifts_[at + i]) % subject_.alphabet.size()];
            const char choices[] = {right[i], other};
            guess[i] = choices[is_wrong];
        }
    }

  private:
    static constexpr std::size_t kShiftsApart = 4096;
    const Subject& subject_;
    std::array<std::size_t, 256> place_{};
    std::array<std::size_t, kShiftsApart + kLongBytes> shifts_{};
};

std::shared_ptr<Verifier> verifier_of(const intake::VerifierOptions& options) {
    auto made = Verifier::make(options);
    if (!made) {
        std::fprintf(stderr, "bench_timing: %s\n", made.error().to_string().c_str());
        std::exit(1);
    }
    return std::make_shared<Verifier>(std::move(*made));
}

bool is_verified(Verifier& verifier, std::string_view value, std::string_view body) {
    const Field field{value};
    const intake::Message message{field, body, "POST", "/hooks/a", 0};
    return verifier.verify(message).has_value();
}

Target hmac(core::TextEncoding encoding) {
    intake::SignatureOptions options;
    options.encoding = encoding;
    options.header = "X-Signature";
    const std::string key = random_text(kKeyBytes, kLetters);
    options.keys.push_back({core::Secret{key}, {}, "k"});
    const std::string body = random_text(64, kLetters);
    const std::string digest = core::hmac(core::HmacDigest::kSha256, key, body);
    const std::string right =
        encoding == core::TextEncoding::kHex ? core::to_hex(digest) : core::to_base64(digest);
    const auto accepts = [verifier = verifier_of(options), body](std::string_view value) {
        return is_verified(*verifier, value, body);
    };
    return {right, accepts};
}

Target api_key() {
    intake::ApiKeyOptions options;
    options.header = "X-Key";
    const std::string key = random_text(kKeyBytes, kLetters);
    options.keys.push_back({core::Secret{key}, {}, "k"});
    const auto accepts = [verifier = verifier_of(options)](std::string_view value) {
        return is_verified(*verifier, value, "");
    };
    return {key, accepts};
}

Target basic() {
    intake::BasicOptions options;
    options.username = "user-name-in-length";  // with its colon 20 bytes, so that the password
                                               // begins within a group
    const std::string password = random_text(kKeyBytes + 1, kLetters);
    options.passwords.push_back({core::Secret{password}, {}, "k"});
    const auto accepts = [verifier = verifier_of(options)](std::string_view value) {
        return is_verified(*verifier, value, "");
    };
    return {"Basic " + core::to_base64(options.username + ":" + password), accepts};
}

Target compared_by_memcmp() {
    const std::string right = random_text(kLongBytes, kLetters);
    const auto accepts = [right](std::string_view value) {
        return value.size() == right.size() &&
               std::memcmp(value.data(), right.data(), right.size()) == 0;
    };
    return {right, accepts};
}

struct Moments {
    double count = 0, mean = 0, squares = 0;

    void add(double value) {
        const double distance = value - mean;
        mean += distance / ++count;
        squares += distance * (value - mean);
    }
    double variance() const { return squares / (count - 1); }
};

double welch_t(const Moments& a, const Moments& b) {
    return (a.mean - b.mean) / std::sqrt(a.variance() / a.count + b.variance() / b.count);
}

struct Trial {
    Target target;
    std::size_t kind;
    std::string guess;
};

void measure(const Subject& subject, bool is_last) {
    using clock = std::chrono::steady_clock;
    Guesser guesser{subject};
    std::vector<Trial> batch(kBatch);
    std::array<std::vector<float>, kClasses> times;
    for (auto& of_class : times) of_class.reserve(kSamples + kSamples / 50);
    for (std::size_t done = 0; done < kSamples * kClasses; done += kBatch) {
        for (Trial& trial : batch) {
            trial.target = subject.make();
            trial.kind = chance() % kClasses;
            guesser.write(trial.target.right, trial.kind, trial.guess);
        }
        for (const Trial& trial : batch) {
            const auto begin = clock::now();
            const bool is_accepted = trial.target.accepts(trial.guess);
            const auto end = clock::now();
            if (is_accepted || (done == 0 && !trial.target.accepts(trial.target.right))) {
                std::fprintf(stderr, "bench_timing: %s: a wrong verdict\n", subject.name);
                std::exit(1);
            }
            times[trial.kind].push_back(static_cast<float>((end - begin).count()));
        }
    }
    std::vector<float> all;
    for (const auto& of_class : times) all.insert(all.end(), of_class.begin(), of_class.end());
    const auto cut =
        all.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(all.size()) * kKept);
    std::nth_element(all.begin(), cut, all.end());
    std::array<Moments, kClasses> moments;
    for (std::size_t kind = 0; kind < kClasses; ++kind)
        for (float time : times[kind])
            if (time <= *cut) moments[kind].add(static_cast<double>(time));
    const auto& [none, half, most] = moments;
    const double t = std::max({std::abs(welch_t(none, half)), std::abs(welch_t(none, most)),
                               std::abs(welch_t(half, most))});
    std::printf(
        "\"%s\": {\"t\": %.2f, \"none_ns\": %.2f, \"half_ns\": %.2f, \"most_ns\": %.2f, "
        "\"samples\": %.0f}%s",
        subject.name, t, none.mean, half.mean, most.mean,
        std::min({none.count, half.count, most.count}), is_last ? "}\n" : ", ");
    std::fflush(stdout);
}

}  // namespace

int main() {
    using core::TextEncoding;
    const Subject subjects[] = {
        {"hmac_hex", kHexDigits, [] { return hmac(TextEncoding::kHex); }},
        {"hmac_base64", kBase64, [] { return hmac(TextEncoding::kBase64); }, 0, 2},
        {"api_key", kLetters, api_key},
        {"basic", kBase64, basic, 33, 4},
        {"memcmp", kLetters, compared_by_memcmp},
    };
    std::printf("{");
    for (const Subject& subject : subjects) measure(subject, &subject + 1 == std::end(subjects));
}
