/// Reading of PyTorch's .pt and .pth files without PyTorch: state dicts, and dicts, lists and tuples of tensors.
///
/// Both kinds of files are read: zip archives (torch.save since 1.6) and the older plain ones. F16 and BF16 become
/// float. No code of a file is ever run: the pickle inside may only say what state dicts are made of
/// (io/pickle.hpp, io/torch_objects.hpp), and everything else is refused with its name. Whole modules, TorchScript,
/// sparse, quantised, complex and nested tensors are not read.
///
/// The entry points are templates only so that programs which never call them don't compile them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/byte_source.hpp>
#include <kashi/io/dtype.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/pickle.hpp>
#include <kashi/io/tensor_file.hpp>
#include <kashi/io/torch_names.hpp>
#include <kashi/io/torch_objects.hpp>
#include <kashi/io/zip.hpp>

namespace kashi::inline v0::io {

/// What load_torch takes from a file.
struct TorchOptions {
  bool everything = false;  ///< all tensors by their dotted names, not only the state dict's
  Limits limits = {};
};

namespace detail {

/// Reads the tensors, one storage after the other, each storage once.
template <class Read>
void add_tensors(TensorFile& out, const std::vector<NamedTorchTensor>& wanted,
                 const std::vector<TorchStorage>& storages, const Read& read, const std::string& where) {
  std::vector<std::size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return wanted[a].tensor->storage < wanted[b].tensor->storage; });
  std::vector<TensorValue> values(wanted.size());
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const TorchTensor& tensor = *wanted[order[i]].tensor;
    if (i == 0 || tensor.storage != wanted[order[i - 1]].tensor->storage) bytes = read(storages[tensor.storage]);
    values[order[i]] = with_raw_type(tensor.dtype, [&](auto raw) -> TensorValue {
      using Raw = decltype(raw);
      return detail::interpret(tensor.dtype,
                               detail::copy_strided<Raw>(bytes, tensor.shape, {tensor.offset, tensor.strides}),
                               where + ": tensor \"" + wanted[order[i]].name + "\"");
    });
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    require<FormatError>(!out.contains(wanted[i].name), where, ": there are two tensors \"", wanted[i].name, "\"");
    out.add(wanted[i].name, std::move(values[i]));
  }
}

/// The tensors of a pickle's value, once it is known where the storages lie.
template <class Read>
TensorFile collect_torch(const PickleValue& root, const PickleHeap& heap, const TorchObjects& objects, const Read& read,
                         std::int64_t file_bytes, const TorchOptions& options, const std::string& where) {
  TorchWalk walk(heap, objects, options.limits, where);
  const PickleValue state = options.everything ? root : walk.state_dict(root);
  const std::vector<NamedTorchTensor> wanted = walk.tensors(state);
  require<FormatError>(!wanted.empty(), where, ": it holds no tensor");
  const std::int64_t most = options.limits.most_bytes(file_bytes);
  std::int64_t total = 0;
  for (const NamedTorchTensor& one : wanted) {
    const std::int64_t element = size_in_memory(one.tensor->dtype), count = one.tensor->shape.numel();
    require<FormatError>(count <= (most - total) / element, where, ": its tensors take more than ", most,
                         " bytes, too much for a file of ", file_bytes, " (io::Limits)");
    total += count * element;
  }
  TensorFile out;
  out.metadata = walk.texts(root);
  add_tensors(out, wanted, objects.storages(), read, where);
  return out;
}

/// "archive" of the one entry "archive/data.pkl".
template <class Archive>
std::string torch_archive_name(const Archive& archive, const std::string& where) {
  constexpr std::string_view pickle = "/data.pkl";
  std::string found;
  for (const ZipEntry& entry : archive.entries()) {
    if (!entry.name.ends_with(pickle)) continue;
    const std::string name = entry.name.substr(0, entry.name.size() - pickle.size());
    if (name.empty() || name.find('/') != std::string::npos) continue;
    require<FormatError>(found.empty(), where, ": it has two data.pkl");
    found = name;
  }
  require<FormatError>(!found.empty(), where, ": this zip archive is no torch file: it has no data.pkl");
  require<FormatError>(archive.find(found + "/constants.pkl") == nullptr, where,
                       ": it is a TorchScript program, which is not run; save model.state_dict()");
  return found;
}

inline std::string_view as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Objects>
TensorFile read_torch_zip(const ByteSource& source, const TorchOptions& options) {
  const ZipArchive archive(source, options.limits, ZipChecksum::zero_is_none);
  const std::string name = torch_archive_name(archive, source.where);
  if (const ZipEntry* order = archive.find(name + "/byteorder")) {
    require<FormatError>(order->unpacked <= 16 && as_text(archive.read(*order)) == "little", source.where,
                         ": its numbers are not little-endian");
  }
  const ZipEntry& pickle = *archive.find(name + "/data.pkl");
  require<FormatError>(pickle.unpacked <= options.limits.header_bytes, source.where, ": its pickle has ",
                       pickle.unpacked, " bytes, the limit is ", options.limits.header_bytes, " (io::Limits)");
  const std::vector<std::byte> bytes = archive.read(pickle);
  PickleHeap heap(as_text(bytes));
  Objects objects(heap, options.limits, source.where);
  PickleMachine machine(heap, objects, options.limits, source.where);
  const PickleValue root = machine.run();
  require<FormatError>(machine.position() == bytes.size(), source.where, ": bytes follow its pickle");
  const auto read = [&](const TorchStorage& storage) {
    const ZipEntry* entry = archive.find(name + "/data/" + storage.key);
    require<FormatError>(entry != nullptr, source.where, ": storage ", storage.key, " is missing");
    require<FormatError>(entry->unpacked == storage.bytes(), source.where, ": storage ", storage.key, " has ",
                         entry->unpacked, " bytes, its pickle claims ", storage.bytes());
    return archive.read(*entry);
  };
  return collect_torch(root, heap, objects, read, source.size, options, source.where);
}

