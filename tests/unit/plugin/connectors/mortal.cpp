// A connector that ends the process, in the way that a record asks for. Others it appends to a
// file. What it does to every record is a text of its code, so that a test can make another version
// of it from its bytes.
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

#include "syncline/connector.hpp"

namespace {

// Sixteen characters: "always:" and a way to end, padded by blanks.
const volatile char kHabit[] = "always:nothing  ";

int overflow_stack(volatile char* above) {
    volatile char room[4096] = {*above};
    return above == nullptr ? 0 : overflow_stack(room) + room[1];
}

void end_in_the_way_of(std::string_view text) {
    const auto is = [text](std::string_view way) {
        return text.find(":" + std::string{way}) != std::string_view::npos;
    };
    volatile char top = 0;
    if (is("segv")) ::raise(SIGSEGV);
    if (is("null")) *static_cast<volatile int*>(nullptr) = 1;
    if (is("abort")) std::abort();
    if (is("stack")) overflow_stack(&top);
    if (is("exit")) std::exit(0);
    if (is("quick")) std::quick_exit(0);
    if (is("pthread")) ::pthread_exit(nullptr);
    if (is("silent")) ::_exit(0);
    if (is("kill")) ::raise(SIGKILL);
}

// What runs when the process ends: the library is never unloaded.
struct Grave {
    ~Grave() {
        if (is_open) std::abort();
    }
    bool is_open = false;
} grave;

std::string habit() {
    std::string text;
    for (const volatile char& letter : kHabit) text.push_back(letter);
    return text;
}

class Mortal final : public syncline::Connector,
                     public syncline::WebhookReceiver,
                     public syncline::BatchWriter {
    syncline::Status init(const syncline::Settings& settings) override {
        key_ = compile(".id");
        path_ = settings.text("path");
        if (habit().starts_with("always:umask")) ::umask(0);
        if (habit().starts_with("always:handler")) std::signal(SIGUSR1, SIG_IGN);
        return {};
    }

    syncline::Status translate(const syncline::WebhookRequest& request,
                               syncline::RecordSink& records) override {
        if (request.body().find("translated") != std::string_view::npos)
            end_in_the_way_of(request.body());
        records.add({"lines", SYNCLINE_UPSERT, key_.evaluate_text(request.body()), request.body()});
        return {};
    }

    syncline::Task<> write(syncline::Batch& batch) override {
        std::string lines;
        end_in_the_way_of(habit());
        for (const syncline::WriteRecord& record : batch) {
            if (record.body().find("written") != std::string_view::npos)
                end_in_the_way_of(record.body());
            if (record.body().find(":grave") != std::string_view::npos) grave.is_open = true;
            lines.append(record.body()).append("\n");
        }
        co_await syncline::file::append(path_, lines);
        for (const syncline::WriteRecord& record : batch)
            if (record.body().find("resumed") != std::string_view::npos)
                end_in_the_way_of(record.body());
        batch.rest_done();
    }

    syncline::Expression key_;
    std::string path_;
};

}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Mortal, R"json({
    "id": "mortal", "version": "1.0.0", "name": "Mortal", "unload": "never",
    "abi": {"major": 1, "draft": 2, "min_host_minor": 0}, "style": "async",
    "capabilities": ["webhook", "write"],
    "streams": [{"name": "lines", "source": true, "destination": true, "batch_records_max": 10}],
    "allowed_files": [{"from_setting": "path"}],
    "settings": {"type": "object", "required": ["path"], "additionalProperties": false,
                 "properties": {"path": {"type": "string"}}}
})json")
