/// What the pickle of a torch file may say: storages, tensors on them, and the few names that build them.
/// Include io/torch.hpp from outside.
///
/// The names are those of torch/_utils.py (_rebuild_tensor_v2 and its kin) and torch/serialization.py (persistent ids).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/io/dtype.hpp>
#include <kashi/io/limits.hpp>
#include <kashi/io/pickle_value.hpp>
#include <kashi/io/utf8.hpp>

namespace kashi::inline v0::io::detail {

/// A run of numbers in the file. Without a dtype it is plain bytes.
struct TorchStorage {
  std::string key;
  std::optional<Dtype> dtype;
  std::int64_t count = 0;  ///< elements, or bytes without a dtype

  std::int64_t bytes() const { return dtype ? count * size_of(*dtype) : count; }
};

/// A view of a storage.
struct TorchTensor {
  std::size_t storage = 0;
  Dtype dtype = Dtype::f32;
  std::int64_t offset = 0;  ///< in elements
  Shape shape;
  std::vector<Index> strides;
};

enum class TorchCall : std::uint8_t {
  ordered_dict,
  tensor,     // _rebuild_tensor, _v2
  tensor_v3,  // with a dtype of its own
  parameter,
  from_type,  // a call with the type that the result has
  default_dict,
  size,
  opaque,   // a value that holds no tensor: torch.device, a NumPy scalar, a set
  storage,  // a type, never called
  dtype,
  tensor_type,
  dict_type,
};

struct TorchName {
  std::string_view module, name;
  TorchCall call;
  std::optional<Dtype> dtype = {};
};

inline constexpr TorchName torch_names[] = {
    {"collections", "OrderedDict", TorchCall::ordered_dict},
    {"collections", "defaultdict", TorchCall::default_dict},
    {"builtins", "dict", TorchCall::dict_type},
    {"__builtin__", "dict", TorchCall::dict_type},
    {"builtins", "set", TorchCall::opaque},
    {"__builtin__", "set", TorchCall::opaque},
    {"numpy.core.multiarray", "scalar", TorchCall::opaque},  // a best accuracy
    {"numpy._core.multiarray", "scalar", TorchCall::opaque},
    {"numpy", "dtype", TorchCall::opaque},
    {"_codecs", "encode", TorchCall::opaque},
    {"torch._utils", "_rebuild_tensor", TorchCall::tensor},
    {"torch._utils", "_rebuild_tensor_v2", TorchCall::tensor},
    {"torch._utils", "_rebuild_tensor_v3", TorchCall::tensor_v3},
    {"torch._utils", "_rebuild_parameter", TorchCall::parameter},
    {"torch._utils", "_rebuild_parameter_with_state", TorchCall::parameter},
    {"torch._tensor", "_rebuild_from_type_v2", TorchCall::from_type},
    {"torch", "Tensor", TorchCall::tensor_type},
    {"torch.nn.parameter", "Parameter", TorchCall::tensor_type},
    {"torch.nn.parameter", "Buffer", TorchCall::tensor_type},
    {"torch", "Size", TorchCall::size},
    {"torch", "device", TorchCall::opaque},
    {"torch.storage", "UntypedStorage", TorchCall::storage},
    {"torch", "DoubleStorage", TorchCall::storage, Dtype::f64},
    {"torch", "FloatStorage", TorchCall::storage, Dtype::f32},
    {"torch", "HalfStorage", TorchCall::storage, Dtype::f16},
    {"torch", "BFloat16Storage", TorchCall::storage, Dtype::bf16},
    {"torch", "LongStorage", TorchCall::storage, Dtype::i64},
    {"torch", "IntStorage", TorchCall::storage, Dtype::i32},
    {"torch", "ShortStorage", TorchCall::storage, Dtype::i16},
    {"torch", "CharStorage", TorchCall::storage, Dtype::i8},
    {"torch", "ByteStorage", TorchCall::storage, Dtype::u8},
    {"torch", "BoolStorage", TorchCall::storage, Dtype::boolean},
    {"torch", "float64", TorchCall::dtype, Dtype::f64},
    {"torch", "float32", TorchCall::dtype, Dtype::f32},
    {"torch", "float16", TorchCall::dtype, Dtype::f16},
    {"torch", "bfloat16", TorchCall::dtype, Dtype::bf16},
    {"torch", "int64", TorchCall::dtype, Dtype::i64},
    {"torch", "int32", TorchCall::dtype, Dtype::i32},
    {"torch", "int16", TorchCall::dtype, Dtype::i16},
    {"torch", "int8", TorchCall::dtype, Dtype::i8},
    {"torch", "uint64", TorchCall::dtype, Dtype::u64},
    {"torch", "uint32", TorchCall::dtype, Dtype::u32},
    {"torch", "uint16", TorchCall::dtype, Dtype::u16},
    {"torch", "uint8", TorchCall::dtype, Dtype::u8},
    {"torch", "bool", TorchCall::dtype, Dtype::boolean},
};

/// The host of the pickle machine: makes storages and tensors out of calls, and nothing else.
template <class>
class BasicTorchObjects {
 public:
  BasicTorchObjects(PickleHeap& heap, const Limits& limits, std::string where)
      : heap_(heap), limits_(limits), where_(std::move(where)) {}

