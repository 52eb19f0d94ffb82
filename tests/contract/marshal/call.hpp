// One function of a table as messages, written once for all by the type of the function:
// Call<slot>::send is what stands in its place and sends; Call<slot>::serve, on the other side,
// decodes, calls the real function and encodes what came of it.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "codec.hpp"
#include "sides.hpp"

namespace syncline::marshal {

template <auto slot>
struct Call;

// ---- The numbers of functions ------------------------------------------------------------------

namespace detail {

template <class FieldType>
constexpr auto if_slot(const FieldType& field) {
    if constexpr (kIsSlot<FieldType>) {
        return std::tuple{field};
    } else {
        return std::tuple{};
    }
}
template <class Table>
constexpr auto slots_of() {
    return std::apply([](const auto&... field) { return std::tuple_cat(if_slot(field)...); },
                      Described<Table>::kFields);
}
template <class... Types>
constexpr auto slots_of_all(TypeList<Types...>) {
    return std::tuple_cat(slots_of<Types>()...);
}

}  // namespace detail

// Every function of the interface; its place here is its number in messages.
using AllSlots = decltype(detail::slots_of_all(AllTables{}));

namespace detail {

template <auto member, class FieldType>
constexpr bool is_of() {
    if constexpr (std::is_same_v<decltype(member),
                                 std::remove_const_t<decltype(FieldType::kMember)>>) {
        return member == FieldType::kMember;
    } else {
        return false;
    }
}
template <auto member, class... Slots>
constexpr std::size_t place_of(std::type_identity<std::tuple<Slots...>>) {
    const std::array<bool, sizeof...(Slots)> is_it{is_of<member, Slots>()...};
    std::size_t at = 0;
    while (!is_it[at]) ++at;
    return at;
}

}  // namespace detail

template <auto member>
inline constexpr std::size_t kNumber = detail::place_of<member>(std::type_identity<AllSlots>{});
template <auto member>
inline constexpr Kind kKindOf = std::tuple_element_t<kNumber<member>, AllSlots>::kKind;

// ---- First arguments: whose function it is -----------------------------------------------------

inline std::uint64_t number_of(std::uint64_t handle) {
    return handle;
}
inline std::uint64_t number_of(const void* opaque) {
    return reinterpret_cast<std::uintptr_t>(opaque);
}

// The real table that the number leads to, on the side where it is; null when it leads nowhere.
template <class Table>
const Table* real_table(std::uint64_t number) {
    constexpr std::string_view kId = Described<Table>::kId;
    const syncline_str id{kId.data(), kId.size()};
    if constexpr (IsSink<Table>) {
        return static_cast<const Table*>(sinks().find(number));
    } else if constexpr (std::is_same_v<Table, syncline_plugin>) {
        return &connector_side().plugin();
    } else if constexpr (std::is_same_v<Table, syncline_host>) {
        return host_side().find(number);
    } else if constexpr (Described<Table>::kWhose == Whose::kHost) {
        const syncline_host* host = host_side().find(number);
        return host == nullptr ? nullptr
                               : static_cast<const Table*>(host->get_table(host->handle, id));
    } else {
        return static_cast<const Table*>(connector_side().plugin().get_table(id));
    }
}

// The first argument that the real function gets.
template <class First, class Table>
First real_first(const Table& table, std::uint64_t number) {
    if constexpr (std::is_same_v<First, void*>) {
        return table.context;
    } else if constexpr (IsSink<Table>) {
        return table.handle;
    } else if constexpr (std::is_same_v<First, syncline_instance*>) {
        return connector_side().find(number);
    } else {
        return number;
    }
}

// ---- The other arguments -----------------------------------------------------------------------

// What the caller's side keeps for the time of a call.
struct Sending {
    Writer to{};
    std::deque<OpenSink> sinks{};
};

// An argument that goes one way: send() at the caller, a value that lives with the call at the
// callee. Those that bring something back have answer() and receive(), too.
template <class Type>
struct Argument {
    template <std::size_t at, class All>
    static void send(Sending& call, const All& all) {
        encode(call.to, std::get<at>(all));
    }
    Argument(Reader& from, Arena& arena) { decode(from, arena, value); }
    Type get() { return value; }
    void answer(Writer&) {}
    template <std::size_t at, class All>
    static void receive(Reader&, const All&) {}

