#include "store/check.hpp"

#include "store/errc.hpp"
#include "store/pages.hpp"

namespace syncline::store {
namespace {

Error damaged(const std::filesystem::path& file, const PageDamage& damage) {
    return Error{kStateDamaged, "the state is damaged: " + damage.what}.at(
        file.string() + ":" + std::to_string(damage.offset));
}

}  // namespace

Result<void> check_state(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / "data.mdb";
    std::error_code error;
    if (!std::filesystem::exists(file, error)) return {};
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