  const std::vector<TorchStorage>& storages() const { return storages_; }
  const std::vector<TorchTensor>& tensors() const { return tensors_; }

  /// Null for a value that is no tensor.
  const TorchTensor* tensor(const PickleValue& value) const {
    if (!value.is(PickleKind::object)) return nullptr;
    const Object& object = objects_[value.number()];
    return object.what == ObjectKind::tensor ? &tensors_[object.number] : nullptr;
  }

  std::size_t find_name(std::string_view module, std::string_view name) const {
    const std::string_view asked = module == "torch.cuda" ? "torch" : module;  // storages that lay on a GPU
    const auto* found = std::find_if(std::begin(torch_names), std::end(torch_names), [&](const TorchName& known) {
      return known.module == asked && known.name == name;
    });
    if (found != std::end(torch_names)) return static_cast<std::size_t>(found - std::begin(torch_names));
    const std::string shown = shown_text(module) + "." + shown_text(name);
    const bool is_module = module == "__main__" || module.starts_with("torch.nn.modules") ||
                           module.starts_with("torchvision") || module.starts_with("__torch__");
    check(false, "it asks for ", shown, ", which is not one of the names that state dicts are made of; nothing is run",
          is_module ? " (a whole module? save model.state_dict())" : "");
    return 0;
  }

  PickleValue call(std::size_t name, const PickleValue& arguments) {
    const TorchName& what = torch_names[name];
    const std::vector<PickleValue> given = heap_.items(arguments);
    switch (what.call) {
      case TorchCall::ordered_dict:
        return ordered_dict(given);
      case TorchCall::tensor:
        return rebuild(what, given, std::nullopt);
      case TorchCall::tensor_v3:
        check(given.size() >= 7, what.name, " has ", given.size(), " arguments");
        return rebuild(what, given, dtype_of(given[6]));
      case TorchCall::parameter:
        check(!given.empty() && tensor(given[0]) != nullptr, what.name, " lacks its tensor");
        return given[0];
      case TorchCall::from_type:
        return from_type(given);
      case TorchCall::default_dict:
        check(given.empty() || (given.size() == 1 && given[0].is(PickleKind::name) &&
                                torch_names[given[0].number()].call == TorchCall::dict_type),
              "a defaultdict makes other than dicts");
        return heap_.make(PickleKind::dict, {});
      case TorchCall::size:
        check(given.size() == 1 && given[0].is_sequence(), "torch.Size lacks its list");
        return given[0];
      case TorchCall::opaque:
        return add({ObjectKind::opaque, 0});
      case TorchCall::storage:
      case TorchCall::dtype:
      case TorchCall::tensor_type:
      case TorchCall::dict_type:
        break;
    }
    check(false, "it calls ", what.module, ".", what.name, ", which is only a name here");
    return {};
  }

