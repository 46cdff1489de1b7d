#pragma once
/// Types of the application's own, known by a name at run time: a Manager makes them, Objects refer
/// to them and call their methods.
///
///   struct Counter {
///     lagoon::Cell<long> n;
///     explicit Counter(long from) : n(from) {}
///     long add(long x) { return n.fetch_add(x) + x; }
///   };
///   template <> inline constexpr std::string_view lagoon::type_name<Counter> = "Counter";
///
///   lagoon::Manager::register_type<Counter, long>("Counter", {{"add", &Counter::add}});
///
///   lagoon::Object hits = manager.create("Counter", "hits", 0);
///   hits.call("add", 2);
///   lagoon::Shared<Counter> same{hits};
///
/// Counter is made of a long. create() finds the one of that name, or makes it; "" is no name.
///
/// A method is a member function, or a function or lambda that takes a T& first. What it takes and
/// gives is what goes into Objects and out of them; text may be taken as a std::string_view. It
/// runs in the process that calls it, on the T in shared memory: what others see of it meanwhile,
/// and what they find when it is killed, is what T promises. T is made as a Shared<T> is.
///
/// A type is registered once for the program, before processes that are to know it are forked; what
/// is registered later under the same id takes its place for Objects that are made later. Nothing
/// is stored in shared memory but T's `type_name`: an Object that is taken out of a container has
/// the methods that were registered last for a T, under whatever id; a program that has registered
/// none can hold such an Object and store it, but not call it.
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
struct MemberOf<R (C::*)(A...)&> : MemberOf<R (C::*)(A...)> {};
template <class R, class C, class... A>
struct MemberOf<R (C::*)(A...) const&> : MemberOf<R (C::*)(A...)> {};
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
template <class... A>
consteval void check_arguments(std::tuple<A...>*) {
  static_assert((OutOfObject<A> && ...),
                "what is taken here comes out of Objects (object.hpp): by value or const reference "
                "a number, bool, std::string, std::string_view, std::vector, std::map, … of these");
}
template <class Given>
consteval void check_given() {
  static_assert(std::is_void_v<Given> || IntoObject<Given> ||
                    std::same_as<std::remove_cvref_t<Given>, Object>,
                "what a method gives goes into an Object (object.hpp): nothing, a number, bool, "
                "std::string, std::vector, std::map, … of these");
}
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
  std::function<Handle(const Place&, std::span<const Object> arguments)> make;
  std::map<std::string, Call, std::less<>> methods;
  const RegisteredType* next = nullptr;  // that was registered before
};
/// InvalidArgument if its id is empty.
void add_registered(std::unique_ptr<RegisteredType> type);
/// NotFound.
[[nodiscard]] const RegisteredType& registered_type(std::string_view id);
[[nodiscard]] Object make_registered(std::string_view id, const Place& place,
                                     std::span<const Object> arguments);
/// Of what lies there; or null.
[[nodiscard]] const RegisteredType* registered_type(const Stamp& stamp) noexcept;

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
          constexpr typename detail::MethodOf<F>::Arguments* as = nullptr;
          detail::check_arguments(as);
          const auto call = [&](auto&&... a) -> Object {
            using Given = std::invoke_result_t<const F&, T&, decltype(a)...>;
            detail::check_given<Given>();
            if constexpr (std::is_void_v<Given>)
              return std::invoke(f, self, std::forward<decltype(a)>(a)...), Object();
            else
              return std::invoke(f, self, std::forward<decltype(a)>(a)...);
          };
          return detail::call_with(call, name, given, as);
        }) {}
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// What runs it, its types forgotten.
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
  static_assert(
      MadeInPlaceOf<T, Args...>,
      "register_type<T, Args...> wants a T(Args...), or T(table of participants, Args...)");
  auto type = std::make_unique<RegisteredType>();
  type->id = id;
  type->stamp = Shared<T>::stamp();
  type->make = [id = type->id](const Place& place, std::span<const Object> arguments) {
    constexpr std::tuple<Args...>* as = nullptr;
    check_arguments(as);
    const auto make = [&](auto&&... a) {
      const Shared<T> made(place, std::forward<decltype(a)>(a)...);
      return Attach::handle_of(made).again();
    };
    return call_with(make, id, arguments, as);
  };
  for (const Method<T>& method : methods) type->methods[method.name()] = method.call();
  add_registered(std::move(type));
}

}  // namespace detail

}  // namespace lagoon