    Type value{};
};

// Items whose number is the next argument.
template <class Item>
requires std::is_same_v<Item, syncline_pair> || std::is_same_v<Item, syncline_str>
struct Argument<const Item*> {
    template <std::size_t at, class All>
    static void send(Sending& call, const All& all) {
        marshal::detail::encode_list(call.to, std::get<at>(all), std::get<at + 1>(all));
    }
    Argument(Reader& from, Arena& arena)
        : value(marshal::detail::decode_list<const Item*>(from, arena)) {}
    const Item* get() { return value; }
    void answer(Writer&) {}
    template <std::size_t at, class All>
    static void receive(Reader&, const All&) {}

    const Item* value;
};

// What the caller allocated and the callee fills.
template <class Type>
requires std::is_same_v<Type, syncline_error> || std::is_same_v<Type, std::uint64_t>
struct Argument<Type*> {
    template <std::size_t at, class All>
    static void send(Sending& call, const All& all) {
        call.to.number(std::get<at>(all) != nullptr);
        if constexpr (std::is_same_v<Type, syncline_error>) {
            if (std::get<at>(all) != nullptr) encode(call.to, *std::get<at>(all));
        }
    }
    Argument(Reader& from, Arena& arena) {
        is_there = from.number<int>() != 0;
        if constexpr (std::is_same_v<Type, syncline_error>) {
            if (is_there) decode(from, arena, value);
        }
    }
    Type* get() { return is_there ? &value : nullptr; }
    void answer(Writer& to) {
        if (is_there) encode(to, value);
    }
    template <std::size_t at, class All>
    static void receive(Reader& from, const All& all) {
        Type* target = std::get<at>(all);
        if (target == nullptr) return;
        Arena arena;
        Type filled{};
        decode(from, arena, filled);
        if constexpr (std::is_same_v<Type, syncline_error>) {
            // As much as the caller has room for.
            const std::size_t known = marshal::detail::known_size(*target);
            filled.struct_size = target->struct_size;
            std::memcpy(target, &filled, known);
        } else {
            *target = filled;
        }
    }

    bool is_there = false;
    Type value{};
};

// The result of http.fetch(): valid until the next one, or until the host's call returns.
template <>
struct Argument<const syncline_http_result**> {
    template <std::size_t at, class All>
    static void send(Sending& call, const All& all) {
        call.to.number(std::get<at>(all) != nullptr);
    }
    Argument(Reader& from, Arena&) : is_there(from.number<int>() != 0) {}
    const syncline_http_result** get() { return is_there ? &value : nullptr; }
    void answer(Writer& to) { encode(to, value); }
    template <std::size_t at, class All>
    static void receive(Reader& from, const All& all) {
        const auto arena = std::make_shared<Arena>();
        const syncline_http_result* result = nullptr;
        decode(from, *arena, result);
        connector_side().keep_fetched(std::get<0>(all), arena);
        if (std::get<at>(all) != nullptr) *std::get<at>(all) = result;
    }

