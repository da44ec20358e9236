// Writes the self-contained archive. Needs LibTorch's modules, unlike most of this room.
#include "res2clip/clip/archive.hpp"

#include <exception>
#include <ostream>
#include <string_view>
#include <utility>

#include "res2clip/clip/tokenizer.hpp"
#include "res2clip/core/atomic_file.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/torch_files/archive_seal.hpp"

#include "archive_module.hpp"
#include "card.hpp"

namespace res2clip {
namespace {

/// Bytes on their way to a file. Failures are told by `close` alone: LibTorch's archive writer ends the
/// process where its stream fails.
class DeferredFile : public std::streambuf {
 public:
  explicit DeferredFile(AtomicFile& file) : file_(file) {}
  void close() {
    flush();
    if (failure_) std::rethrow_exception(failure_);
  }

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    constexpr std::size_t kEnough = 1 << 16;
    if (static_cast<std::size_t>(count) >= kEnough) {
      flush();
      put({bytes, static_cast<std::size_t>(count)});
    } else {
      waiting_.append(bytes, static_cast<std::size_t>(count));
      if (waiting_.size() >= kEnough) flush();
    }
    return count;
  }
  int_type overflow(int_type letter) override {
    waiting_ += traits_type::to_char_type(letter);
    return traits_type::not_eof(letter);
  }

 private:
  void flush() { put(std::exchange(waiting_, {})); }
  void put(std::string_view bytes) {
    if (failure_) return;
    try {
      file_.write(bytes);
    } catch (const Error&) {
      failure_ = std::current_exception();
    }
  }

  AtomicFile& file_;
  std::string waiting_;
  std::exception_ptr failure_;
};

constexpr std::int64_t kReleasedSize = 518;  // the authors' --image_size

std::int64_t default_size(const ClipWeights& weights, const ExportOptions& options) {
  if (options.image_size != 0) return options.image_size;
  return kReleasedSize % weights.sizes.patch_size == 0 ? kReleasedSize : weights.sizes.native_size;
}

std::int64_t default_vv_blocks(const ClipWeights& weights, const ExportOptions& options) {
  if (options.form.vv_blocks >= 0) return options.form.vv_blocks;
  return (19 * weights.sizes.vision_layers + 23) / 24;
}

ModelCard make_card(const ClipWeights& weights, const ExportOptions& options) {
  ModelCard card{weights.origin, weights.sizes, weights.form, options.form, default_size(weights, options)};
  card.encoder.vv_blocks = default_vv_blocks(weights, options);
  return card;
}

void check(const ClipWeights& weights, const ExportOptions& options) {
  const ClipSizes sizes = clip_sizes(weights.tensors, weights.origin.name);
  if (!(sizes == weights.sizes))
    throw data_error(weights.origin.name + ": its tensors are not of the sizes stated");
  if (options.image_size < 0 || options.image_size % sizes.patch_size != 0)
    throw settings_error("the image size " + std::to_string(options.image_size) +
                         " is not a multiple of this backbone's patch size " +
                         std::to_string(sizes.patch_size));
  if (options.form.vv_blocks > sizes.vision_layers)
    throw settings_error("V-V attention in " + std::to_string(options.form.vv_blocks) +
                         " blocks: this backbone has " + std::to_string(sizes.vision_layers) +
                         "; set export.vv_blocks (--vv-blocks)");
  if (!options.form.patch_projection && sizes.vision_width != sizes.embed_dim)
    throw settings_error("patch features without the projection have width " +
                         std::to_string(sizes.vision_width) + ", the text's have " +
                         std::to_string(sizes.embed_dim) + ": they cannot be compared");
  require_heads_fit(sizes, weights.form, weights.origin.name);
  const auto vocabulary = Tokenizer::built_in().size();
  if (sizes.vocabulary_size != vocabulary)
    throw data_error(weights.origin.name + ": has " + std::to_string(sizes.vocabulary_size) +
                     " tokens; CLIP's vocabulary has " + std::to_string(vocabulary));
}

}  // namespace

void export_backbone(const ClipWeights& weights, const ExportOptions& options, const Path& path) {
  check(weights, options);
  const ArchiveTensors tensors = archive_tensors(weights);
  const ModelCard card = make_card(weights, options);
  const torch::jit::Module module = archive_module(tensors, card);
  AtomicFile file(path);
  try {
    // Through a stream: given a path, LibTorch names the folder inside the archive after the temporary file.
    DeferredFile buffer(file);
    std::ostream stream(&buffer);
    module.save(stream, {{kCardFile, card_json({card, features_checksum(sha256_of_tensors(tensors), card)})},
                         {kVocabularyFile, std::string(built_in_merges())}});
    buffer.close();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw runtime_error(path.string() + ": cannot be written: " + first_line(error));
  }
  seal_archive(file.temporary(), file.descriptor());
  file.commit();
}

}  // namespace res2clip
