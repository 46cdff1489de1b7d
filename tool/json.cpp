#include "json.hpp"

#include <lagoon/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace tool {

using lagoon::Inspection;
using lagoon::Object;

namespace {

template <class Items>
Json json_of_items(const Items& items) {
  const bool is_object = std::all_of(items.begin(), items.end(), [](const auto& item) {
    return item.first.kind() == Object::Kind::str;
  });
  Json all = is_object ? Json::object() : Json::array();
  for (const auto& [key, value] : items)
    if (is_object)
      // Not all[key], which would look at all that are there already.
      all.get_ref<Json::object_t&>().emplace_back(key.str(), json_of(value));
    else
      all.push_back(Json::array({json_of(key), json_of(value)}));
  return all;
}

Json json_of_all(const std::vector<Object>& elements) {
  Json list = Json::array();
  for (const Object& x : elements) list.push_back(json_of(x));
  return list;
}

}  // namespace

Json json_of(const Object& x) {
  switch (x.kind()) {
    case Object::Kind::none:
      return nullptr;
    case Object::Kind::boolean:
      return x.get<bool>();
    case Object::Kind::integer:
      if (x.is_int64()) return x.get<std::int64_t>();
      return x.repr();
    case Object::Kind::real:
      if (const auto number = x.get<double>(); std::isfinite(number)) return number;
      return x.repr();
    case Object::Kind::str:
      return x.str();
    case Object::Kind::list:
    case Object::Kind::tuple: {
      const auto elements = x.elements();
      return json_of_all({elements.begin(), elements.end()});
    }
    case Object::Kind::dict: {
      std::vector<Inspection::Item> items;
      for (const auto& [key, value] : x.items()) items.emplace_back(key, value);
      return json_of_items(items);
    }
    case Object::Kind::shared:
      return type_of_shared(x);
    default:
      return x.repr();
  }
}

Json json_of(const Inspection& object, std::size_t most) {
  Json all{{"type", object.type()}};
  const std::size_t size = object.size();
  try {
    if (object.is_value()) {
      all["value"] = json_of(object.value());
    } else if (object.has_elements()) {
      all["size"] = size;
      all["elements"] =
          json_of_all(object.elements(0, static_cast<std::ptrdiff_t>(std::min(size, most))));
    } else if (object.has_items()) {
      all["size"] = size;
      all["items"] = json_of_items(object.items(most));
    } else {
      all["state"] = object.text();
    }
  } catch (const lagoon::TypeMismatch& error) {
    all["problem"] = error.what();
  }
  if (const auto holder = object.holder())
    all["holder"] = {{"thread", holder->thread}, {"is_dead", holder->is_dead}};
  all["has_waiters"] = object.has_waiters();
  if (const auto changes = object.changes()) all["changes"] = *changes;
  return all;
}

std::string type_of_shared(const Object& x) try {
  return "<" + Inspection(x).type() + ">";
} catch (const lagoon::Gone&) {
  return "<of what was erased>";
}

std::string dumped(const Json& all) {
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tool
