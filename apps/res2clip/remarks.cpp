#include "remarks.hpp"

#include "messages.hpp"

namespace res2clip::app {

void note_remarks(const Dataset& dataset) {
  note_remarks(dataset.remarks);
  note_left_out(dataset.left_out);
}

void note_remarks(const std::vector<std::string>& remarks) {
  for (const std::string& remark : remarks) note("remark: " + remark);
}

void note_left_out(const std::vector<std::string>& what_is_wrong) {
  for (const std::string& fault : what_is_wrong) note("left out: " + fault);
}

void note_left_out(const LeftOut& left_out) {
  if (!left_out.any()) return;
  note("remark: not taken from folders: " + left_out.text() +
       (left_out.below > 0 ? " (--recursive takes them)" : ""));
}

}  // namespace res2clip::app
