#pragma once
/// Types of the application's own, known by a name at run time: a Manager makes them, Objects refer
/// to them and call their methods.
///
///   struct Counter {
///     lagoon::Cell<long> n{0};
///     explicit Counter(long from) : n(from) {}
///     long add(long x) { return n += x; }
///   };
///   template <> inline constexpr std::string_view lagoon::type_name<Counter> = "Counter";
///
///   lagoon::Manager::register_type<Counter, long>("Counter", {{"add", &Counter::add}});   made of
///   a long lagoon::Object hits = manager.create("Counter", "hits", 0);    found by this name, or
///   made hits.call("add", 2); lagoon::Shared<Counter> same{hits}; another handle to it
///
/// A method is a member function, or a function or lambda that takes a T& first. What it takes and
/// gives is what goes into Objects and out of them; text may be taken as a std::string_view. It
/// runs in the process that calls it, on the T in shared memory: what others see of it meanwhile,
/// and what they find when it is killed, is what T promises. T is made as a Shared<T> is.
///
/// A type is registered once for the program, before processes that are to know it are forked; what
/// is registered later under the same name takes its place for Objects that are made later. Nothing
/// is stored in shared memory but T's `type_name`: a program that has not registered it can hold
/// such an Object and store it, but not call it.
///
/// Errors: what is not registered is NotFound; a method that is not there, too few or too many
/// arguments, or such of another type are TypeMismatch; what was erased is Gone.
///
/// Progress: lock-free. An allocation for what a call takes and gives, if that needs one.

#include <lagoon/object.hpp>
#include <lagoon/shared.hpp>
#include <lagoon/shared_object.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace lagoon {

namespace detail {

template <class F>
struct MemberOf;
template <class R, class C, class... A>
struct MemberOf<R (C::*)(A...)> {
  using Function = R (*)(A...);
  using WithObject = R (*)(C&, A...);
};
template <class R, class C, class... A>
struct MemberOf<R (C::*)(A...) const> : MemberOf<R (C::*)(A...)> {};
template <class R, class C, class... A>
struct MemberOf<R (C::*)(A...) noexcept> : MemberOf<R (C::*)(A...)> {};
template <class R, class C, class... A>
struct MemberOf<R (C::*)(A...) const noexcept> : MemberOf<R (C::*)(A...)> {};

/// What a method takes, and of what type of object.
template <class F>
struct MethodOf;
template <class R, class C, class... A>
struct MethodOf<R (*)(C, A...)> {
  using Self = std::remove_cvref_t<C>;
  using Arguments = std::tuple<std::remove_cvref_t<A>...>;
};
template <class R, class C, class... A>
struct MethodOf<R (*)(C, A...) noexcept> : MethodOf<R (*)(C, A...)> {};
template <class F>
requires std::is_member_function_pointer_v<F>
struct MethodOf<F> : MethodOf<typename MemberOf<F>::WithObject> {
};
template <class F>
requires requires { &F::operator(); }
struct MethodOf<F> : MethodOf<typename MemberOf<decltype(&F::operator())>::Function> {};

[[noreturn]] void refuse_arguments(std::string_view name, std::size_t wanted, std::size_t given);
/// f with these Objects as the arguments that it takes, which are named by an empty tuple of them.
template <class F, class... A>
decltype(auto) call_with(F&& f, std::string_view name, std::span<const Object> given,
                         std::tuple<A...>*) {
  if (given.size() != sizeof...(A)) refuse_arguments(name, sizeof...(A), given.size());
  return [&]<std::size_t... i>(std::index_sequence<i...>)->decltype(auto) {
    return std::forward<F>(f)(given[i].template get<A>()...);
  }
  (std::index_sequence_for<A...>{});
}
struct RegisteredType {
  using Call = std::function<Object(std::byte* object, std::span<const Object> arguments)>;

  std::string id;
  Stamp stamp;
  std::function<Object(const Place&, std::span<const Object> arguments)> make;
  std::map<std::string, Call, std::less<>> methods;
  const RegisteredType* next = nullptr;  // that was registered before
};
void add_registered(std::unique_ptr<RegisteredType> type);
/// NotFound.
[[nodiscard]] const RegisteredType& registered(std::string_view id);
/// Of what lies there; or null.
[[nodiscard]] const RegisteredType* registered(const Stamp& stamp) noexcept;

}  // namespace detail

/// A method of a T.
template <class T>
class Method {
 public:
  template <class F>
  requires std::derived_from<T, typename detail::MethodOf<F>::Self> Method(std::string_view name,
                                                                           F f)
      : name_(name),
        call_([f, name = std::string(name)](std::byte* object, std::span<const Object> given) {
          T& self = *reinterpret_cast<T*>(object);
          typename detail::MethodOf<F>::Arguments* as = nullptr;
          const auto call = [&](auto&&... a) -> Object {
            using Given = std::invoke_result_t<const F&, T&, decltype(a)...>;
            if constexpr (std::is_void_v<Given>)
              return std::invoke(f, self, std::forward<decltype(a)>(a)...), Object();
            else
              return std::invoke(f, self, std::forward<decltype(a)>(a)...);
          };
          return detail::call_with(call, name, given, as);
        }) {}
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const detail::RegisteredType::Call& call() const noexcept { return call_; }

 private:
  std::string name_;
  detail::RegisteredType::Call call_;
};

namespace detail {

/// A T that is made of Args is from here on known as `id` in this program.
template <class T, class... Args>
void register_type(std::string_view id, std::initializer_list<Method<T>> methods) {
  check_named<T>();
  auto type = std::make_unique<RegisteredType>();
  type->id = id;
  type->stamp = Shared<T>::stamp();
  type->make = [id = type->id](const Place& place, std::span<const Object> arguments) {
    const auto make = [&](auto&&... a) {
      return Shared<T>(place, std::forward<decltype(a)>(a)...);
    };
    return Object(call_with(make, id, arguments, static_cast<std::tuple<Args...>*>(nullptr)));
  };
  for (const Method<T>& method : methods) type->methods[method.name()] = method.call();
  add_registered(std::move(type));
}

}  // namespace detail

}  // namespace lagoon
