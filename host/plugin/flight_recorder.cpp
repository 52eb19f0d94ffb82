#include "plugin/flight_recorder.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "plugin/errc.hpp"

namespace syncline::plugin {
namespace {

constexpr std::array<char, 8> kMagic{'S', 'Y', 'N', 'C', 'F', 'L', 'T', '1'};
constexpr std::int32_t kExitCause = 1000;  // beside the numbers of signals
constexpr int kConnectorExitCode = 70;     // EX_SOFTWARE
constexpr std::size_t kSignalStackBytes = 64 * 1024;
constexpr std::array kFatalSignals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};

using BootId = std::array<char, 40>;

struct Descriptor {
    explicit Descriptor(int value) : number(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
    const int number;
};

// Changes with every start of the machine.
BootId boot_id() {
    BootId id{};
    std::ifstream{"/proc/sys/kernel/random/boot_id"}.read(id.data(), id.size() - 1);
    return id;
}

template <std::size_t Size>
void put(std::array<char, Size>& to, std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), Size - 1);
    std::memcpy(to.data(), text.data(), size);
    to[size] = '\0';
}

template <std::size_t Size>
std::string get(const std::array<char, Size>& from) {
    return {from.data(), ::strnlen(from.data(), Size)};
}

std::string name_of_cause(std::int32_t cause) {
    if (cause == 0) return "";
    if (cause == kExitCause) return std::string{kExited};
    const char* name = ::sigabbrev_np(cause);
    return name == nullptr ? "signal " + std::to_string(cause) : "SIG" + std::string{name};
}

}  // namespace

// Plain memory: read by the process that comes after this one.
struct FlightRecorder::Slot {
    std::array<char, 72> connector, version, sha256_hex, account;
    std::atomic<const char*> call;    // of this process; not null: the connector's code runs
    std::array<char, 24> call_name;   // the same for the next
    std::atomic<std::int32_t> cause;  // a signal, or kExitCause; 0: none
    std::uint32_t subject_count;
    std::array<Subject, kSubjectsOfCallMax> subjects;
};

struct FlightRecorder::File {
    std::array<char, 8> magic;
    BootId boot;
    std::atomic<std::uint32_t> is_closed;
    std::array<Slot, kSeatsMax> slots;
};

namespace {

constinit thread_local FlightRecorder::Slot* my_slot = nullptr;
std::array<struct sigaction, NSIG> handlers_before{};

// Async-signal-safe: memory that is mapped, and a system call.
void note_cause(std::int32_t cause) noexcept {
    FlightRecorder::Slot* slot = my_slot;
    if (slot != nullptr && slot->call.load(std::memory_order_relaxed) != nullptr)
        slot->cause.store(cause, std::memory_order_relaxed);
}

// A fault comes again when this returns, and then meets the handler from before; whatever was sent
// has to be sent again, and so has what the processor or the kernel tells of when it is over.
void on_fatal_signal(int signal, siginfo_t* info, void*) {
    note_cause(signal);
    ::sigaction(signal, &handlers_before[static_cast<std::size_t>(signal)], nullptr);
    const bool is_over = signal == SIGTRAP || signal == SIGSYS;
    if (info->si_code <= 0 || is_over) ::raise(signal);
}

void on_exit() {
    FlightRecorder::Slot* slot = my_slot;
    if (slot == nullptr || slot->call.load(std::memory_order_relaxed) == nullptr) return;
    note_cause(kExitCause);
    ::_exit(kConnectorExitCode);
}

// A stack that is full can't take the handler of the signal that says so.
class SignalStack {
  public:
    SignalStack() {
        void* memory = ::mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (memory == MAP_FAILED) return;
        memory_ = memory;
        stack_t mine{};
        mine.ss_sp = memory;
        mine.ss_size = kSignalStackBytes;
        ::sigaltstack(&mine, &before_);
    }
    SignalStack(const SignalStack&) = delete;
    SignalStack& operator=(const SignalStack&) = delete;
    ~SignalStack() {
        if (memory_ == nullptr) return;
        ::sigaltstack(&before_, nullptr);
        ::munmap(memory_, kSignalStackBytes);
    }

  private:
    void* memory_ = nullptr;
    stack_t before_{};
};

constinit thread_local SignalStack* my_stack = nullptr;

}  // namespace

// ---- What the last process left

std::vector<Crash> FlightRecorder::read(const std::filesystem::path& path) {
    const Descriptor descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (descriptor.number < 0) return {};
    struct ::stat status {};
    if (::fstat(descriptor.number, &status) != 0 || status.st_size != sizeof(File)) return {};
    void* memory = ::mmap(nullptr, sizeof(File), PROT_READ, MAP_PRIVATE, descriptor.number, 0);
    if (memory == MAP_FAILED) return {};
    std::vector<Crash> crashes = crashes_in(*static_cast<const File*>(memory));
    ::munmap(memory, sizeof(File));
    return crashes;
}