/// Where each storage of a plain file lies: in the order of `keys`, each behind its count of elements.
template <class Storage>
std::unordered_map<std::string, std::int64_t> find_plain_storages(const ByteSource& source, std::int64_t begin,
                                                                  const std::vector<std::string>& keys,
                                                                  const std::vector<Storage>& storages) {
  std::unordered_map<std::string, const Storage*> known;
  for (const Storage& storage : storages) known.emplace(storage.key, &storage);
  std::unordered_map<std::string, std::int64_t> out;
  std::int64_t place = begin;
  for (const std::string& key : keys) {
    const auto storage = known.find(key);
    require<FormatError>(storage != known.end(), source.where, ": it lists an unknown storage ", shown_text(key));
    require<FormatError>(source.size - place >= 8, source.where, ": it is cut off before storage ", key);
    const auto count = little_endian<std::uint64_t>(source.read(place, 8), 0);
    place += 8;
    const Storage& expected = *storage->second;
    require<FormatError>(count == static_cast<std::uint64_t>(expected.count), source.where, ": storage ", key, " has ",
                         count, " elements, its pickle claims ", expected.count);
    require<FormatError>(source.size - place >= expected.bytes(), source.where, ": it is cut off in storage ", key);
    require<FormatError>(out.emplace(key, place).second, source.where, ": it lists storage ", key, " twice");
    place += expected.bytes();
  }
  require<FormatError>(place == source.size, source.where, ": ", source.size - place, " bytes follow its storages");
  return out;
}

/// A file of torch before 1.6: pickles of a magic number, a version, the machine's byte order, the value, and the
/// storages' keys, then the storages.
template <class Objects>
TensorFile read_torch_plain(const ByteSource& source, const TorchOptions& options) {
  constexpr std::string_view magic = "\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
  const std::vector<std::byte> bytes = source.read(0, std::min(source.size, options.limits.header_bytes));
  const std::string& where = source.where;
  require<FormatError>(as_text(bytes).substr(0, 14) == "\x80\x02\x8A\x0A" + std::string(magic), where,
                       ": it is no torch file: it begins neither as a zip archive nor with torch's magic number");
  PickleHeap heap(as_text(bytes));
  Objects objects(heap, options.limits, where);
  PickleMachine machine(heap, objects, options.limits, where);
  machine.run();
  const PickleValue version = machine.run(), system = machine.run();
  require<FormatError>(version.is(PickleKind::integer) && version.bits == 1001, where,
                       ": the version of its format is not 1001");
  require<FormatError>(system.is(PickleKind::dict), where, ": it does not describe its machine");
  const auto& entries = heap.items(system);
  for (std::size_t i = 0; i + 1 < entries.size(); i += 2) {
    const bool is_order = entries[i].is(PickleKind::text) && heap.text(entries[i]) == "little_endian";
    require<FormatError>(!is_order || (entries[i + 1].is(PickleKind::boolean) && entries[i + 1].bits == 1), where,
                         ": its numbers are not little-endian");
  }
  const PickleValue root = machine.run(), list = machine.run();
  require<FormatError>(list.is(PickleKind::list), where, ": the list of its storages is missing");
  std::vector<std::string> keys;
  for (const PickleValue& key : heap.items(list)) {
    require<FormatError>(key.is(PickleKind::text), where, ": the key of a storage is no text");
    keys.emplace_back(heap.text(key));
  }
  const auto places =
      find_plain_storages(source, static_cast<std::int64_t>(machine.position()), keys, objects.storages());
  const auto read = [&](const TorchStorage& storage) {
    const auto place = places.find(storage.key);
    require<FormatError>(place != places.end(), where, ": storage ", storage.key, " is missing");
    return source.read(place->second, storage.bytes());
  };
  return collect_torch(root, heap, objects, read, source.size, options, where);
}

template <class Objects>
TensorFile read_torch(const ByteSource& source, const TorchOptions& options) {
  require<FormatError>(source.size >= 4, source.where, ": its ", source.size, " bytes are too few for a torch file");
  const std::vector<std::byte> head = source.read(0, 4);
  return as_text(head) == "PK\x03\x04" ? read_torch_zip<Objects>(source, options)
                                       : read_torch_plain<Objects>(source, options);
}

}  // namespace detail

/// The tensors of a file that torch.save wrote, in its order. Of a training checkpoint (a dict with a state dict under
/// "state_dict", "model_state_dict", "model", "net", "weights" or "params", perhaps beside a tensor or two such as a
/// best accuracy) the state dict is taken; its names are as they were in the network. {.everything = true} gives all
/// tensors, nested ones by names joined with dots: "optimizer.state.0.exp_avg". A single tensor is called "tensor".
/// Numbers and text that stand directly in the file's dict become metadata. Throws IoError if the file can't be read
/// and FormatError, with the file's name and the reason, if it breaks the format or a limit, or asks for anything but
/// tensors.
template <class Objects = detail::TorchObjects>
TensorFile load_torch(const std::filesystem::path& path, const TorchOptions& options = {}) {
  return detail::read_torch<Objects>(detail::open_source(path, "cannot read weights", options.limits), options);
}

/// The same from memory. Throws FormatError.
template <class Objects = detail::TorchObjects>
TensorFile decode_torch(std::span<const std::byte> bytes, const TorchOptions& options = {}) {
  return detail::read_torch<Objects>(detail::memory_source(bytes, "cannot read weights"), options);
}

}  // namespace kashi::inline v0::io
