#include "store/check.hpp"

#include <unistd.h>

#include "store/errc.hpp"
#include "store/pages.hpp"

namespace syncline::store {
namespace {

Error damaged(const std::filesystem::path& file, const PageDamage& damage) {
    return Error{kStateDamaged, "the state is damaged: " + damage.what}.at(
        file.string() + ":" + std::to_string(damage.offset));
}

}  // namespace

// LMDB begins a file with two pages, of which a power cut may leave any part; only then does the
// journal get its first file.
bool is_unborn(const std::filesystem::path& database, const std::filesystem::path& journal) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(database, error);
    if (error) return true;
    const auto two_pages = 2 * static_cast<std::uintmax_t>(::sysconf(_SC_PAGESIZE));
    return size <= two_pages && std::filesystem::is_empty(journal, error);
}

Result<void> check_state(const std::filesystem::path& directory,
                         const std::filesystem::path& journal) {
    const std::filesystem::path file = directory / "data.mdb";
    if (is_unborn(file, journal)) {
        std::error_code ignored;
        std::filesystem::remove(file, ignored);
        return {};
    }
    SYNCLINE_TRY(PageFile pages, PageFile::open(file));
    if (!pages.damage().empty()) return damaged(file, pages.damage().front());
    auto accept = [](std::optional<Table>, std::string_view, std::string_view) -> Result<bool> {
        return true;
    };
    SYNCLINE_TRY(PageSurvey survey, pages.survey(pages.commits().front(), accept));
    if (!survey.is_whole()) return damaged(file, survey.damage.front());
    return {};
}

}  // namespace syncline::store
