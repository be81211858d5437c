/// The directory of a zip archive, read with distrust. Include io/zip.hpp from outside.
///
/// Format: PKWARE's APPNOTE.TXT, 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end, with zip64), 4.5.3 (zip64 extra
/// field). Archives of one part, stored or deflated, without encryption. Sizes come from the central directory alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/byte_source.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/utf8.hpp>

namespace kashi::inline v0::io::detail {

struct ZipEntry {
  std::string name;
  bool is_deflated = false;
  std::uint32_t crc = 0;
  std::int64_t packed = 0;    ///< bytes in the archive
  std::int64_t unpacked = 0;  ///< bytes when unpacked
  std::int64_t header = 0;    ///< place of its local header
};

/// Where the central directory lies.
struct ZipEnd {
  std::uint64_t entries = 0;
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
  std::int64_t end = 0;  ///< where it must end: the place of the record behind it
};

inline constexpr std::uint32_t zip_local_signature = 0x04034B50, zip_central_signature = 0x02014B50,
                               zip_end_signature = 0x06054B50, zip64_end_signature = 0x06064B50,
                               zip64_locator_signature = 0x07064B50;
inline constexpr std::int64_t zip_local_bytes = 30, zip_central_bytes = 46, zip_end_bytes = 22, zip64_end_bytes = 56,
                              zip64_locator_bytes = 20;

template <class>
class BasicZipDirectory {
 public:
  /// Reads and checks the directory. Throws FormatError, beginning with the source's `where`.
  BasicZipDirectory(const ByteSource& source, const Limits& limits) : source_(source), limits_(limits) {
    const ZipEnd end = find_end();
    check(end.entries <= static_cast<std::uint64_t>(limits.zip_entries), "its directory claims ", end.entries,
          " entries, the limit is ", limits.zip_entries, " (io::Limits)");
    const auto place = static_cast<std::uint64_t>(end.end);
    check(end.begin <= place && end.bytes == place - end.begin, "its zip directory claims bytes [", end.begin, ",",
          end.begin + end.bytes, "), but it must end at ", end.end);
    check(end.bytes <= static_cast<std::uint64_t>(limits.header_bytes), "its zip directory has ", end.bytes,
          " bytes, the limit is ", limits.header_bytes, " (io::Limits)");
    data_end_ = static_cast<std::int64_t>(end.begin);
    const std::vector<std::byte> bytes = source.read(data_end_, static_cast<std::int64_t>(end.bytes));
    read_entries(bytes, end.entries);
    check_entries();
  }

  std::vector<ZipEntry> take() { return std::move(entries_); }
  /// Where the central directory begins: no entry's bytes reach beyond.
  std::int64_t data_end() const { return data_end_; }

 private:
  template <class... Parts>
  void check(bool condition, const Parts&... reason) const {
    require<FormatError>(condition, source_.where, ": ", reason...);
  }

  ZipEnd find_end() const {
    constexpr std::int64_t longest_comment = 65'535;
    const std::int64_t count = std::min(source_.size, zip_end_bytes + longest_comment);
    const std::vector<std::byte> tail = source_.read(source_.size - count, count);
    for (std::int64_t back = zip_end_bytes; back <= count; ++back) {
      const auto at = static_cast<std::size_t>(count - back);
      if (little_endian<std::uint32_t>(tail, at) != zip_end_signature) continue;
      if (little_endian<std::uint16_t>(tail, at + 20) != back - zip_end_bytes) continue;
      return read_end(std::span(tail).subspan(at), source_.size - back);
    }
    check(false, "the end of its zip directory is missing; is the file complete?");
    return {};
  }