  /// ("storage", type, key, device, elements), and None behind it in older files.
  PickleValue persistent(const PickleValue& id) {
    check(id.is(PickleKind::tuple), "a persistent id is no tuple");
    const std::vector<PickleValue> parts = heap_.items(id);
    check(parts.size() == 5 || (parts.size() == 6 && parts[5].is(PickleKind::none)), "a persistent id has ",
          parts.size(), " parts");
    check(parts[0].is(PickleKind::text) && heap_.text(parts[0]) == "storage", "a persistent id is no storage's");
    check(parts[1].is(PickleKind::name) && torch_names[parts[1].number()].call == TorchCall::storage,
          "a storage has no storage type");
    check(parts[2].is(PickleKind::text) && parts[4].is(PickleKind::integer),
          "a storage's key or size is of a wrong type");
    const TorchStorage storage{std::string(heap_.text(parts[2])), torch_names[parts[1].number()].dtype, parts[4].bits};
    check(is_clean_text(storage.key) && storage.key.size() <= 256, "a storage's key is not clean");
    const std::int64_t most = limits_.file_bytes / (storage.dtype ? size_of(*storage.dtype) : 1);
    check(storage.count >= 0 && storage.count <= most, "storage ", storage.key, " claims ", storage.count,
          " elements, the limit is ", most, " (io::Limits)");
    return add({ObjectKind::storage, add_storage(storage)});
  }

  /// An attribute beside a dict's items (state dicts have _metadata) holds no numbers that are wanted, nor does the
  /// byte order of a NumPy scalar's type.
  void build(const PickleValue& value, const PickleValue& state) const {
    if (value.is(PickleKind::object) && objects_[value.number()].what == ObjectKind::opaque) return;
    check(value.is(PickleKind::dict) && state.is(PickleKind::dict), "it sets attributes of what is no dict");
  }

 private:
  enum class ObjectKind : std::uint8_t { storage, tensor, opaque };
  struct Object {
    ObjectKind what = ObjectKind::opaque;
    std::size_t number = 0;
  };

  template <class... Parts>
  void check(bool condition, const Parts&... reason) const {
    require<FormatError>(condition, where_, ": ", reason...);
  }

  PickleValue add(Object object) {
    objects_.push_back(object);
    return PickleValue::object(objects_.size() - 1);
  }

  std::size_t add_storage(const TorchStorage& storage) {
    const auto [place, is_new] = storage_places_.emplace(storage.key, storages_.size());
    if (is_new) {
      storages_.push_back(storage);
      return place->second;
    }
    const TorchStorage& known = storages_[place->second];
    check(known.dtype == storage.dtype && known.count == storage.count, "storage ", storage.key,
          " is described in two ways");
    return place->second;
  }

  PickleValue ordered_dict(const std::vector<PickleValue>& given) {
    check(given.size() <= 1 && (given.empty() || given[0].is_sequence()),
          "OrderedDict gets other than a list of pairs");
    std::vector<PickleValue> items;
    if (!given.empty()) {
      for (const PickleValue& pair : heap_.items(given[0])) {
        check(pair.is_sequence() && heap_.items(pair).size() == 2, "OrderedDict gets other than a list of pairs");
        items.insert(items.end(), heap_.items(pair).begin(), heap_.items(pair).end());
      }
    }
    return heap_.make(PickleKind::dict, std::move(items));
  }

  /// (function, type, arguments, attributes): a tensor with attributes of its own, which are left out.
  PickleValue from_type(const std::vector<PickleValue>& given) {
    const auto call_of = [&](std::size_t i) { return torch_names[given[i].number()].call; };
    check(given.size() == 4 && given[0].is(PickleKind::name) && given[1].is(PickleKind::name) &&
              given[2].is(PickleKind::tuple),
          "_rebuild_from_type_v2 gets wrong arguments");
    check(call_of(1) == TorchCall::tensor_type &&
              (call_of(0) == TorchCall::tensor || call_of(0) == TorchCall::tensor_v3 ||
               call_of(0) == TorchCall::parameter),
          "_rebuild_from_type_v2 makes other than a tensor");
    return call(given[0].number(), given[2]);
  }

