#include "admin/letter_bodies.hpp"

#include <utility>

#include "admin/errc.hpp"
#include "core/thread_name.hpp"
#include "record/json.hpp"
#include "record/record.hpp"
#include "store/errc.hpp"

namespace syncline::admin {
namespace {

Result<store::Body> present_body(store::State& state, std::uint64_t id) {
    SYNCLINE_TRY(auto letter, state.letter(id));
    if (!letter) {
        return Error{store::kNoSuchLetter,
                     "there is no dead letter " + store::to_string(store::Position{id})};
    }
    if (auto reason = store::why_not_editable(*letter)) return std::move(*reason);
    const store::Edit* edit = store::edit_of(*letter->record, letter->row.owner);
    return edit == nullptr ? std::move(letter->record->body) : store::Body{edit->body};
}

}  // namespace

Result<std::string> check_letter_body(std::string_view text) {
    Result<record::json::value> parsed = record::parse_json(text);
    if (!parsed.has_value()) return Error{kBodyInvalid, parsed.error().what()};
    if (!parsed->is_object()) return Error{kBodyInvalid, "the body is not a JSON object"};
    std::string body = record::write_json(*parsed);
    if (body.size() > record::kRecordBytesMax)
        return Error{kBodyInvalid, "the body has more than 16 MiB"};
    return body;
}

LetterBodies::~LetterBodies() {
    if (thread_.joinable()) thread_.join();
}

void LetterBodies::read(std::uint64_t letter, std::function<void(Result<std::string>)> done) {
    auto look = [this](const store::Body& present) { return store_.bodies().read(present); };
    begin<std::string>(letter, std::move(look), std::move(done));
}

void LetterBodies::keep(std::uint64_t letter, std::string text,
                        std::function<void(Result<store::Body>)> done) {
    auto keep = [this, text = std::move(text)](const store::Body&) -> Result<store::Body> {
        SYNCLINE_TRY(std::string body, check_letter_body(text));
        SYNCLINE_CHECK(store_.check_room());
        return store_.bodies().keep(std::move(body));
    };
    begin<store::Body>(letter, std::move(keep), std::move(done));
}

// Asks the state whether the letter has a body to edit; then the work is done on the thread.
template <class T>
void LetterBodies::begin(std::uint64_t letter, Work<T> work, std::function<void(Result<T>)> done) {
    if (is_busy_.exchange(true))
        return done(Error{kBusy, "another dead letter is just being edited"});
    auto look = [this, letter, work = std::move(work), done](store::State& state) {
        Result<store::Body> present = present_body(state, letter);
        if (!present.has_value()) {
            is_busy_ = false;
            return done(present.error());
        }
        if (thread_.joinable()) thread_.join();  // it has ended
        thread_ = std::thread{[this, work, done, body = std::move(*present)] {
            core::name_this_thread("edit");
            Result<T> result = work(body);
            is_busy_ = false;
            done(std::move(result));
        }};
    };
    if (store_.ask(std::move(look))) return;
    is_busy_ = false;
    done(Error{kStopping, "the hub is stopping"});
}

}  // namespace syncline::admin