std::vector<Crash> FlightRecorder::crashes_in(const File& file) {
    if (file.magic != kMagic || file.is_closed != 0 || file.boot != boot_id()) return {};
    std::vector<Crash> crashes;
    for (const Slot& slot : file.slots) {
        if (slot.call.load() == nullptr) continue;
        Crash crash{get(slot.connector),
                    get(slot.version),
                    get(slot.sha256_hex),
                    get(slot.account),
                    get(slot.call_name),
                    name_of_cause(slot.cause),
                    {}};
        const std::size_t count = std::min<std::size_t>(slot.subject_count, kSubjectsOfCallMax);
        crash.subjects.assign(slot.subjects.begin(),
                              slot.subjects.begin() + static_cast<std::ptrdiff_t>(count));
        crashes.push_back(std::move(crash));
    }
    const auto is_guilty = [](const Crash& crash) { return !crash.cause.empty(); };
    if (std::any_of(crashes.begin(), crashes.end(), is_guilty))
        std::erase_if(crashes, [&](const Crash& crash) { return !is_guilty(crash); });
    return crashes;
}

// ---- The file of this process

Result<std::shared_ptr<FlightRecorder>> FlightRecorder::open(const std::filesystem::path& path) {
    const auto failed = [&](const char* what) {
        return Error{kRecorderFailed,
                     std::string{what} + " `" + path.string() + "`: " + std::strerror(errno)};
    };
    ::unlink(path.c_str());
    const Descriptor descriptor{
        ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (descriptor.number < 0) return failed("can't make");
    // Room for all pages, or a full disk would end the process when one is touched.
    if (const int error = ::posix_fallocate(descriptor.number, 0, sizeof(File)); error != 0) {
        errno = error;
        return failed("can't make room for");
    }
    void* memory =
        ::mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0);
    if (memory == MAP_FAILED) return failed("can't map");
    // A page at a time: reading ahead in a file that is empty costs a start a millisecond.
    ::madvise(memory, sizeof(File), MADV_RANDOM);
    const std::shared_ptr<FlightRecorder> recorder{new FlightRecorder};
    recorder->file_ = static_cast<File*>(memory);
    for (Slot& slot : recorder->file_->slots) recorder->free_.push_back(&slot);
    std::reverse(recorder->free_.begin(), recorder->free_.end());
    recorder->file_->boot = boot_id();
    recorder->file_->magic = kMagic;
    return recorder;
}

FlightRecorder::~FlightRecorder() {
    if (file_ != nullptr) ::munmap(file_, sizeof(File));
}

void FlightRecorder::close() {
    file_->is_closed = 1;
}

FlightRecorder::Slot* FlightRecorder::take(const Who& who) {
    const std::lock_guard lock{mutex_};
    if (free_.empty()) return nullptr;
    Slot* slot = free_.back();
    free_.pop_back();
    put(slot->connector, who.connector);
    put(slot->version, who.version);
    put(slot->sha256_hex, who.sha256_hex);
    put(slot->account, "");
    slot->cause = 0;
    slot->subject_count = 0;
    return slot;
}

void FlightRecorder::give_back(Slot* slot) {
    slot->call = nullptr;
    const std::lock_guard lock{mutex_};
    free_.push_back(slot);
}

FlightRecorder::Seat::Seat(std::shared_ptr<FlightRecorder> recorder, const Who& who)
    : recorder_(std::move(recorder)) {
    if (recorder_ == nullptr) return;
    slot_ = recorder_->take(who);
    if (slot_ == nullptr) return;
    my_stack = new SignalStack;
    my_slot = slot_;
}

FlightRecorder::Seat::~Seat() {
    if (slot_ == nullptr) return;
    my_slot = nullptr;
    delete std::exchange(my_stack, nullptr);
    recorder_->give_back(slot_);
}

// ---- Calls

void note_subjects(std::string_view account, std::span<const Subject> subjects) noexcept {
    FlightRecorder::Slot* slot = my_slot;
    if (slot == nullptr) return;
    put(slot->account, account);
    const std::size_t count = std::min(subjects.size(), kSubjectsOfCallMax);
    std::copy_n(subjects.begin(), count, slot->subjects.begin());
    slot->subject_count = static_cast<std::uint32_t>(count);
}

InFlight::InFlight(const char* call) noexcept {
    FlightRecorder::Slot* slot = my_slot;
    if (slot == nullptr) return;
    before_ = slot->call.load(std::memory_order_relaxed);
    put(slot->call_name, call);
    slot->call.store(call, std::memory_order_release);
}

InFlight::~InFlight() {
    FlightRecorder::Slot* slot = my_slot;
    if (slot == nullptr) return;
    if (before_ != nullptr) put(slot->call_name, before_);
    slot->call.store(before_, std::memory_order_release);
}

Landed::Landed() noexcept {
    if (my_slot != nullptr) call_ = my_slot->call.exchange(nullptr);
}

Landed::~Landed() {
    if (my_slot != nullptr) my_slot->call.store(call_, std::memory_order_release);
}

void watch_deaths() {
    struct sigaction action {};
    action.sa_sigaction = on_fatal_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    for (const int signal : kFatalSignals)
        ::sigaction(signal, &action, &handlers_before[static_cast<std::size_t>(signal)]);
    std::atexit(on_exit);
    std::at_quick_exit(on_exit);
}

}  // namespace syncline::plugin
