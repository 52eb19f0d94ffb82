#include "store/overlay.hpp"

#include <map>
#include <random>

#include "samples.hpp"

using namespace syncline;
using namespace syncline::store;

namespace {

// One table that is searched and one that is only asked for exact keys.
constexpr Table kTables[] = {Table::kQueue, Table::kRecord};

// The overlay beside a plain map that does the same, in both kinds of tables.
class Pair {
  public:
    explicit Pair(std::uint32_t seed) : random_(seed) {}

    void step() {
        std::string key = "k" + std::to_string(random_() % 40);
        switch (random_() % 8) {
            case 0:
            case 1:
            case 2:
                put(key);
                break;
            case 3:
            case 4:
                erase(key);
                break;
            case 5:
                check_get(key);
                break;
            case 6:
                check_seek(key);
                break;
            default:
                random_() % 4 == 0 ? move_layers() : check_seek(key);
        }
    }

    void check_all() {
        std::string from(1, '\0');
        for (const auto& [key, value] : model_) {
            auto row = overlay().seek(Table::kQueue, from, "");
            REQUIRE(row.has_value());
            REQUIRE(row->has_value());
            CHECK((*row)->key == key);
            CHECK((*row)->value == value);
            from = key + '\0';
        }
        for (int i = 0; i < 40; ++i) check_get("k" + std::to_string(i));
        CHECK(!overlay().seek(Table::kQueue, from, "").value().has_value());
    }

    void commit() {
        while (frozen_) move_layers();
        move_layers();
        while (frozen_) move_layers();
    }
    Overlay& overlay() { return under_test_.state->overlay(); }

  private:
    void put(const std::string& key) {
        bool is_new = !model_.contains(key) && random_() % 2 == 0;
        std::string value = std::to_string(random_());
        model_[key] = value;
        for (Table table : kTables) overlay().put(table, key, value, is_new);
    }
    void erase(const std::string& key) {
        model_.erase(key);
        for (Table table : kTables) overlay().erase(table, key);
    }
    void check_get(const std::string& key) {
        auto expected = model_.find(key);
        for (Table table : kTables) {
            auto found = overlay().get(table, key);
            REQUIRE(found.has_value());
            REQUIRE(found->has_value() == (expected != model_.end()));
            if (*found) CHECK(**found == expected->second);
        }
    }
    void check_seek(const std::string& key) {
        std::string prefix = key.substr(0, 2);
        auto found = overlay().seek(Table::kQueue, key, prefix);
        REQUIRE(found.has_value());
        auto expected = model_.lower_bound(key);
        bool is_expected = expected != model_.end() && expected->first.starts_with(prefix);
        REQUIRE(found->has_value() == is_expected);
        if (is_expected) {
            CHECK((*found)->key == expected->first);
            CHECK((*found)->value == expected->second);
        }
    }
    // freeze, write, thaw: one after the other, with other steps in between.
    void move_layers() {
        if (!frozen_) {
            frozen_ = overlay().freeze();
            is_written_ = false;
        } else if (!is_written_) {
            under_test_.write(*frozen_);  // the reader goes on seeing what was before
            is_written_ = true;
        } else {
            under_test_.database->renew();
            overlay().thaw();
            frozen_.reset();
        }
    }

    std::mt19937 random_;
    StateUnderTest under_test_;
    std::map<std::string, std::string> model_;
    std::shared_ptr<const Overlay::Layer> frozen_;
    bool is_written_ = false;
};

}  // namespace

TEST_CASE("overlay: behaves like a map, whatever is frozen, committed or in memory",
          "[store][overlay]") {
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        Pair pair{seed};
        for (int step = 0; step < 1500; ++step) {
            pair.step();
            if (step % 250 == 0) pair.check_all();
        }
        pair.commit();
        pair.check_all();
        CHECK(pair.overlay().dirty_bytes() == 0);
        CHECK(pair.overlay().frozen_bytes() == 0);
    }
}

TEST_CASE("overlay: a row that comes and goes between two commits leaves nothing behind",
          "[store][overlay]") {
    StateUnderTest test;
    Overlay& overlay = test.state->overlay();
    for (Table table : {Table::kEvent, Table::kRecord}) {
        for (int i = 0; i < 100; ++i) overlay.put(table, "e" + std::to_string(i), "x", true);
        for (int i = 0; i < 100; ++i) overlay.erase(table, "e" + std::to_string(i));
    }
    CHECK(!overlay.is_dirty());
    auto layer = overlay.freeze();
    int rows = 0;
    for (Table table : {Table::kEvent, Table::kRecord}) {
        (*layer)[table].each([&](const std::string&, const Change&) { return ++rows > 0; });
    }
    CHECK(rows == 0);
}