    bool is_there;
    const syncline_http_result* value = nullptr;
};

// Room for a digest: as many bytes as the algorithm, two arguments before, has.
template <>
struct Argument<std::uint8_t*> {
    static std::size_t size(syncline_digest algorithm) {
        switch (algorithm) {
            case SYNCLINE_SHA1:
                return 20;
            case SYNCLINE_SHA256:
                return 32;
            case SYNCLINE_SHA512:
                return 64;
            default:
                return 0;
        }
    }
    template <std::size_t at, class All>
    static void send(Sending& call, const All& all) {
        call.to.number(std::get<at>(all) != nullptr);
    }
    Argument(Reader& from, Arena&) : is_there(from.number<int>() != 0) {}
    std::uint8_t* get() { return is_there ? value.data() : nullptr; }
    void answer(Writer& to) {
        to.text({reinterpret_cast<const char*>(value.data()), value.size()});
    }
    template <std::size_t at, class All>
    static void receive(Reader& from, const All& all) {
        const std::string_view digest = from.text();
        if (std::get<at>(all) == nullptr) return;
        std::memcpy(std::get<at>(all), digest.data(), size(std::get<at - 2>(all)));
    }

    bool is_there;
    std::array<std::uint8_t, 64> value{};
};

// A sink of the caller's: the callee gets one of its own that sends what it takes.
template <IsSink Sink>
struct Argument<const Sink*> {
    template <std::size_t at, class All>
    static void send(Sending& call, const All& all);
    Argument(Reader& from, Arena&);
    const Sink* get() { return is_there ? &value : nullptr; }
    void answer(Writer&) {}
    template <std::size_t at, class All>
    static void receive(Reader&, const All&) {}

    bool is_there;
    Sink value{};
};

// What fetch() of a blocking connector gave is valid until the host's call into it returns.
class FetchedEnds {
  public:
    explicit FetchedEnds(std::uint64_t instance) : instance_(instance) {}
    FetchedEnds(const FetchedEnds&) = delete;
    FetchedEnds& operator=(const FetchedEnds&) = delete;
    ~FetchedEnds() {
        if (instance_ != 0) connector_side().drop_fetched(instance_);
    }

  private:
    std::uint64_t instance_;
};

// ---- The call -----------------------------------------------------------------------------------

// What a function yields whose owner is gone.
template <class Table, class Returned>
constexpr Returned nobody_there() {
    if constexpr (std::is_void_v<Returned>) {
        return;
    } else if constexpr (IsSink<Table>) {
        return SYNCLINE_SINK_STOP;
    } else if constexpr (std::is_same_v<Returned, syncline_status>) {
        return SYNCLINE_E_STALE;
    } else {
        return Returned{};
    }
}

template <class Table, class Returned, class First, class... Rest,
          Returned (SYNCLINE_CALL* Table::*slot)(First, Rest...)>
struct Call<slot> {
    static Returned SYNCLINE_CALL send(First first, Rest... rest) {
        const std::tuple<First, Rest...> all{first, rest...};
        Sending call;
        call.to.number(kNumber<slot>);
        if constexpr (kIsFree) {
            Argument<First>::template send<0>(call, all);
        } else {
            call.to.number(number_of(first));
        }
        send_rest(call, all, std::index_sequence_for<Rest...>{});
        Reader answer{deliver(call.to.take())};
        if constexpr (std::is_void_v<Returned>) {
            receive_rest(answer, all, std::index_sequence_for<Rest...>{});
        } else {
            const auto returned = answer.number<Returned>();
            receive_rest(answer, all, std::index_sequence_for<Rest...>{});
            // From inside the call that began it, it is no end.
            if constexpr (kKindOf<slot> == Kind::kCompletes) {
                if (returned != SYNCLINE_E_PLUGIN_BUG)
                    connector_side().give_back_to(first, std::get<1>(all));
            }
            return returned;
        }
    }

    static void serve(Reader& from, Writer& to) {
        const auto arena = std::make_shared<Arena>();
        Owner owner{from, *arena};
        // Braces: the order of the arguments is that of the message.
        std::tuple<Argument<Rest>...> rest{Argument<Rest>{from, *arena}...};
        const auto run = [&](auto&... each) { return act(owner, arena, each.get()...); };
        if constexpr (std::is_void_v<Returned>) {
            std::apply(run, rest);
        } else {
            to.number(std::apply(run, rest));
        }
        std::apply([&](auto&... each) { (each.answer(to), ...); }, rest);
    }

