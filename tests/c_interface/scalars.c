/// The C interface from C: values and arrays.
#include "check.h"

#include <math.h>

/// What every type has, in a mode; of those that only get and set, no more than that.
#define TEST_TYPE(suffix, T, typecode, one, two)                                             \
  static void test_value_##suffix(int mode, int has_steps) {                                 \
    lagoon_value* v = NULL;                                                                  \
    T x = two, first = one;                                                                  \
    int yes = -1;                                                                            \
    char code = 0;                                                                           \
    OK(lagoon_value_make(NULL, NULL, typecode, mode, NULL, &v));                             \
    OK(lagoon_value_get_##suffix(v, &x));                                                    \
    CHECK(x == 0);                                                                           \
    lagoon_value_close(v);                                                                   \
    OK(lagoon_value_make(segment, #suffix, typecode, mode, &first, &v));                     \
    OK(lagoon_value_typecode(v, &code));                                                     \
    CHECK(code == typecode);                                                                 \
    OK(lagoon_value_get_##suffix(v, &x));                                                    \
    CHECK(x == one);                                                                         \
    OK(lagoon_value_set_##suffix(v, two));                                                   \
    OK(lagoon_value_get_##suffix(v, &x));                                                    \
    CHECK(x == two);                                                                         \
    CHECK(lagoon_value_get_##suffix(v, NULL) == lagoon_invalid_argument);                    \
    if (has_steps) {                                                                         \
      OK(lagoon_value_exchange_##suffix(v, one, &x));                                        \
      CHECK(x == two);                                                                       \
      OK(lagoon_value_exchange_##suffix(v, one, NULL));                                      \
      OK(lagoon_value_compare_exchange_##suffix(v, &x, two, &yes));                          \
      CHECK(yes == 0 && x == one);                                                           \
      OK(lagoon_value_compare_exchange_##suffix(v, &x, two, &yes));                          \
      CHECK(yes == 1 && x == one);                                                           \
      OK(lagoon_value_compare_exchange_##suffix(v, &x, two, NULL));                          \
      CHECK(x == two);                                                                       \
    } else {                                                                                 \
      CHECK(lagoon_value_exchange_##suffix(v, one, &x) == lagoon_usage_error);               \
      CHECK(lagoon_value_compare_exchange_##suffix(v, &x, one, &yes) == lagoon_usage_error); \
    }                                                                                        \
    if (mode == lagoon_atomic) {                                                             \
      OK(lagoon_value_wait_##suffix(v, one, -1));                                            \
      CHECK(lagoon_value_wait_##suffix(v, two, 0) == lagoon_timed_out);                      \
    } else {                                                                                 \
      CHECK(lagoon_value_wait_##suffix(v, two, 0) == lagoon_usage_error);                    \
    }                                                                                        \
    lagoon_value_close(v);                                                                   \
    OK(lagoon_value_find(segment, #suffix, typecode, &v));                                   \
    OK(lagoon_value_get_##suffix(v, &x));                                                    \
    CHECK(x == two);                                                                         \
    lagoon_value_close(v);                                                                   \
    OK(lagoon_segment_erase(segment, #suffix));                                              \
  }                                                                                          \
  static void test_array_##suffix(int mode) {                                                \
    lagoon_array* a = NULL;                                                                  \
    const T first[3] = {one, two, one};                                                      \
    T out[4] = {one, one, one, one};                                                         \
    size_t n = 0;                                                                            \
    char code = 0;                                                                           \
    OK(lagoon_array_make(NULL, NULL, typecode, mode, 4, NULL, &a));                          \
    OK(lagoon_array_read_##suffix(a, 0, 4, out));                                            \
    CHECK(out[0] == 0 && out[3] == 0);                                                       \
    lagoon_array_close(a);                                                                   \
    OK(lagoon_array_make(segment, #suffix, typecode, mode, 3, first, &a));                   \
    OK(lagoon_array_typecode(a, &code));                                                     \
    OK(lagoon_array_length(a, &n));                                                          \
    CHECK(code == typecode && n == 3);                                                       \
    OK(lagoon_array_read_##suffix(a, 0, 3, out));                                            \
    CHECK(out[0] == one && out[1] == two && out[2] == one && out[3] == 0);                   \
    OK(lagoon_array_set_##suffix(a, 2, two));                                                \
    OK(lagoon_array_get_##suffix(a, 2, &out[3]));                                            \
    CHECK(out[3] == two);                                                                    \
    OK(lagoon_array_write_##suffix(a, 1, 2, first));                                         \
    OK(lagoon_array_read_##suffix(a, 1, 2, out));                                            \
    CHECK(out[0] == one && out[1] == two && out[2] == one);                                  \
    OK(lagoon_array_write_##suffix(a, 0, 3, first));                                         \
    OK(lagoon_array_read_##suffix(a, 3, 0, NULL));                                           \
    OK(lagoon_array_write_##suffix(a, 3, 0, NULL));                                          \
    CHECK(lagoon_array_get_##suffix(a, 3, out) == lagoon_out_of_range);                      \
    CHECK(lagoon_array_set_##suffix(a, 3, one) == lagoon_out_of_range);                      \
    CHECK(lagoon_array_read_##suffix(a, 2, 2, out) == lagoon_out_of_range);                  \
    CHECK(lagoon_array_write_##suffix(a, 4, 0, first) == lagoon_out_of_range);               \
    CHECK(lagoon_array_read_##suffix(a, 1, (size_t)-1, out) == lagoon_out_of_range);         \
    CHECK(lagoon_array_read_##suffix(a, 0, 3, NULL) == lagoon_invalid_argument);             \
    lagoon_array_close(a);                                                                   \
    OK(lagoon_array_find(segment, #suffix, 0, &a));                                          \
    OK(lagoon_array_get_##suffix(a, 1, out));                                                \
    CHECK(out[0] == two);                                                                    \
    lagoon_array_close(a);                                                                   \
    OK(lagoon_segment_erase(segment, #suffix));                                              \
  }
#define TEST_NUMBER(suffix, T, typecode)                                  \
  TEST_TYPE(suffix, T, typecode, 1, 2)                                    \
  static void test_steps_##suffix(int mode) {                             \
    lagoon_value* v = NULL;                                               \
    lagoon_array* a = NULL;                                               \
    T x = 7;                                                              \
    OK(lagoon_value_make(NULL, NULL, typecode, mode, &x, &v));            \
    OK(lagoon_value_fetch_add_##suffix(v, 3, &x));                        \
    CHECK(x == 7);                                                        \
    OK(lagoon_value_fetch_sub_##suffix(v, 4, &x));                        \
    CHECK(x == 10);                                                       \
    OK(lagoon_value_fetch_add_##suffix(v, 0, NULL));                      \
    OK(lagoon_value_get_##suffix(v, &x));                                 \
    CHECK(x == 6);                                                        \
    lagoon_value_close(v);                                                \
    OK(lagoon_array_make(NULL, NULL, typecode, mode, 2, NULL, &a));       \
    OK(lagoon_array_add_##suffix(a, 1, 5, NULL));                         \
    OK(lagoon_array_add_##suffix(a, 1, 5, &x));                           \
    CHECK(x == 10);                                                       \
    CHECK(lagoon_array_add_##suffix(a, 2, 5, &x) == lagoon_out_of_range); \
    lagoon_array_close(a);                                                \
  }
#define TEST_INTEGER(suffix, T, typecode)                      \
  TEST_NUMBER(suffix, T, typecode)                             \
  static void test_bits_##suffix(int mode) {                   \
    lagoon_value* v = NULL;                                    \
    T x = 12;                                                  \
    OK(lagoon_value_make(NULL, NULL, typecode, mode, &x, &v)); \
    OK(lagoon_value_fetch_or_##suffix(v, 3, &x));              \
    CHECK(x == 12);                                            \
    OK(lagoon_value_fetch_and_##suffix(v, 6, &x));             \
    CHECK(x == 15);                                            \
    OK(lagoon_value_fetch_xor_##suffix(v, 5, &x));             \
    CHECK(x == 6);                                             \
    OK(lagoon_value_get_##suffix(v, &x));                      \
    CHECK(x == 3);                                             \
    lagoon_value_close(v);                                     \
  }

TEST_INTEGER(i8, int8_t, 'b')
TEST_INTEGER(u8, uint8_t, 'B')
TEST_INTEGER(i16, int16_t, 'h')
TEST_INTEGER(u16, uint16_t, 'H')
TEST_INTEGER(i32, int32_t, 'i')
TEST_INTEGER(u32, uint32_t, 'I')
TEST_INTEGER(i64, int64_t, 'q')
TEST_INTEGER(u64, uint64_t, 'Q')
TEST_NUMBER(f32, float, 'f')
TEST_NUMBER(f64, double, 'd')
TEST_TYPE(char, char, 'c', 'a', 'b')
TEST_TYPE(wchar, wchar_t, 'u', L'a', L'b')
TEST_TYPE(bool, uint8_t, '?', 1, 0)

static void test_every_type_in_every_mode(void) {
  const struct {
    void (*value)(int mode, int has_steps);
    void (*array)(int mode);
    void (*steps)(int mode);
    void (*bits)(int mode);
  } tests[] = {
#define INTEGER(suffix) \
  {test_value_##suffix, test_array_##suffix, test_steps_##suffix, test_bits_##suffix}
#define NUMBER(suffix) \
  { test_value_##suffix, test_array_##suffix, test_steps_##suffix, NULL }
#define OTHER(suffix) \
  { test_value_##suffix, test_array_##suffix, NULL, NULL }
      INTEGER(i8),  INTEGER(u8),  INTEGER(i16), INTEGER(u16), INTEGER(i32),
      INTEGER(u32), INTEGER(i64), INTEGER(u64), NUMBER(f32),  NUMBER(f64),
      OTHER(char),  OTHER(wchar), OTHER(bool),
  };
  for (size_t i = 0; i < sizeof tests / sizeof *tests; ++i) {
    for (int mode = lagoon_atomic; mode <= lagoon_raw; ++mode) {
      tests[i].array(mode);
      if (mode == lagoon_seqlocked) continue;
      tests[i].value(mode, mode != lagoon_raw);
      if (mode == lagoon_raw) continue;
      if (tests[i].steps != NULL) tests[i].steps(mode);
      if (tests[i].bits != NULL) tests[i].bits(mode);
    }
  }
}

static void test_types(void) {
  lagoon_value* v = NULL;
  lagoon_array* a = NULL;
  int8_t small = 127;
  int32_t x = 0;
  uint8_t bits = 2;
  char code = 0;
  uint64_t natural = 0;
  // Of l and q there is one.
  OK(lagoon_value_make(segment, "l", 'l', lagoon_atomic, NULL, &v));
  OK(lagoon_value_typecode(v, &code));
  CHECK(code == 'q');
  lagoon_value_close(v);
  OK(lagoon_value_find(segment, "l", 'q', &v));
  OK(lagoon_value_set_i64(v, -1));
  REFUSED(lagoon_value_get_i32(v, &x), lagoon_type_mismatch, "int32");
  REFUSED(lagoon_value_get_u64(v, &natural), lagoon_type_mismatch, "uint64");
  lagoon_value_close(v);
  REFUSED(lagoon_value_find(segment, "l", 'd', &v), lagoon_type_mismatch, "'l'");
  REFUSED(lagoon_value_find(segment, "l", 'x', &v), lagoon_invalid_argument, "typecode");
  REFUSED(lagoon_value_find(segment, "none", 0, &v), lagoon_not_found, "'none'");
  REFUSED(lagoon_array_find(segment, "l", 0, &a), lagoon_type_mismatch, "Array");
  REFUSED(lagoon_value_make(segment, "l", 'd', lagoon_atomic, NULL, &v), lagoon_type_mismatch,
          "'l'");
  REFUSED(lagoon_value_make(segment, "l", 'q', lagoon_raw, NULL, &v), lagoon_type_mismatch, "raw");
  REFUSED(lagoon_value_make(segment, "m", 'x', lagoon_atomic, NULL, &v), lagoon_invalid_argument,
          "");
  REFUSED(lagoon_value_make(segment, "m", 'q', lagoon_seqlocked, NULL, &v), lagoon_invalid_argument,
          "mode 1");
  REFUSED(lagoon_array_make(segment, "m", 'q', 4, 3, NULL, &a), lagoon_invalid_argument, "mode 4");
  REFUSED(lagoon_array_make(segment, "m", 'q', lagoon_seqlocked, (size_t)-1, NULL, &a),
          lagoon_out_of_memory, "");
  OK(lagoon_array_make(segment, "m", 'd', lagoon_seqlocked, 3, NULL, &a));
  lagoon_array_close(a);
  REFUSED(lagoon_array_make(segment, "m", 'd', lagoon_seqlocked, 4, NULL, &a), lagoon_type_mismatch,
          "[3]");
  // Integers wrap; of a bool there is 0 and 1.
  OK(lagoon_value_make(NULL, NULL, 'b', lagoon_atomic, &small, &v));
  OK(lagoon_value_fetch_add_i8(v, 1, NULL));
  OK(lagoon_value_get_i8(v, &small));
  CHECK(small == -128);
  lagoon_value_close(v);
  OK(lagoon_value_make(NULL, NULL, '?', lagoon_atomic, &bits, &v));
  OK(lagoon_value_get_bool(v, &bits));
  CHECK(bits == 1);
  OK(lagoon_value_set_bool(v, 255));
  OK(lagoon_value_get_bool(v, &bits));
  CHECK(bits == 1);
  lagoon_value_close(v);
  for (int mode = lagoon_atomic; mode <= lagoon_raw; ++mode) {
    const uint8_t many[3] = {0, 2, 255};
    uint8_t out[3] = {7, 7, 7};
    OK(lagoon_array_make(NULL, NULL, '?', mode, 3, many, &a));
    OK(lagoon_array_write_bool(a, 1, 2, many));
    OK(lagoon_array_read_bool(a, 0, 3, out));
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 1);
    lagoon_array_close(a);
  }
}

static void test_pointers_versions_locks(void) {
  lagoon_value* v = NULL;
  lagoon_array* a = NULL;
  lagoon_lock* lock = NULL;
  void* p = NULL;
  int32_t x = 5;
  int yes = 0;
  uint64_t before = 0, after = 0;
  double all[2] = {1, 2};

  OK(lagoon_value_make(segment, "raw", 'i', lagoon_raw, &x, &v));
  OK(lagoon_value_pointer(v, &p));
  *(int32_t*)p += 1;
  OK(lagoon_value_get_i32(v, &x));
  CHECK(x == 6);
  REFUSED(lagoon_value_lock(v, &lock), lagoon_usage_error, "'raw'");
  REFUSED(lagoon_value_notify(v), lagoon_usage_error, "waiting");
  lagoon_value_close(v);

  OK(lagoon_value_make(segment, "locked", 'i', lagoon_locked, &x, &v));
  OK(lagoon_value_lock(v, &lock));
  OK(lagoon_lock_acquire(lock, -1, &yes));
  CHECK(yes == 0);
  OK(lagoon_value_pointer(v, &p));
  *(int32_t*)p += 1;
  OK(lagoon_value_fetch_add_i32(v, 1, &x));  // its lock is recursive
  CHECK(x == 7);
  lagoon_value_close(v);  // the lock goes on
  OK(lagoon_lock_release(lock));
  REFUSED(lagoon_lock_release(lock), lagoon_usage_error, "");
  lagoon_lock_close(lock);

  // Also one without a name, whose memory others would use otherwise.
  lagoon_value* others[8] = {0};
  OK(lagoon_value_make(NULL, NULL, 'i', lagoon_locked, &x, &v));
  OK(lagoon_value_lock(v, &lock));
  OK(lagoon_lock_acquire(lock, -1, NULL));
  lagoon_value_close(v);
  for (int i = 0; i < 8; ++i) OK(lagoon_value_make(NULL, NULL, 'i', lagoon_locked, &x, &others[i]));
  OK(lagoon_lock_is_mine(lock, &yes));
  CHECK(yes == 1);
  OK(lagoon_lock_release(lock));
  lagoon_lock_close(lock);
  for (int i = 0; i < 8; ++i) lagoon_value_close(others[i]);

  OK(lagoon_value_make(NULL, NULL, 'i', lagoon_atomic, NULL, &v));
  REFUSED(lagoon_value_pointer(v, &p), lagoon_usage_error, "pointer");
  REFUSED(lagoon_value_wait_i32(v, 0, NAN), lagoon_invalid_argument, "NaN");
  lagoon_value_close(v);

  OK(lagoon_array_make(segment, "versions", 'd', lagoon_seqlocked, 2, NULL, &a));
  OK(lagoon_array_version(a, &before));
  OK(lagoon_array_write_f64(a, 0, 2, all));
  OK(lagoon_array_version(a, &after));
  CHECK(after == before + 1);
  REFUSED(lagoon_array_pointer(a, &p), lagoon_usage_error, "pointer");
  REFUSED(lagoon_array_lock(a, &lock), lagoon_usage_error, "lock");
  OK(lagoon_segment_erase(segment, "versions"));
  OK(lagoon_array_gone(a, &yes));
  CHECK(yes == 1);
  REFUSED(lagoon_array_read_f64(a, 0, 2, all), lagoon_gone, "'versions'");
  REFUSED(lagoon_array_set_f64(a, 0, 2), lagoon_gone, "'versions'");
  lagoon_array_close(a);

  OK(lagoon_array_make(NULL, NULL, 'd', lagoon_locked, 2, all, &a));
  OK(lagoon_array_lock(a, &lock));
  OK(lagoon_lock_acquire(lock, 0, NULL));
  OK(lagoon_array_pointer(a, &p));
  CHECK(((double*)p)[1] == 2);
  OK(lagoon_lock_release(lock));
  lagoon_lock_close(lock);
  REFUSED(lagoon_array_version(a, &after), lagoon_usage_error, "versions");
  lagoon_array_close(a);
  OK(lagoon_array_make(NULL, NULL, 'd', lagoon_raw, 2, all, &a));
  REFUSED(lagoon_array_add_f64(a, 0, 1, NULL), lagoon_usage_error, "raw");
  lagoon_array_close(a);
}

static void test_read_only(void) {
  lagoon_segment* reader = NULL;
  lagoon_value* v = NULL;
  lagoon_array* a = NULL;
  lagoon_event* event = NULL;
  void* p = NULL;
  int32_t x = 5, xs[2] = {1, 2};

  OK(lagoon_value_make(segment, "ro", 'i', lagoon_atomic, &x, &v));
  lagoon_value_close(v);
  OK(lagoon_value_make(segment, "ro locked", 'i', lagoon_locked, &x, &v));
  lagoon_value_close(v);
  OK(lagoon_value_make(segment, "ro raw", 'i', lagoon_raw, &x, &v));
  lagoon_value_close(v);
  OK(lagoon_array_make(segment, "ro array", 'i', lagoon_seqlocked, 2, xs, &a));
  lagoon_array_close(a);
  OK(lagoon_event_make(segment, "ro event", &event));
  lagoon_event_close(event);

  OK(lagoon_segment_open_read_only(name, NULL, &reader));
  OK(lagoon_value_find(reader, "ro", 'i', &v));
  x = 0;
  OK(lagoon_value_get_i32(v, &x));
  CHECK(x == 5);
  REFUSED(lagoon_value_set_i32(v, 1), lagoon_read_only, "'ro'");
  REFUSED(lagoon_value_fetch_add_i32(v, 1, &x), lagoon_read_only, "'ro'");
  REFUSED(lagoon_value_wait_i32(v, 1, 0), lagoon_read_only, "'ro'");
  REFUSED(lagoon_value_notify(v), lagoon_read_only, "'ro'");
  OK(lagoon_segment_erase(segment, "ro"));
  REFUSED(lagoon_value_get_i32(v, &x), lagoon_gone, "'ro'");
  lagoon_value_close(v);
  OK(lagoon_value_find(reader, "ro raw", 'i', &v));
  OK(lagoon_value_pointer(v, &p));
  CHECK(*(const int32_t*)p == 5);
  lagoon_value_close(v);
  REFUSED(lagoon_value_find(reader, "ro locked", 'i', &v), lagoon_read_only, "'ro locked'");
  REFUSED(lagoon_value_make(reader, "new", 'i', 0, NULL, &v), lagoon_read_only, "");
  REFUSED(lagoon_event_find(reader, "ro event", &event), lagoon_read_only, "'ro event'");
  OK(lagoon_array_find(reader, "ro array", 'i', &a));
  OK(lagoon_array_read_i32(a, 0, 2, xs));
  CHECK(xs[0] == 1 && xs[1] == 2);
  OK(lagoon_array_get_i32(a, 1, xs));
  CHECK(xs[0] == 2);
  REFUSED(lagoon_array_write_i32(a, 0, 2, xs), lagoon_read_only, "'ro array'");
  REFUSED(lagoon_array_set_i32(a, 0, 2), lagoon_read_only, "'ro array'");
  OK(lagoon_segment_erase(segment, "ro array"));
  REFUSED(lagoon_array_read_i32(a, 0, 2, xs), lagoon_gone, "'ro array'");
  lagoon_array_close(a);
  lagoon_segment_close(reader);
}

void test_scalars(void) {
  test_every_type_in_every_mode();
  test_types();
  test_pointers_versions_locks();
  test_read_only();
}
