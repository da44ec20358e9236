#include "res2clip/compute/memory.hpp"

#include <algorithm>
#include <mutex>
#include <new>

#include <c10/util/Exception.h>

#include "res2clip/compute/cuda_status.hpp"

namespace res2clip {
namespace {

/// How CUDA and its libraries say that a GPU's memory ran out, beside LibTorch's own exception.
constexpr const char* kOutOfGpuMemory[] = {"CUDA error: out of memory", "CUDA out of memory",
                                           "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED",
                                           "cudaErrorMemoryAllocation"};

bool is_of_a_gpu(const std::exception& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const std::string text = error.what();
  return std::any_of(std::begin(kOutOfGpuMemory), std::end(kOutOfGpuMemory),
                     [&](const char* words) { return text.find(words) != std::string::npos; });
}

/// What stands between two texts; empty if they are not there.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const auto at = text.find(before);
  if (at == std::string::npos) return "";
  const auto begin = at + before.size(), end = text.find(after, begin);
  return end == std::string::npos ? "" : text.substr(begin, end - begin);
}

struct Remark {
  std::mutex mutex;
  std::function<void(const std::string&)> tell;
};

Remark& remark_of_process() {
  static Remark remark;
  return remark;
}

void tell_of_smaller_batch(std::int64_t before, std::int64_t after) {
  Remark& remark = remark_of_process();
  const std::lock_guard lock(remark.mutex);
  if (remark.tell)
    remark.tell("out of memory with " + std::to_string(before) + " images at once; lowered to " +
                std::to_string(after));
}

}  // namespace

std::optional<std::string> out_of_memory_message(const std::exception& error) {
  const std::string text = error.what();
  // LibTorch's words: "Tried to allocate 2.50 GiB. GPU 1 has ..." and "you tried to allocate 123 bytes."
  const bool gpu = is_of_a_gpu(error);
  std::string where = "in main memory", need;
  if (gpu) {
    const std::string device = between(text, "GPU ", " has");
    where = device.empty() ? "on the GPU" : "on cuda:" + device;
    need = between(text, "Tried to allocate ", ". ");
  } else if (text.find("can't allocate memory") != std::string::npos) {
    const std::string bytes = between(text, "tried to allocate ", " bytes");
    if (!bytes.empty()) need = std::to_string(std::stoll(bytes) >> 20) + " MiB";
  } else if (dynamic_cast<const std::bad_alloc*>(&error) == nullptr) {
    return std::nullopt;
  }
  std::string message = "out of memory " + where;
  if (!need.empty()) message += ": " + need + " more were needed";
  message += "; lower compute.batch_size (--batch-size) or image.size";
  if (gpu) message += ", use --precision bf16, or end other programs on this GPU (nvidia-smi lists them)";
  return message;
}

void BatchLimit::run(std::int64_t total,
                     const std::function<void(std::int64_t first, std::int64_t count)>& work) {
  for (std::int64_t first = 0; first < total;) {
    const std::int64_t count = std::min(total - first, most_.load());
    try {
      work(first, count);
      first += count;
      continue;
    } catch (const std::exception& error) {
      if (count < 2 || !out_of_memory_message(error)) throw;
    }
    // Only now has the exception let go of what it held.
    release_cached_cuda_memory();
    most_ = count / 2;
    tell_of_smaller_batch(count, count / 2);
  }
}

void on_smaller_batch(std::function<void(const std::string&)> remark) {
  const std::lock_guard lock(remark_of_process().mutex);
  remark_of_process().tell = std::move(remark);
}

}  // namespace res2clip
