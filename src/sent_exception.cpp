#include <lagoon/sent_exception.hpp>

#include <cxxabi.h>

#include <any>
#include <boost/atomic/atomic.hpp>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <variant>

namespace lagoon::detail {

namespace {

std::string readable(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  return status == 0 ? name.get() : type.name();
}

/// One of a type whose text is always the same, with the text of what derived from it.
template <class E>
class WithText final : public E {
 public:
  explicit WithText(const std::string& text) : text_(text) {}
  [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;  // copies without throwing, as an exception must
};

void put_nothing(Encoder&) {}

/// Made from its text.
template <class E>
constexpr SentType from_text() {
  constexpr auto raise = [](Decoder&, const std::string& text, bool) { throw E(text); };
  return {&typeid(E), is_a<E>, put_nothing, raise};
}

/// Made from nothing.
template <class E>
constexpr SentType from_nothing() {
  constexpr auto raise = [](Decoder&, const std::string& text, bool is_itself) {
    if (is_itself) throw E();
    throw WithText<E>(text);
  };
  return {&typeid(E), is_a<E>, put_nothing, raise};
}

/// The categories that are the same in every process.
const std::error_category* category_named(std::string_view name) {
  for (const std::error_category* known :
       {&std::generic_category(), &std::system_category(), &std::iostream_category()})
    if (name == known->name()) return known;
  return nullptr;
}

/// Made from an error code and a text, to which what() adds the code's own.
template <class E>
constexpr SentType from_code() {
  constexpr auto put = [](Encoder& to) {
    try {
      throw;
    } catch (const std::system_error& e) {
      to.put(std::string(e.code().category().name())).put(e.code().value());
    }
  };
  constexpr auto raise = [](Decoder& from, const std::string& text, bool) {
    const auto name = from.take<std::string>();
    const auto value = from.take<int>();
    const std::error_category* category = category_named(name);
    if (category == nullptr) throw std::runtime_error(text);  // the application's own
    const std::error_code code(value, *category);
    const std::string added = ": " + code.message();
    const std::string before =
        text.ends_with(added) ? text.substr(0, text.size() - added.size()) : text;
    if constexpr (std::is_same_v<E, SystemError>)
      throw E(value, before);
    else if constexpr (std::is_same_v<E, std::ios_base::failure>)
      throw E(before, code);
    else
      throw E(code, before);
  };
  return {&typeid(E), is_a<E>, put, raise};
}

/// What derives from another comes before it.
constexpr SentType known[] = {
    from_text<InvalidArgument>(),
    from_text<TypeMismatch>(),
    from_text<OutOfRange>(),
    from_text<LayoutMismatch>(),
    from_text<NotFound>(),
    from_text<AlreadyExists>(),
    from_text<Gone>(),
    from_text<ReadOnly>(),
    from_text<UsageError>(),
    from_text<BrokenBarrier>(),
    from_text<Full>(),
    from_text<Empty>(),
    from_text<TimeoutError>(),
    from_text<WorkerDied>(),
    from_text<UnknownException>(),
    from_code<SystemError>(),
    from_text<OutOfMemory>(),
    from_code<std::ios_base::failure>(),
    from_code<std::system_error>(),
    from_text<std::invalid_argument>(),
    from_text<std::domain_error>(),
    from_text<std::length_error>(),
    from_text<std::out_of_range>(),
    from_text<std::logic_error>(),
    from_text<std::range_error>(),
    from_text<std::overflow_error>(),
    from_text<std::underflow_error>(),
    from_text<std::runtime_error>(),
    from_nothing<std::bad_array_new_length>(),
    from_nothing<std::bad_alloc>(),
    from_nothing<std::bad_any_cast>(),
    from_nothing<std::bad_cast>(),
    from_nothing<std::bad_typeid>(),
    from_nothing<std::bad_function_call>(),
    from_nothing<std::bad_optional_access>(),
    from_nothing<std::bad_variant_access>(),
    from_nothing<std::bad_weak_ptr>(),
    from_nothing<std::bad_exception>(),
    from_nothing<std::exception>(),
};

/// What the application registered, the last first: a list that only grows, so that a child which
/// is forked while another thread registers finds no mutex held.
struct Registered {
  SentType type;
  const Registered* next;
};
constinit boost::atomic<std::uintptr_t> registered{0};

const Registered* all_registered() noexcept {
  return reinterpret_cast<const Registered*>(registered.load(boost::memory_order_acquire));
}

/// That of the exception that is being handled, or the nearest that it derives from: that
/// registered last, else the first known.
SentType find(const std::type_info& thrown) {
  const Registered* const own = all_registered();
  for (const Registered* r = own; r != nullptr; r = r->next)
    if (*r->type.type == thrown) return r->type;
  for (const SentType& type : known)
    if (*type.type == thrown) return type;
  for (const Registered* r = own; r != nullptr; r = r->next)
    if (r->type.is_one()) return r->type;
  for (const SentType& type : known)
    if (type.is_one()) return type;
  return from_nothing<std::exception>();
}

std::optional<SentType> find(const std::string& name) {
  for (const Registered* r = all_registered(); r != nullptr; r = r->next)
    if (name == r->type.type->name()) return r->type;
  for (const SentType& type : known)
    if (name == type.type->name()) return type;
  return std::nullopt;
}

void put_known(Encoder& to, const std::exception& e) {
  const std::type_info& thrown = *abi::__cxa_current_exception_type();
  const SentType type = find(thrown);
  const bool is_itself = *type.type == thrown;
  to.put(std::string(type.type->name())).put(is_itself);
  to.put(is_itself ? std::string(e.what()) : readable(thrown) + ": " + e.what());
  type.put(to);
}

void put_unknown(Encoder& to, const std::string& text) {
  to.put(std::string(typeid(UnknownException).name())).put(true).put(text);
}

/// Of what is no std::exception.
std::string text_of_current() {
  try {
    throw;
  } catch (const std::string& text) {
    return ", \"" + text + '"';
  } catch (const char* text) {
    return std::string(", \"") + text + '"';
  } catch (int number) {
    return ", " + std::to_string(number);
  } catch (...) {
    return "";
  }
}

}  // namespace

void register_sent_type(const SentType& type) {
  auto* const added = new Registered{type, all_registered()};  // for as long as the program runs
  auto next = reinterpret_cast<std::uintptr_t>(added->next);
  while (!registered.compare_exchange_weak(next, reinterpret_cast<std::uintptr_t>(added),
                                           boost::memory_order_acq_rel))
    added->next = reinterpret_cast<const Registered*>(next);
}

void put_current_exception(Encoder& to) {
  try {
    throw;
  } catch (const std::exception& e) {
    put_known(to, e);
  } catch (...) {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    put_unknown(to, "a task threw " +
                        (type != nullptr ? "a value of type " + readable(*type) : "something") +
                        text_of_current() +
                        ": what derives from std::exception would have come back as itself");
  }
}

void throw_sent_exception(Decoder& from) {
  const auto name = from.take<std::string>();
  const auto is_itself = from.take<bool>();
  const auto text = from.take<std::string>();
  const std::optional<SentType> type = find(name);
  if (type) type->raise(from, text, is_itself);
  throw std::runtime_error(text);  // registered in the worker only
}

}  // namespace lagoon::detail