  private:
    // Of nobody in particular: what comes first is an argument like the others.
    static constexpr bool kIsFree = std::is_same_v<First, syncline_str>;
    struct Nobody {
        Nobody(Reader& from, Arena& arena) : value(from, arena) {}
        First first(const Table&) { return value.get(); }
        static constexpr std::uint64_t number = 0;
        Argument<First> value;
    };
    struct Somebody {
        Somebody(Reader& from, Arena&) : number(from.number<std::uint64_t>()) {}
        First first(const Table& table) const { return real_first<First>(table, number); }
        std::uint64_t number;
    };
    using Owner = std::conditional_t<kIsFree, Nobody, Somebody>;

    template <std::size_t... at>
    static void send_rest(Sending& call, const std::tuple<First, Rest...>& all,
                          std::index_sequence<at...>) {
        (Argument<Rest>::template send<at + 1>(call, all), ...);
    }
    template <std::size_t... at>
    static void receive_rest(Reader& answer, const std::tuple<First, Rest...>& all,
                             std::index_sequence<at...>) {
        (Argument<Rest>::template receive<at + 1>(answer, all), ...);
    }

    static Returned act(Owner& owner, const std::shared_ptr<Arena>& arena, Rest... rest) {
        const std::uint64_t number = owner.number;
        const Table* table = real_table<Table>(number);
        if (table == nullptr || table->*slot == nullptr) return nobody_there<Table, Returned>();
        const First first = owner.first(*table);
        if constexpr (kKindOf<slot> == Kind::kBegins) {
            const std::uint64_t operation = std::get<0>(std::tuple{rest...});
            connector_side().borrow(number, operation, arena);
            const Returned status = (table->*slot)(first, rest...);
            if (status != SYNCLINE_OK) connector_side().give_back(number, operation);
            return status;
        } else {
            const FetchedEnds ends{Described<Table>::kWhose == Whose::kPlugin ? number : 0};
            return (table->*slot)(first, rest...);
        }
    }
};

template <class Sink>
struct SinkFunction;
template <>
struct SinkFunction<syncline_record_sink> {
    static constexpr auto kMember = &syncline_record_sink::record;
};
template <>
struct SinkFunction<syncline_reply_sink> {
    static constexpr auto kMember = &syncline_reply_sink::reply;
};
template <>
struct SinkFunction<syncline_text_sink> {
    static constexpr auto kMember = &syncline_text_sink::text;
};
template <>
struct SinkFunction<syncline_header_sink> {
    static constexpr auto kMember = &syncline_header_sink::header;
};
template <>
struct SinkFunction<syncline_state_sink> {
    static constexpr auto kMember = &syncline_state_sink::state;
};

template <IsSink Sink>
template <std::size_t at, class All>
void Argument<const Sink*>::send(Sending& call, const All& all) {
    const Sink* sink = std::get<at>(all);
    call.to.number(sink != nullptr);
    if (sink == nullptr) return;
    const std::size_t known = marshal::detail::known_size(*sink);
    call.to.number(known);
    call.to.number(known == sizeof(Sink) && sink->*SinkFunction<Sink>::kMember != nullptr);
    call.to.number(call.sinks.emplace_back(sink).number());
}

template <IsSink Sink>
Argument<const Sink*>::Argument(Reader& from, Arena&) : is_there(from.number<int>() != 0) {
    if (!is_there) return;
    constexpr auto kMember = SinkFunction<Sink>::kMember;
    value.struct_size = from.number<std::uint32_t>();
    if (from.number<int>() != 0) value.*kMember = &Call<kMember>::send;
    const auto number = from.number<std::uint64_t>();
    if constexpr (requires { value.context; }) {
        value.context = reinterpret_cast<void*>(number);
    } else {
        value.handle = number;
    }
}

}  // namespace syncline::marshal
