#include "res2clip/torch_files/pickle_writer.hpp"

#include <caffe2/serialize/inline_container.h>
#include <cstring>

#include "res2clip/core/atomic_file.hpp"
#include "res2clip/torch_files/archive_seal.hpp"

namespace res2clip {
namespace {

constexpr std::uint64_t kAlignment = 64;

/// The few opcodes of protocol 2 that plain values need. No memo: nothing is shared.
class Pickler {
 public:
  std::string pickle(const PickleValue& value) {
    bytes_ = "\x80\x02";
    put(value);
    bytes_ += '.';
    return bytes_;
  }

  const std::vector<at::Tensor>& storages() const { return storages_; }

 private:
  void put(const PickleValue& value) {
    if (value.boolean() != nullptr) return boolean(*value.boolean());
    if (value.integer() != nullptr) return integer(*value.integer());
    if (value.real() != nullptr) return real(*value.real());
    if (value.text() != nullptr) return text(*value.text());
    if (value.tensor() != nullptr) return tensor(*value.tensor());
    if (value.list() != nullptr) return list(*value.list());
    if (value.dict() != nullptr) return dict(*value.dict());
    bytes_ += 'N';
  }

  void boolean(bool value) { bytes_ += value ? '\x88' : '\x89'; }

  void integer(std::int64_t value) {
    if (value >= 0 && value < 256) {
      bytes_ += 'K';
      bytes_ += static_cast<char>(value);
    } else {
      bytes_ += "\x8a\x08";  // LONG1 of eight bytes
      little_endian(static_cast<std::uint64_t>(value), 8);
    }
  }

  void real(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    bytes_ += 'G';
    for (int shift = 56; shift >= 0; shift -= 8) bytes_ += static_cast<char>(bits >> shift);
  }

  void list(const PickleValue::List& values) {
    bytes_ += "](";
    for (const PickleValue& value : values) put(value);
    bytes_ += 'e';
  }

  void dict(const PickleValue::Dict& entries) {
    if (depth_ == 0)
      bytes_ += '}';
    else
      ordered_dict();
    ++depth_;
    bytes_ += '(';
    for (const auto& [key, value] : entries) {
      put(key);
      put(value);
    }
    bytes_ += 'u';
    --depth_;
  }

  /// torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks)
  void tensor(const at::Tensor& value) {
    const at::Tensor plain = value.detach().to(at::kCPU).contiguous();
    bytes_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
    text("storage");
    bytes_ += std::string("ctorch\n") + storage_class(plain.scalar_type()) + "\n";
    text(std::to_string(storages_.size()));
    text("cpu");
    integer(plain.numel());
    bytes_ += "tQ";
    storages_.push_back(plain);
    integer(0);
    tuple(plain.sizes());
    tuple(plain.strides());
    boolean(false);
    ordered_dict();
    bytes_ += "tR";
  }

  void ordered_dict() { bytes_ += "ccollections\nOrderedDict\n)R"; }

  void tuple(at::IntArrayRef values) {
    bytes_ += '(';
    for (const std::int64_t value : values) integer(value);
    bytes_ += 't';
  }

  void text(const std::string& value) {
    bytes_ += 'X';
    little_endian(value.size(), 4);
    bytes_ += value;
  }

  void little_endian(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }

  static const char* storage_class(at::ScalarType type) {
    switch (type) {
      case at::kFloat:
        return "FloatStorage";
      case at::kDouble:
        return "DoubleStorage";
      case at::kHalf:
        return "HalfStorage";
      case at::kLong:
        return "LongStorage";
      case at::kByte:
        return "ByteStorage";
      default:
        TORCH_INTERNAL_ASSERT(false, "no storage class for ", type);
    }
  }

  std::string bytes_;
  int depth_ = 0;  // of dicts around the value
  std::vector<at::Tensor> storages_;
};

}  // namespace

void write_torch_pickle(const Path& path, const PickleValue& value) {
  Pickler pickler;
  const std::string pickle = pickler.pickle(value);
  // In memory first: the archive writer ends the process where its own output fails, and adapters are small.
  std::string bytes;
  // Written through a function, the archive is called "archive" inside, whatever the file's name.
  caffe2::serialize::PyTorchStreamWriter writer(
      [&](const void* data, std::size_t size) {
        bytes.append(static_cast<const char*>(data), size);
        return size;
      },
      /*compute_crc32=*/true, kAlignment);
  const auto record = [&](const std::string& name, const void* data, std::size_t size) {
    writer.writeRecord(name, data, size);
  };
  const std::string alignment = std::to_string(kAlignment);
  record("data.pkl", pickle.data(), pickle.size());
  record(".format_version", "1", 1);
  record(".storage_alignment", alignment.data(), alignment.size());
  record("byteorder", "little", 6);
  for (std::size_t i = 0; i < pickler.storages().size(); ++i) {
    const at::Tensor& tensor = pickler.storages()[i];
    record("data/" + std::to_string(i), tensor.const_data_ptr(), tensor.nbytes());
  }
  writer.writeEndOfFile();
  AtomicFile file(path);
  file.write(bytes);
  seal_archive(file.temporary(), file.descriptor());
  file.commit();
}

}  // namespace res2clip
