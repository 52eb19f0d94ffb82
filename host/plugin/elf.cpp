#include "plugin/elf.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "plugin/errc.hpp"

namespace syncline::plugin {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
constexpr const char* kMachineName = "x86-64";
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
constexpr const char* kMachineName = "AArch64";
#else
#error "Name the ELF machine of this processor."
#endif

// Loops over tables of a hostile file stay short.
constexpr std::uint64_t kSectionsMax = 4096;
constexpr std::uint64_t kSegmentsMax = 256;
constexpr std::uint64_t kSymbolsMax = 1'000'000;

bool lies_within(std::uint64_t offset, std::uint64_t size, std::uint64_t limit) {
    return offset <= limit && size <= limit - offset;
}

template <class T>
std::optional<T> read_at(std::string_view bytes, std::uint64_t offset) {
    if (!lies_within(offset, sizeof(T), bytes.size())) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

Error not_a_library(std::string why) {
    return Error{kNotALibrary, std::move(why)};
}

Result<Elf64_Ehdr> read_header(std::string_view file) {
    if (file.size() < SELFMAG || file.substr(0, SELFMAG) != std::string_view{ELFMAG, SELFMAG}) {
        return not_a_library("the file is not an ELF shared library");
    }
    const auto header = read_at<Elf64_Ehdr>(file, 0);
    if (!header) return not_a_library("the file is truncated within its ELF header");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
        return not_a_library("the file is not a 64-bit little-endian library");
    }
    if (header->e_machine != kMachine) {
        return not_a_library("the file was built for another processor (ELF machine " +
                             std::to_string(header->e_machine) + "), this one is " + kMachineName);
    }
    if (header->e_type != ET_DYN) {
        return not_a_library("the file is not a shared library (ELF type " +
                             std::to_string(header->e_type) + ")");
    }
    return *header;
}

Result<void> check_segments(std::string_view file, const Elf64_Ehdr& header) {
    if (header.e_phnum == 0 || header.e_phnum > kSegmentsMax ||
        header.e_phentsize != sizeof(Elf64_Phdr)) {
        return not_a_library("the file's segment table is malformed");
    }
    if (!lies_within(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr), file.size())) {
        return not_a_library("the file is truncated within its segment table");
    }
    for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
        const auto segment = read_at<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr));
        if (!lies_within(segment->p_offset, segment->p_filesz, file.size())) {
            return not_a_library("the file is truncated: segment " + std::to_string(i) +
                                 " ends beyond it");
        }
        if (segment->p_type == PT_LOAD && segment->p_filesz > segment->p_memsz) {
            return not_a_library("segment " + std::to_string(i) + " of the file is malformed");
        }
    }
    return {};
}

class Sections {
  public:
    static Result<Sections> read(std::string_view file, const Elf64_Ehdr& header) {
        if (header.e_shoff == 0 || header.e_shnum == 0) {
            return not_a_library("the file has no section table (stripped too far)");
        }
        if (header.e_shnum > kSectionsMax || header.e_shentsize != sizeof(Elf64_Shdr) ||
            header.e_shstrndx >= header.e_shnum) {
            return not_a_library("the file's section table is malformed");
        }
        if (!lies_within(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr), file.size())) {
            return not_a_library("the file is truncated: its section table ends beyond it");
        }
        Sections sections{file, header};
        for (std::uint64_t i = 0; i < sections.count(); ++i) {
            const Elf64_Shdr section = sections.at(i);
            if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL &&
                !lies_within(section.sh_offset, section.sh_size, file.size())) {
                return not_a_library("the file is truncated: section " + std::to_string(i) +
                                     " ends beyond it");
            }
        }
        return sections;
    }

    std::uint64_t count() const { return header_.e_shnum; }

    Elf64_Shdr at(std::uint64_t index) const {
        return *read_at<Elf64_Shdr>(file_, header_.e_shoff + index * sizeof(Elf64_Shdr));
    }

    std::string_view contents(const Elf64_Shdr& section) const {
        if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL) return {};
        return file_.substr(section.sh_offset, section.sh_size);
    }

    std::string_view name(const Elf64_Shdr& section) const {
        return text_at(contents(at(header_.e_shstrndx)), section.sh_name);
    }

    static std::string_view text_at(std::string_view table, std::uint64_t offset) {
        if (offset >= table.size()) return {};
        const std::string_view rest = table.substr(offset);
        const std::size_t end = rest.find('\0');
        return end == std::string_view::npos ? std::string_view{} : rest.substr(0, end);
    }

  private:
    Sections(std::string_view file, const Elf64_Ehdr& header) : file_(file), header_(header) {}

    std::string_view file_;
    Elf64_Ehdr header_;
};

bool defines_object(const Sections& sections, const Elf64_Shdr& table, std::string_view wanted) {
    if (table.sh_entsize != sizeof(Elf64_Sym) || table.sh_link >= sections.count()) return false;
    const std::string_view symbols = sections.contents(table);
    const std::string_view names = sections.contents(sections.at(table.sh_link));
    const std::uint64_t count = std::min(symbols.size() / sizeof(Elf64_Sym), kSymbolsMax);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto symbol = read_at<Elf64_Sym>(symbols, i * sizeof(Elf64_Sym));
        if (symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT &&
            ELF64_ST_BIND(symbol->st_info) == STB_GLOBAL &&
            Sections::text_at(names, symbol->st_name) == wanted) {
            return true;
        }
    }
    return false;
}

}  // namespace

Result<ElfInfo> inspect_elf(std::string_view file, std::string_view entry_symbol) {
    SYNCLINE_TRY(const auto header, read_header(file));
    SYNCLINE_TRY(const auto sections, Sections::read(file, header));
    SYNCLINE_CHECK(check_segments(file, header));

    ElfInfo info;
    for (std::uint64_t i = 0; i < sections.count(); ++i) {
        const Elf64_Shdr section = sections.at(i);
        if (section.sh_type == SHT_NOTE && sections.name(section) == ".note.syncline") {
            info.note = sections.contents(section);
        }
        // The linker of Go writes it into whatever has Go's runtime.
        if (sections.name(section) == ".go.buildinfo") info.has_go_runtime = true;
        if (section.sh_type == SHT_DYNSYM && defines_object(sections, section, entry_symbol)) {
            info.exports_entry = true;
        }
    }
    return info;
}

std::string_view find_note(std::string_view section, std::string_view owner, std::uint32_t type) {
    const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
    while (const auto note = read_at<Elf64_Nhdr>(section, 0)) {
        const std::uint64_t name_at = sizeof(Elf64_Nhdr);
        const std::uint64_t descriptor_at = name_at + padded(note->n_namesz);
        if (!lies_within(descriptor_at, note->n_descsz, section.size())) return {};
        std::string_view name = section.substr(name_at, note->n_namesz);
        while (!name.empty() && name.back() == '\0') name.remove_suffix(1);
        if (name == owner && note->n_type == type) {
            return section.substr(descriptor_at, note->n_descsz);
        }
        section.remove_prefix(
            std::min<std::uint64_t>(descriptor_at + padded(note->n_descsz), section.size()));
    }
    return {};
}

}  // namespace syncline::plugin
