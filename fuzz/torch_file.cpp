// Files of torch.save and TorchScript: zip directory and pickle. Seeds state no CRC, which no mutation would
// meet.
#include "res2clip/torch_files/pickle_reader.hpp"
#include "res2clip/torch_files/torchscript_object.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

RES2CLIP_FUZZ(bytes) {
  const Path path = fuzz::file("file.pt", bytes);
  fuzz::read_or_refuse([&] { read_torch_pickle(path); });
  fuzz::read_or_refuse([&] {
    read_torch_pickle(path, {.objects = true, .inside = {"state_dict", "model"}});
  });
  return fuzz::read_or_refuse([&] { read_torchscript_object(ZipArchive(path)); });
}