  ZipEnd read_end(std::span<const std::byte> record, std::int64_t place) const {
    const auto disk = little_endian<std::uint16_t>(record, 4), first_disk = little_endian<std::uint16_t>(record, 6);
    const ZipEnd plain{little_endian<std::uint16_t>(record, 10), little_endian<std::uint32_t>(record, 16),
                       little_endian<std::uint32_t>(record, 12), place};
    const bool may_be_wide = plain.entries == 0xFFFF || plain.begin == 0xFFFF'FFFF || plain.bytes == 0xFFFF'FFFF;
    if (const std::optional<ZipEnd> wide = read_wide_end(place)) {
      check((plain.entries == 0xFFFF || plain.entries == wide->entries) &&
                (plain.begin == 0xFFFF'FFFF || plain.begin == wide->begin) &&
                (plain.bytes == 0xFFFF'FFFF || plain.bytes == wide->bytes),
            "the two ends of its zip directory contradict each other");
      return *wide;
    }
    check(!may_be_wide || place == static_cast<std::int64_t>(plain.begin + plain.bytes),
          "its zip64 directory end is missing");
    check(disk == 0 && first_disk == 0 && little_endian<std::uint16_t>(record, 8) == plain.entries,
          "it is one part of a split zip archive");
    return plain;
  }

  std::optional<ZipEnd> read_wide_end(std::int64_t place) const {
    if (place < zip64_locator_bytes + zip64_end_bytes) return std::nullopt;
    const std::vector<std::byte> locator = source_.read(place - zip64_locator_bytes, zip64_locator_bytes);
    if (little_endian<std::uint32_t>(locator, 0) != zip64_locator_signature) return std::nullopt;
    const auto begin = little_endian<std::uint64_t>(locator, 8);
    check(begin <= static_cast<std::uint64_t>(place - zip64_locator_bytes - zip64_end_bytes),
          "its zip64 directory end claims to lie at byte ", begin);
    const std::vector<std::byte> record = source_.read(static_cast<std::int64_t>(begin), zip64_end_bytes);
    check(little_endian<std::uint32_t>(record, 0) == zip64_end_signature, "there is no zip64 directory end at byte ",
          begin);
    check(little_endian<std::uint32_t>(record, 16) == 0 && little_endian<std::uint32_t>(record, 20) == 0 &&
              little_endian<std::uint64_t>(record, 24) == little_endian<std::uint64_t>(record, 32),
          "it is one part of a split zip archive");
    return ZipEnd{little_endian<std::uint64_t>(record, 32), little_endian<std::uint64_t>(record, 48),
                  little_endian<std::uint64_t>(record, 40), static_cast<std::int64_t>(begin)};
  }

  void read_entries(std::span<const std::byte> bytes, std::uint64_t count) {
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      check(bytes.size() - at >= zip_central_bytes && little_endian<std::uint32_t>(bytes, at) == zip_central_signature,
            "entry ", i, " of its zip directory is cut off or damaged");
      const std::size_t name = little_endian<std::uint16_t>(bytes, at + 28),
                        extra = little_endian<std::uint16_t>(bytes, at + 30),
                        comment = little_endian<std::uint16_t>(bytes, at + 32);
      check(bytes.size() - at - zip_central_bytes >= name + extra + comment, "entry ", i,
            " of its zip directory is cut off");
      read_entry(bytes.subspan(at, zip_central_bytes + name + extra), name);
      at += zip_central_bytes + name + extra + comment;
    }
    check(at == bytes.size(), "its zip directory holds more than its ", count, " entries");
  }

  void read_entry(std::span<const std::byte> record, std::size_t name_bytes) {
    const auto* characters = reinterpret_cast<const char*>(record.data() + zip_central_bytes);
    ZipEntry entry{.name = std::string(characters, name_bytes)};
    check(name_bytes <= static_cast<std::size_t>(limits_.name_bytes), "an entry's name has ", name_bytes,
          " bytes, the limit is ", limits_.name_bytes, " (io::Limits)");
    check(is_clean_text(entry.name), "the name of an entry is not clean UTF-8");
    const auto flags = little_endian<std::uint16_t>(record, 8), method = little_endian<std::uint16_t>(record, 10);
    check((flags & 0x2041u) == 0, "entry \"", entry.name, "\" is encrypted");
    check(method == 0 || method == 8, "entry \"", entry.name, "\" is packed by method ", method,
          "; stored (0) and deflated (8) are read");
    entry.is_deflated = method == 8;
    entry.crc = little_endian<std::uint32_t>(record, 16);
    std::uint64_t packed = little_endian<std::uint32_t>(record, 20),
                  unpacked = little_endian<std::uint32_t>(record, 24),
                  header = little_endian<std::uint32_t>(record, 42);
    read_wide_fields(record.subspan(zip_central_bytes + name_bytes), entry.name, {&unpacked, &packed, &header});
    const auto room = static_cast<std::uint64_t>(data_end_);
    check(header <= room && packed <= room - header, "entry \"", entry.name, "\" claims ", packed, " bytes from byte ",
          header, " on, but the zip directory begins at ", room);
    check(unpacked <= static_cast<std::uint64_t>(limits_.file_bytes), "entry \"", entry.name, "\" claims ", unpacked,
          " bytes unpacked, the limit is ", limits_.file_bytes, " (io::Limits)");
    check(entry.is_deflated || packed == unpacked, "entry \"", entry.name, "\" is stored, but claims ", packed,
          " bytes packed and ", unpacked, " unpacked");
    entry.packed = static_cast<std::int64_t>(packed);
    entry.unpacked = static_cast<std::int64_t>(unpacked);
    entry.header = static_cast<std::int64_t>(header);
    entries_.push_back(std::move(entry));
  }

  /// Fields of 32 bits that are all ones stand in the zip64 extra field, in this order.
  void read_wide_fields(std::span<const std::byte> extra, const std::string& name,
                        std::initializer_list<std::uint64_t*> fields) const {
    while (extra.size() >= 4) {
      const auto id = little_endian<std::uint16_t>(extra, 0);
      const std::size_t bytes = little_endian<std::uint16_t>(extra, 2);
      check(bytes <= extra.size() - 4, "the extra fields of entry \"", name, "\" are cut off");
      if (id == 1) {
        std::size_t at = 4;
        for (std::uint64_t* field : fields) {
          if (*field != 0xFFFF'FFFF) continue;
          check(at + 8 <= 4 + bytes, "the zip64 field of entry \"", name, "\" is too short");
          *field = little_endian<std::uint64_t>(extra, at);
          at += 8;
        }
        return;
      }
      extra = extra.subspan(4 + bytes);
    }
  }

  /// No name twice, no byte in two entries, and no more in all than such a file may become.
  void check_entries() const {
    std::unordered_set<std::string> names;
    std::vector<const ZipEntry*> by_place;
    std::int64_t total = 0;
    const std::int64_t most = limits_.most_bytes(source_.size);
    for (const ZipEntry& entry : entries_) {
      check(names.insert(entry.name).second, "the entry \"", entry.name, "\" is there twice");
      by_place.push_back(&entry);
      check(entry.unpacked <= most - total, "its entries unpack to more than ", most, " bytes, too much for a file of ",
            source_.size, " (io::Limits)");
      total += entry.unpacked;
    }
    std::sort(by_place.begin(), by_place.end(),
              [](const ZipEntry* a, const ZipEntry* b) { return a->header < b->header; });
    std::int64_t free_from = 0;
    for (const ZipEntry* entry : by_place) {
      check(entry->header >= free_from, "entry \"", entry->name, "\" overlaps another one");
      free_from = entry->header + zip_local_bytes + static_cast<std::int64_t>(entry->name.size()) + entry->packed;
    }
    check(free_from <= data_end_, "its last entry reaches into the zip directory");
  }

  const ByteSource& source_;
  const Limits& limits_;
  std::int64_t data_end_ = 0;
  std::vector<ZipEntry> entries_;
};
using ZipDirectory = BasicZipDirectory<void>;

}  // namespace kashi::inline v0::io::detail