  Dtype dtype_of(const PickleValue& value) const {
    check(value.is(PickleKind::name) && torch_names[value.number()].call == TorchCall::dtype,
          "a tensor's dtype is none");
    return *torch_names[value.number()].dtype;
  }

  std::vector<Index> integers(const PickleValue& value, std::string_view what) const {
    check(value.is_sequence(), "a tensor's ", what, " is no tuple");
    std::vector<Index> out;
    for (const PickleValue& item : heap_.items(value)) {
      check(item.is(PickleKind::integer), "a tensor's ", what, " holds other than integers");
      out.push_back(item.bits);
    }
    return out;
  }

  /// (storage, offset, sizes, strides, ...). The view must lie inside its storage.
  PickleValue rebuild(const TorchName& what, const std::vector<PickleValue>& given, std::optional<Dtype> dtype) {
    check(given.size() >= 4, what.name, " has ", given.size(), " arguments");
    check(given[0].is(PickleKind::object) && objects_[given[0].number()].what == ObjectKind::storage, what.name,
          " lacks its storage");
    check(given[1].is(PickleKind::integer), "a tensor's offset is no integer");
    const std::size_t marks = dtype ? 7 : 6;  // flags of a view: negated or conjugated numbers
    const bool has_flags =
        given.size() > marks && given[marks].is(PickleKind::dict) && !heap_.items(given[marks]).empty();
    check(!has_flags, "a tensor is stored negated or conjugated, which is not read");
    const std::size_t storage_number = objects_[given[0].number()].number;
    const TorchStorage& storage = storages_[storage_number];
    if (!dtype) dtype = storage.dtype;
    check(dtype.has_value(), "a tensor has no dtype");
    TorchTensor tensor{storage_number, *dtype, given[1].bits,
                       checked_shape(integers(given[2], "shape"), limits_.tensor_elements, where_),
                       integers(given[3], "strides")};
    check_extent(tensor, storage.bytes() / size_of(*dtype), storage.key);
    for (int axis = 0; axis < tensor.shape.rank(); ++axis)  // nobody steps there, and the stride may be anything
      if (tensor.shape[axis] <= 1) tensor.strides[static_cast<std::size_t>(axis)] = 0;
    check(static_cast<Index>(tensors_.size()) < limits_.tensors, "it has more than ", limits_.tensors,
          " tensors (io::Limits)");
    tensors_.push_back(std::move(tensor));
    return add({ObjectKind::tensor, tensors_.size() - 1});
  }

  void check_extent(const TorchTensor& tensor, std::int64_t room, const std::string& key) const {
    check(tensor.strides.size() == static_cast<std::size_t>(tensor.shape.rank()), "a tensor of shape ", tensor.shape,
          " has ", tensor.strides.size(), " strides");
    check(tensor.offset >= 0 && tensor.offset <= room, "a tensor begins at element ", tensor.offset, " of storage ",
          key, ", which has ", room);
    std::int64_t last = tensor.offset;
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      const Index stride = tensor.strides[static_cast<std::size_t>(axis)], steps = tensor.shape[axis] - 1;
      check(stride >= 0, "a tensor has the stride ", stride);
      if (tensor.shape.numel() == 0 || steps == 0 || stride == 0) continue;
      check(steps <= (room - last) / stride, "a tensor of shape ", tensor.shape, " reaches beyond storage ", key,
            ", which has ", room, " elements");
      last += steps * stride;
    }
    check(tensor.shape.numel() == 0 || last < room, "a tensor of shape ", tensor.shape, " reaches beyond storage ", key,
          ", which has ", room, " elements");
  }

  PickleHeap& heap_;
  const Limits& limits_;
  std::string where_;
  std::vector<TorchStorage> storages_;
  std::map<std::string, std::size_t> storage_places_;
  std::vector<TorchTensor> tensors_;
  std::vector<Object> objects_;
};
using TorchObjects = BasicTorchObjects<void>;

}  // namespace kashi::inline v0::io::detail
