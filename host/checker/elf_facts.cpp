#include "checker/elf_facts.hpp"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "checker/errc.hpp"
#include "plugin/elf.hpp"
#include "syncline/plugin.h"

namespace syncline::checker {
namespace {

// The bytes have passed inspect_elf(): sections and segments lie within the file. What they refer
// to need not.
class Reader {
  public:
    explicit Reader(std::string_view file) : file_(file), header_(*at<Elf64_Ehdr>(file, 0)) {}

    ElfFacts read() {
        for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
            const auto segment = at<Elf64_Phdr>(file_, header_.e_phoff + i * sizeof(Elf64_Phdr));
            if (segment && segment->p_type == PT_GNU_STACK)
                facts_.has_executable_stack = (segment->p_flags & PF_X) != 0;
        }
        for (std::uint64_t i = 0; i < header_.e_shnum; ++i) {
            const Elf64_Shdr section = section_at(i);
            if (section.sh_type == SHT_GNU_versym) versions_ = contents(section);
        }
        for (std::uint64_t i = 0; i < header_.e_shnum; ++i) {
            const Elf64_Shdr section = section_at(i);
            if (section.sh_type == SHT_DYNAMIC) read_dynamic(section);
            if (section.sh_type == SHT_DYNSYM) read_symbols(section);
            if (section.sh_type == SHT_GNU_verneed) read_needs(section);
        }
        return std::move(facts_);
    }

  private:
    template <class T>
    static std::optional<T> at(std::string_view bytes, std::uint64_t offset) {
        if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
        T value;
        std::memcpy(&value, bytes.data() + offset, sizeof(T));
        return value;
    }

    Elf64_Shdr section_at(std::uint64_t index) const {
        return at<Elf64_Shdr>(file_, header_.e_shoff + index * sizeof(Elf64_Shdr))
            .value_or(Elf64_Shdr{});
    }

    std::string_view contents(const Elf64_Shdr& section) const {
        if (section.sh_type == SHT_NOBITS || section.sh_offset > file_.size()) return {};
        return file_.substr(section.sh_offset, section.sh_size);
    }

    std::string text_at(const Elf64_Shdr& user, std::uint64_t offset) const {
        if (user.sh_link >= header_.e_shnum) return {};
        const std::string_view table = contents(section_at(user.sh_link));
        if (offset >= table.size()) return {};
        const std::string_view rest = table.substr(offset);
        return std::string{rest.substr(0, rest.find('\0'))};
    }

    void read_dynamic(const Elf64_Shdr& section) {
        const std::string_view entries = contents(section);
        for (std::uint64_t i = 0;; i += sizeof(Elf64_Dyn)) {
            const auto entry = at<Elf64_Dyn>(entries, i);
            if (!entry || entry->d_tag == DT_NULL) return;
            const std::uint64_t value = entry->d_un.d_val;
            if (entry->d_tag == DT_NEEDED) facts_.libraries.push_back(text_at(section, value));
            if (entry->d_tag == DT_RPATH || entry->d_tag == DT_RUNPATH)
                facts_.search_path = text_at(section, value);
            if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && value & DF_TEXTREL))
                facts_.relocates_text = true;
        }
    }

    void read_symbols(const Elf64_Shdr& section) {
        const std::string_view symbols = contents(section);
        for (std::uint64_t i = 1; const auto symbol = at<Elf64_Sym>(symbols, i * sizeof(Elf64_Sym));
             ++i) {
            const auto binding = ELF64_ST_BIND(symbol->st_info);
            const std::string name = text_at(section, symbol->st_name);
            if (symbol->st_shndx == SHN_UNDEF) {
                const auto version =
                    at<Elf64_Half>(versions_, i * sizeof(Elf64_Half)).value_or(VER_NDX_GLOBAL);
                if (binding == STB_GLOBAL && (version & 0x7fff) <= VER_NDX_GLOBAL)
                    facts_.loose_symbols.push_back(name);
                continue;
            }
            if (binding == STB_LOCAL) continue;
            facts_.exports.push_back(name);
            if (binding == STB_GNU_UNIQUE) facts_.unique_symbols.push_back(name);
        }
    }

    void read_needs(const Elf64_Shdr& section) {
        const std::string_view needs = contents(section);
        std::uint64_t offset = 0;
        while (const auto need = at<Elf64_Verneed>(needs, offset)) {
            std::uint64_t each = offset + need->vn_aux;
            for (unsigned i = 0; i < need->vn_cnt; ++i) {
                const auto version = at<Elf64_Vernaux>(needs, each);
                if (!version) break;
                facts_.versions.push_back(text_at(section, version->vna_name));
                if (version->vna_next == 0) break;
                each += version->vna_next;
            }
            if (need->vn_next == 0) return;
            offset += need->vn_next;
        }
    }

    const std::string_view file_;
    const Elf64_Ehdr header_;
    std::string_view versions_;
    ElfFacts facts_;
};

}  // namespace

std::string ElfFacts::newer_glibc() const {
    constexpr std::string_view kPrefix = "GLIBC_2.";
    constexpr int kMinorMax = 36;
    for (const std::string& version : versions) {
        if (version.starts_with(kPrefix) && std::atoi(version.c_str() + kPrefix.size()) > kMinorMax)
            return version;
    }
    return {};
}

Result<ElfFacts> read_elf_facts(std::string_view file) {
    if (const auto whole = plugin::inspect_elf(file, SYNCLINE_PLUGIN_SYMBOL); !whole) {
        return Error{kNotApplicable, "the file is no whole library; see `static-library`"};
    }
    return Reader{file}.read();
}

}  // namespace syncline::checker
