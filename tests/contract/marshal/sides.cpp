#include "sides.hpp"

#include "call.hpp"

namespace syncline::marshal {

Sinks& sinks() {
    static Sinks all;
    return all;
}
HostSide& host_side() {
    static HostSide side;
    return side;
}
ConnectorSide& connector_side() {
    static ConnectorSide side;
    return side;
}

std::uint64_t Sinks::open(const void* sink) {
    const std::lock_guard lock{mutex_};
    open_.emplace(++last_, sink);
    return last_;
}

void Sinks::close(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    open_.erase(number);
}

const void* Sinks::find(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    const auto found = open_.find(number);
    return found == open_.end() ? nullptr : found->second;
}

// ---- The host's side ----------------------------------------------------------------------------

void HostSide::reset() {
    const std::lock_guard lock{mutex_};
    hosts_.clear();
    of_instances_.clear();
    tables_.clear();
}

void HostSide::add(const syncline_host& host) {
    const std::lock_guard lock{mutex_};
    hosts_[host.handle] = &host;
}

void HostSide::bind(std::uint64_t instance, syncline_host_handle handle) {
    const std::lock_guard lock{mutex_};
    of_instances_[instance] = handle;
}

void HostSide::forget(std::uint64_t instance) {
    const std::lock_guard lock{mutex_};
    const auto found = of_instances_.find(instance);
    if (found == of_instances_.end()) return;
    hosts_.erase(found->second);
    of_instances_.erase(found);
}

void HostSide::forget_host(syncline_host_handle handle) {
    const std::lock_guard lock{mutex_};
    hosts_.erase(handle);
}

const syncline_host* HostSide::find(syncline_host_handle handle) {
    const std::lock_guard lock{mutex_};
    const auto found = hosts_.find(handle);
    return found == hosts_.end() ? nullptr : found->second;
}

// ---- The connector's side -----------------------------------------------------------------------

void ConnectorSide::reset(const syncline_plugin& plugin) {
    const std::lock_guard lock{mutex_};
    plugin_ = &plugin;
    instances_.clear();
    hosts_.clear();
}

const syncline_host* ConnectorSide::add_host(const syncline_host& stand_in) {
    const std::lock_guard lock{mutex_};
    auto& host = hosts_[stand_in.handle];
    host = std::make_unique<Host>();
    host->table = stand_in;
    return &host->table;
}

void ConnectorSide::drop_host(syncline_host_handle handle) {
    const std::lock_guard lock{mutex_};
    hosts_.erase(handle);
}

std::uint64_t ConnectorSide::add(syncline_instance* instance, syncline_host_handle host) {
    const std::lock_guard lock{mutex_};
    instances_[++last_] = {instance, host};
    return last_;
}

syncline_instance* ConnectorSide::find(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    const auto found = instances_.find(number);
    return found == instances_.end() ? nullptr : found->second.self;
}

void ConnectorSide::remove(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    const auto found = instances_.find(number);
    if (found == instances_.end()) return;
    hosts_.erase(found->second.host);
    instances_.erase(found);
}

ConnectorSide::Host* ConnectorSide::host_of(std::uint64_t instance) {
    const auto found = instances_.find(instance);
    if (found == instances_.end()) return nullptr;
    const auto host = hosts_.find(found->second.host);
    return host == hosts_.end() ? nullptr : host->second.get();
}

void ConnectorSide::borrow(std::uint64_t instance, std::uint64_t operation,
                           std::shared_ptr<Arena> arena) {
    const std::lock_guard lock{mutex_};
    if (Host* host = host_of(instance)) host->borrowed[operation] = std::move(arena);
}

void ConnectorSide::give_back(std::uint64_t instance, std::uint64_t operation) {
    const std::lock_guard lock{mutex_};
    if (Host* host = host_of(instance)) host->borrowed.erase(operation);
}

void ConnectorSide::give_back_to(syncline_host_handle handle, std::uint64_t operation) {
    const std::lock_guard lock{mutex_};
    const auto host = hosts_.find(handle);
    if (host != hosts_.end()) host->second->borrowed.erase(operation);
}

void ConnectorSide::keep_fetched(syncline_host_handle handle, std::shared_ptr<Arena> arena) {
    const std::lock_guard lock{mutex_};
    const auto host = hosts_.find(handle);
    if (host != hosts_.end()) host->second->fetched = std::move(arena);
}

void ConnectorSide::drop_fetched(std::uint64_t instance) {
    const std::lock_guard lock{mutex_};
    if (Host* host = host_of(instance)) host->fetched.reset();
}

// ---- Tables -------------------------------------------------------------------------------------

namespace {

// Which functions a table has: its size, and a truth for each that lies within it.
template <class Table>
void tell_table(Writer& to, const Table& table) {
    const std::size_t known = detail::known_size(table);
    to.number(known);
    for_each_field<Table>([&](const auto& field) {
        using Own = std::remove_cvref_t<decltype(field)>;
        if constexpr (kIsSlot<Own>) {
            if (field.offset + sizeof(void*) <= known) to.number(table.*Own::kMember != nullptr);
        }
    });
}

// A table of stand-ins for the functions that were told.
template <class Table>
Table table_told(Reader& from) {
    Table table{};
    const auto known = from.number<std::size_t>();
    table.struct_size = static_cast<std::uint32_t>(known);
    for_each_field<Table>([&](const auto& field) {
        using Own = std::remove_cvref_t<decltype(field)>;
        if constexpr (kIsSlot<Own>) {
            if (field.offset + sizeof(void*) > known) return;
            if (from.number<int>() == 0) return;
            if constexpr (Own::kKind != Kind::kOwn) table.*Own::kMember = &Call<Own::kMember>::send;
        }
    });
    return table;
}

// Does something with the type of the table of that id; nothing for one that is not described,
// which no message can carry.
template <class Do>
void with_table(Whose whose, std::string_view id, const Do& act) {
    for_each_type(AllTables{}, [&]<class Table>(std::type_identity<Table> type) {
        if (Described<Table>::kWhose == whose && Described<Table>::kId == id && !id.empty())
            act(type);
    });
}

void tell_found(Writer& to, Whose whose, std::string_view id, const void* found) {
    to.number(found != nullptr);
    if (found == nullptr) return;
    with_table(whose, id, [&]<class Table>(std::type_identity<Table>) {
        tell_table(to, *static_cast<const Table*>(found));
    });
}

std::shared_ptr<const void> found_told(Reader& from, Whose whose, std::string_view id) {
    std::shared_ptr<const void> table;
    if (from.number<int>() == 0) return table;
    with_table(whose, id, [&]<class Table>(std::type_identity<Table>) {
        table = std::make_shared<const Table>(table_told<Table>(from));
    });
    return table;
}

bool is_described(Whose whose, std::string_view id) {
    bool is_known = false;
    with_table(whose, id, [&](auto) { is_known = true; });
    return is_known;
}

// ---- What is done in its own way ----------------------------------------------------------------

const void* SYNCLINE_CALL find_plugin_table(syncline_str id) {
    return host_side().plugin_table({id.ptr, id.len});
}

const void* SYNCLINE_CALL find_host_table(syncline_host_handle host, syncline_str id) {
    return connector_side().host_table(host, {id.ptr, id.len});
}

void serve_plugin_table(Reader& from, Writer& to) {
    const std::string id{from.text()};
    tell_found(to, Whose::kPlugin, id, connector_side().plugin().get_table({id.data(), id.size()}));
}

void serve_host_table(Reader& from, Writer& to) {
    const auto handle = from.number<syncline_host_handle>();
    const std::string id{from.text()};
    const syncline_host* host = host_side().find(handle);
    tell_found(to, Whose::kHost, id,
               host == nullptr ? nullptr : host->get_table(handle, {id.data(), id.size()}));
}

syncline_instance* SYNCLINE_CALL create(const syncline_host* host) {
    host_side().add(*host);
    Writer to;
    to.number(kNumber<&syncline_plugin::create>);
    to.number(host->handle);
    to.number(host->abi_minor);
    tell_table(to, *host);
    Reader answer{deliver(to.take())};
    const auto number = answer.number<std::uint64_t>();
    if (number == 0) {
        host_side().forget_host(host->handle);
    } else {
        host_side().bind(number, host->handle);
    }
    return reinterpret_cast<syncline_instance*>(number);
}

void serve_create(Reader& from, Writer& to) {
    const auto handle = from.number<syncline_host_handle>();
    const auto minor = from.number<std::uint32_t>();
    auto stand_in = table_told<syncline_host>(from);
    stand_in.handle = handle;
    stand_in.abi_minor = minor;
    stand_in.get_table = &find_host_table;
    const syncline_host* host = connector_side().add_host(stand_in);
    syncline_instance* self = connector_side().plugin().create(host);
    if (self == nullptr) connector_side().drop_host(handle);
    to.number(self == nullptr ? 0 : connector_side().add(self, handle));
}

void SYNCLINE_CALL destroy(syncline_instance* instance) {
    Writer to;
    to.number(kNumber<&syncline_plugin::destroy>);
    to.number(number_of(instance));
    deliver(to.take());
    host_side().forget(number_of(instance));
}

void serve_destroy(Reader& from, Writer&) {
    const auto number = from.number<std::uint64_t>();
    connector_side().plugin().destroy(connector_side().find(number));
    connector_side().remove(number);
}

// ---- Messages -----------------------------------------------------------------------------------

using Serve = void (*)(Reader& from, Writer& to);

template <auto slot>
constexpr Serve server_of() {
    if constexpr (kKindOf<slot> != Kind::kOwn) {
        return &Call<slot>::serve;
    } else if constexpr (kNumber<slot> == kNumber<&syncline_plugin::create>) {
        return &serve_create;
    } else if constexpr (kNumber<slot> == kNumber<&syncline_plugin::destroy>) {
        return &serve_destroy;
    } else if constexpr (kNumber<slot> == kNumber<&syncline_plugin::get_table>) {
        return &serve_plugin_table;
    } else {
        static_assert(kNumber<slot> == kNumber<&syncline_host::get_table>);
        return &serve_host_table;
    }
}

template <class... Slots>
constexpr auto servers_of(std::type_identity<std::tuple<Slots...>>) {
    return std::array<Serve, sizeof...(Slots)>{server_of<Slots::kMember>()...};
}

constexpr auto kServers = servers_of(std::type_identity<AllSlots>{});

}  // namespace

std::string deliver(std::string message) {
    Reader from{std::move(message)};
    Writer to;
    kServers.at(from.number<std::size_t>())(from, to);
    return to.take();
}

const void* HostSide::plugin_table(std::string_view id) {
    if (!is_described(Whose::kPlugin, id)) return nullptr;
    {
        const std::lock_guard lock{mutex_};
        const auto known = tables_.find(id);
        if (known != tables_.end()) return known->second.get();
    }
    Writer to;
    to.number(kNumber<&syncline_plugin::get_table>);
    to.text(id);
    Reader answer{deliver(to.take())};
    auto table = found_told(answer, Whose::kPlugin, id);
    const std::lock_guard lock{mutex_};
    return tables_.try_emplace(std::string{id}, std::move(table)).first->second.get();
}

const void* ConnectorSide::host_table(syncline_host_handle handle, std::string_view id) {
    if (!is_described(Whose::kHost, id)) return nullptr;
    {
        const std::lock_guard lock{mutex_};
        const auto host = hosts_.find(handle);
        if (host == hosts_.end()) return nullptr;
        const auto known = host->second->tables.find(id);
        if (known != host->second->tables.end()) return known->second.get();
    }
    Writer to;
    to.number(kNumber<&syncline_host::get_table>);
    to.number(handle);
    to.text(id);
    Reader answer{deliver(to.take())};
    auto table = found_told(answer, Whose::kHost, id);
    const std::lock_guard lock{mutex_};
    const auto host = hosts_.find(handle);
    if (host == hosts_.end()) return nullptr;
    return host->second->tables.try_emplace(std::string{id}, std::move(table)).first->second.get();
}

syncline_plugin marshalled(const syncline_plugin& real) {
    host_side().reset();
    connector_side().reset(real);
    // What a process would tell at its start. The manifest's bytes are those of the file.
    syncline_plugin stand_in{};
    stand_in.struct_size = static_cast<std::uint32_t>(detail::known_size(real));
    stand_in.abi_major = real.abi_major;
    stand_in.abi_draft = real.abi_draft;
    stand_in.manifest = real.manifest;
    stand_in.get_table = &find_plugin_table;
    stand_in.create = &create;
    stand_in.init = &Call<&syncline_plugin::init>::send;
    stand_in.start = &Call<&syncline_plugin::start>::send;
    stand_in.stop = &Call<&syncline_plugin::stop>::send;
    stand_in.posted = &Call<&syncline_plugin::posted>::send;
    stand_in.destroy = &destroy;
    return stand_in;
}

}  // namespace syncline::marshal
