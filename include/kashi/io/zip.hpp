/// Reading of zip archives: what torch files and npz files are. Writing is in zip_write.hpp.
///
/// An entry is unpacked into memory of the size that the directory claims, which was checked against the file before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/byte_source.hpp>
#include <kashi/io/inflate.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/zip_directory.hpp>

namespace kashi::inline v0::io::detail {

/// Whether the checksum 0 means that none was written, as torch.save may be told to.
enum class ZipChecksum { required, zero_is_none };

/// An archive whose directory was read and checked. The source must outlive it.
class ZipArchive {
 public:
  ZipArchive(const ByteSource& source, const Limits& limits, ZipChecksum checksum = ZipChecksum::required)
      : source_(source), checksum_(checksum) {
    ZipDirectory directory(source, limits);
    data_end_ = directory.data_end();
    entries_ = directory.take();
    for (std::size_t i = 0; i < entries_.size(); ++i) places_.emplace(entries_[i].name, i);
  }

  const std::vector<ZipEntry>& entries() const { return entries_; }

  /// Null if there is no entry of that name.
  const ZipEntry* find(const std::string& name) const {
    const auto place = places_.find(name);
    return place == places_.end() ? nullptr : &entries_[place->second];
  }

  /// The entry's bytes. Throws FormatError if they are damaged.
  std::vector<std::byte> read(const ZipEntry& entry) const {
    const std::string who = source_.where + ": entry \"" + entry.name + "\"";
    const std::int64_t begin = data_begin(entry, who);
    std::vector<std::byte> out(static_cast<std::size_t>(entry.unpacked));
    if (entry.is_deflated) {
      inflate_exactly(source_.read(begin, entry.packed), out, who);
    } else {
      source_.fetch(begin, out);
    }
    const bool has_checksum = entry.crc != 0 || checksum_ == ZipChecksum::required;
    require<FormatError>(!has_checksum || crc32_of(out) == entry.crc, who, ": its checksum is wrong: it is damaged");
    return out;
  }

 private:
  /// Behind the local header, whose name must be the directory's.
  std::int64_t data_begin(const ZipEntry& entry, const std::string& who) const {
    const auto name_bytes = static_cast<std::int64_t>(entry.name.size());
    require<FormatError>(entry.header <= data_end_ - zip_local_bytes - name_bytes, who, ": its header is cut off");
    const std::vector<std::byte> header = source_.read(entry.header, zip_local_bytes + name_bytes);
    const std::string_view name(reinterpret_cast<const char*>(header.data()) + zip_local_bytes, entry.name.size());
    require<FormatError>(little_endian<std::uint32_t>(header, 0) == zip_local_signature &&
                             little_endian<std::uint16_t>(header, 26) == name_bytes && name == entry.name,
                         who, ": there is another header at byte ", entry.header);
    const std::int64_t begin = entry.header + zip_local_bytes + name_bytes + little_endian<std::uint16_t>(header, 28);
    require<FormatError>(entry.packed <= data_end_ - begin, who, ": its bytes reach into the zip directory");
    return begin;
  }

  const ByteSource& source_;
  ZipChecksum checksum_;
  std::int64_t data_end_ = 0;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace kashi::inline v0::io::detail
