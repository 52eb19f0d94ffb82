#include "store/fact.hpp"

#include <type_traits>

#include "core/fault.hpp"
#include "store/codec.hpp"
#include "store/errc.hpp"

namespace syncline::store {
namespace {

constexpr std::size_t kPlainLaneKeyMax = 240;
constexpr std::size_t kEnvelope = 64;  // of a fact, beside its texts

// One byte of type, one of version, four of length, then the fields. The numbers are the format:
// never reuse one.
enum class FactType : std::uint8_t {
    kEpochBegan = 1,
    kNamed,
    kHandshakeAnswered,
    kReceived,
    kTranslated,
    kEventDied,
    kSettled,
    kCommand,
    kTicked,
    kQueryAnswered,
    kIdsMapped,
};

template <class T>
struct TypeOf;
template <>
struct TypeOf<EpochBegan> {
    static constexpr auto value = FactType::kEpochBegan;
};
template <>
struct TypeOf<Named> {
    static constexpr auto value = FactType::kNamed;
};
template <>
struct TypeOf<HandshakeAnswered> {
    static constexpr auto value = FactType::kHandshakeAnswered;
};
template <>
struct TypeOf<Received> {
    static constexpr auto value = FactType::kReceived;
};
template <>
struct TypeOf<Translated> {
    static constexpr auto value = FactType::kTranslated;
};
template <>
struct TypeOf<EventDied> {
    static constexpr auto value = FactType::kEventDied;
};
template <>
struct TypeOf<Settled> {
    static constexpr auto value = FactType::kSettled;
};
template <>
struct TypeOf<Command> {
    static constexpr auto value = FactType::kCommand;
};
template <>
struct TypeOf<Ticked> {
    static constexpr auto value = FactType::kTicked;
};

template <>
struct TypeOf<QueryAnswered> {
    static constexpr auto value = FactType::kQueryAnswered;
};
template <>
struct TypeOf<IdsMapped> {
    static constexpr auto value = FactType::kIdsMapped;
};

// The version that is written; all up to it are read.
template <class T>
inline constexpr std::uint8_t kVersion = 1;
template <>
inline constexpr std::uint8_t kVersion<Received> = 2;  // 2: who waits
template <>
inline constexpr std::uint8_t kVersion<Translated> = 2;  // 2: merging, parents
template <>
inline constexpr std::uint8_t kVersion<Settled> =
    3;  // 2: the platform's answer, 3: the reply, as-of
template <>
inline constexpr std::uint8_t kVersion<Command> = 2;  // 2: a body

// Enumerators are numbered from 1 without gaps.
template <class Enum>
inline constexpr Enum kLast = Enum{};
template <>
inline constexpr NameKind kLast<NameKind> = NameKind::kAccount;
template <>
inline constexpr record::Operation kLast<record::Operation> = record::Operation::kFetch;
template <>
inline constexpr Settlement kLast<Settlement> = Settlement::kRetry;
template <>
inline constexpr CommandKind kLast<CommandKind> = CommandKind::kEditLetter;

// An archive visits the fields of a fact in order; the same list of fields serves writing and
// reading.
struct Put {
    Writer& out;
    std::uint8_t version;
    template <class Integer>
    requires std::is_integral_v<Integer>
    void operator()(const Integer& n) { out.integer(n); }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void operator()(const Enum& e) { out.integer(static_cast<std::underlying_type_t<Enum>>(e)); }
    void operator()(const bool& flag) { out.integer(static_cast<std::uint8_t>(flag)); }
    void operator()(const std::string& text) { out.text(text); }
    void operator()(const Position& p) { out.integer(p.value); }
    void operator()(const core::Hash128& hash) { out.raw(hash.view()); }
    template <class T>
    void list(const std::vector<T>& items, auto visit) {
        out.integer(static_cast<std::uint32_t>(items.size()));
        for (const T& item : items) visit(item);
    }
};

struct Get {
    Reader& in;
    std::uint8_t version;
    bool is_known = true;  // every enumerator was one that this version has
    template <class Integer>
    requires std::is_integral_v<Integer>
    void operator()(Integer& n) { n = in.integer<Integer>(); }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void operator()(Enum& e) {
        auto number = in.integer<std::underlying_type_t<Enum>>();
        is_known = is_known && number >= 1 &&
                   number <= static_cast<std::underlying_type_t<Enum>>(kLast<Enum>);
        e = static_cast<Enum>(number);
    }
    void operator()(bool& flag) { flag = in.integer<std::uint8_t>() != 0; }
    void operator()(std::string& text) { text = in.text(); }
    void operator()(Position& p) { p.value = in.integer<std::uint64_t>(); }
    void operator()(core::Hash128& hash) {
        std::string_view bytes = in.raw(hash.bytes.size());
        if (bytes.size() == hash.bytes.size())
            std::memcpy(hash.bytes.data(), bytes.data(), bytes.size());
    }
    template <class T>
    void list(std::vector<T>& items, auto visit) {
        auto count = in.integer<std::uint32_t>();
        for (std::uint32_t i = 0; i < count && in.ok(); ++i) visit(items.emplace_back());
    }
};

template <class Archive, class F>
void fields(Archive& a, F& f) requires std::is_same_v<std::remove_const_t<F>, Body> {
    a(f.text), a(f.file), a(f.size);
}

template <class Archive, class F>
void fields(Archive& a, F& f) requires std::is_same_v<std::remove_const_t<F>, FailureNote> {
    a(f.failure_class), a(f.message), a(f.provider_code);
}

template <class Archive, class F>
void fields(Archive& a, F& f) requires std::is_same_v<std::remove_const_t<F>, PlatformAnswer> {
    a(f.request), a(f.status), a(f.content_type), a(f.body), a(f.body_bytes);
}

void fields(Put& a, const std::shared_ptr<const PlatformAnswer>& answer) {
    a(answer != nullptr);
    if (answer) fields(a, *answer);
}

void fields(Get& a, std::shared_ptr<const PlatformAnswer>& answer) {
    bool is_there = false;
    a(is_there);
    if (!is_there) return;
    auto read = std::make_shared<PlatformAnswer>();
    fields(a, *read);
    answer = std::move(read);
}

template <class Archive, class F>
void fields(Archive& a, F& f) {
    using T = std::remove_const_t<F>;
    if constexpr (std::is_same_v<T, EpochBegan>) {
        a(f.at_ns), a(f.version);
    } else if constexpr (std::is_same_v<T, Named>) {
        a(f.kind), a(f.id), a(f.is_present), a(f.name);
    } else if constexpr (std::is_same_v<T, HandshakeAnswered>) {
        a(f.route);
    } else if constexpr (std::is_same_v<T, Received>) {
        a(f.route), a(f.received_ns), a(f.message_id), a(f.method), a(f.path), a(f.query);
        a.list(f.headers, [&](auto& header) { a(header.first), a(header.second); });
        fields(a, f.body);
        if (a.version >= 2) a(f.answering);
    } else if constexpr (std::is_same_v<T, Translated>) {
        a(f.route), a(f.event);
        a.list(f.records, [&](auto& record) {
            a(record.operation), a(record.stream), a(record.key), a(record.occurred_ns);
            fields(a, record.body);
            if (a.version >= 2) a(record.is_mergeable), a(record.parent_key);
            a.list(record.targets, [&](auto& target) {
                a(target.connection);
                if (a.version >= 2) a(target.parent);
            });
        });
    } else if constexpr (std::is_same_v<T, EventDied>) {
        a(f.route), a(f.event), a(f.at_ns);
        fields(a, f.failure);
    } else if constexpr (std::is_same_v<T, Settled>) {
        a(f.connection), a(f.lane), a(f.record.event), a(f.record.index), a(f.attempt),
            a(f.settlement);
        a(f.is_unknown), a(f.at_ns), a(f.due_ns), a(f.destination_key), a(f.row_hash),
            a(f.field_hashes);
        if constexpr (std::is_same_v<Archive, Get>) {
            if (a.version < 3) f.field_hashes.clear();  // had no names
        }
        fields(a, f.failure);
        if (a.version >= 2) fields(a, f.answer);
        if (a.version >= 3) a(f.reply), a(f.as_of);
    } else if constexpr (std::is_same_v<T, Command>) {
        a(f.kind), a(f.letter), a(f.is_forced), a(f.at_ns);
        if (a.version >= 2) fields(a, f.body);
    } else if constexpr (std::is_same_v<T, QueryAnswered>) {
        a(f.route);
    } else if constexpr (std::is_same_v<T, IdsMapped>) {
        a(f.account);
        a.list(f.entries, [&](auto& entry) { a(entry.name_space), a(entry.key), a(entry.value); });
    } else {
        static_assert(std::is_same_v<T, Ticked>);
        a(f.at_ns);
    }
}

template <class T>
Result<Fact> decode_as(std::uint8_t version, std::string_view payload) {
    constexpr int kType = static_cast<int>(TypeOf<T>::value);
    if (version > kVersion<T>) {
        return Error{kNewerFormat, "the journal holds a fact of type " + std::to_string(kType) +
                                       " in version " + std::to_string(version) +
                                       "; this syncline reads up to version " +
                                       std::to_string(kVersion<T>)};
    }
    Reader in{payload};
    Get get{in, version};
    T fact;
    fields(get, fact);
    if (!in.at_end() || !get.is_known) {
        return Error{kJournalDamaged,
                     "a fact of type " + std::to_string(kType) + " makes no sense"};
    }
    return Fact{std::move(fact)};
}

Result<Fact> decode_type(std::uint8_t type, std::uint8_t version, std::string_view payload) {
    switch (static_cast<FactType>(type)) {
        case FactType::kEpochBegan:
            return decode_as<EpochBegan>(version, payload);
        case FactType::kNamed:
            return decode_as<Named>(version, payload);
        case FactType::kHandshakeAnswered:
            return decode_as<HandshakeAnswered>(version, payload);
        case FactType::kReceived:
            return decode_as<Received>(version, payload);
        case FactType::kTranslated:
            return decode_as<Translated>(version, payload);
        case FactType::kEventDied:
            return decode_as<EventDied>(version, payload);
        case FactType::kSettled:
            return decode_as<Settled>(version, payload);
        case FactType::kCommand:
            return decode_as<Command>(version, payload);
        case FactType::kTicked:
            return decode_as<Ticked>(version, payload);
        case FactType::kQueryAnswered:
            return decode_as<QueryAnswered>(version, payload);
        case FactType::kIdsMapped:
            return decode_as<IdsMapped>(version, payload);
    }
    return Error{kNewerFormat, "the journal holds a fact of type " + std::to_string(type) +
                                   ", which this version does not know"};
}

}  // namespace

void encode(const Fact& fact, std::string& out) {
    std::visit(
        [&](const auto& f) {
            using T = std::remove_cvref_t<decltype(f)>;
            Writer writer;
            writer.bytes().swap(out);
            writer.integer(static_cast<std::uint8_t>(TypeOf<T>::value)).integer(kVersion<T>);
            std::size_t length_at = writer.bytes().size();
            writer.integer(std::uint32_t{0});
            Put put{writer, kVersion<T>};
            fields(put, f);
            auto length = static_cast<std::uint32_t>(writer.bytes().size() - length_at - 4);
            std::memcpy(writer.bytes().data() + length_at, &length, sizeof length);
            writer.bytes().swap(out);
        },
        fact);
}

Result<Fact> decode(std::string_view& bytes) {
    Reader in{bytes};
    auto type = in.integer<std::uint8_t>();
    auto version = in.integer<std::uint8_t>();
    auto length = in.integer<std::uint32_t>();
    std::string_view payload = in.raw(length);
    if (!in.ok()) return Error{kJournalDamaged, "a fact is cut short"};
    bytes = bytes.substr(bytes.size() - in.left());
    return decode_type(type, version, payload);
}

std::size_t size_of(const std::shared_ptr<const PlatformAnswer>& answer) {
    if (!answer) return 0;
    return answer->request.size() + answer->content_type.size() + answer->body.size();
}

std::size_t size_of(const Received& received) {
    std::size_t size =
        kEnvelope + received.query.size() + received.path.size() + received.body.text.size();
    for (const auto& [name, value] : received.headers) size += name.size() + value.size() + 8;
    return size;
}

std::size_t size_of(const Fact& fact) {
    if (const auto* received = std::get_if<Received>(&fact)) return size_of(*received);
    if (const auto* translated = std::get_if<Translated>(&fact)) {
        std::size_t size = kEnvelope;
        for (const TranslatedRecord& record : translated->records) {
            size += kEnvelope + record.key.size() + record.body.text.size();
        }
        return size;
    }
    if (const auto* settled = std::get_if<Settled>(&fact)) {
        return kEnvelope + settled->lane.size() + settled->field_hashes.size() +
               settled->failure.message.size() + settled->reply.size() + size_of(settled->answer);
    }
    if (const auto* mapped = std::get_if<IdsMapped>(&fact)) {
        std::size_t size = kEnvelope;
        for (const IdsMapped::Entry& entry : mapped->entries)
            size += entry.name_space.size() + entry.key.size() + entry.value.size() + 12;
        return size;
    }
    if (const auto* command = std::get_if<Command>(&fact))
        return kEnvelope + command->body.text.size();
    return kEnvelope;
}

const char* to_string(Settlement settlement) {
    switch (settlement) {
        case Settlement::kDelivered:
            return "delivered";
        case Settlement::kUnchanged:
            return "unchanged";
        case Settlement::kFiltered:
            return "filtered";
        case Settlement::kSuperseded:
            return "superseded";
        case Settlement::kDead:
            return "dead";
        case Settlement::kRetry:
            return "retry";
    }
    return "";
}

std::string lane_key(std::string_view record_key) {
    if (core::is_planted(core::PlantedBug::kCollidingLanes)) {
        return std::string(1, static_cast<char>('a' + core::hash128(record_key, 0).bytes[0] % 16));
    }
    std::string key;
    if (record_key.size() <= kPlainLaneKeyMax) {
        key.reserve(record_key.size() + 1);
        key += '=';
        key += record_key;
        return key;
    }
    key += '#';
    key += record_key.substr(0, kPlainLaneKeyMax - 32);
    key += core::sha256(record_key);
    return key;
}

}  // namespace syncline::store
