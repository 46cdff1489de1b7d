/// The C interface from C: errors and segments.
#include "check.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static void test_errors(void) {
  CHECK(strcmp(lagoon_last_error(), "") == 0);
  CHECK(strcmp(lagoon_status_name(lagoon_ok), "ok") == 0);
  CHECK(strcmp(lagoon_status_name(lagoon_type_mismatch), "type_mismatch") == 0);
  CHECK(strcmp(lagoon_status_name(lagoon_other_error), "other_error") == 0);
  CHECK(strcmp(lagoon_status_name(18), "unknown status") == 0);
  CHECK(strcmp(lagoon_status_name(-1), "unknown status") == 0);
}

static int count_name(void* context, const char* found) {
  if (strcmp(found, name) == 0) ++*(int*)context;
  return 0;
}
static int stop_at_first(void* context, const char* found) {
  (void)found;
  ++*(int*)context;
  return 1;
}
struct objects {
  int count;
  char type[64];
  size_t bytes;
};
static int look_at(void* context, const char* object, const char* type, size_t bytes) {
  struct objects* objects = context;
  ++objects->count;
  if (strcmp(object, "x") != 0) return 0;
  snprintf(objects->type, sizeof objects->type, "%s", type);
  objects->bytes = bytes;
  return 0;
}

static void test_made_opened_removed(void) {
  lagoon_segment* other = (lagoon_segment*)&failures;  // anything
  lagoon_value* value = NULL;
  int yes = -1, count = 0;
  size_t size = 0, capacity = 0, used = 0;
  struct objects objects = {0};

  REFUSED(lagoon_segment_open(name, NULL, &other), lagoon_not_found, name);
  CHECK(other == NULL);
  REFUSED(lagoon_segment_open(NULL, NULL, &other), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_segment_open(name, NULL, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_segment_create("a/b", NULL, &other), lagoon_invalid_argument, "a/b");
  REFUSED(lagoon_segment_remove(name, NULL), lagoon_not_found, name);
  OK(lagoon_segment_exists(name, NULL, &yes));
  CHECK(yes == 0);

  const lagoon_options small = {.size = sizeof small, .reserve = 16u << 20};
  OK(lagoon_segment_create(name, &small, &segment));
  REFUSED(lagoon_segment_create(name, &small, &other), lagoon_already_exists, name);
  OK(lagoon_segment_exists(name, NULL, &yes));
  CHECK(yes == 1);
  OK(lagoon_segment_list(NULL, count_name, &count));
  CHECK(count == 1);
  OK(lagoon_segment_list(NULL, stop_at_first, &count));
  CHECK(count == 2);
  OK(lagoon_segment_sizes(segment, &size, &capacity, &used));
  CHECK(capacity == 16u << 20 && size <= capacity && used == 0);
  OK(lagoon_segment_sizes(segment, NULL, NULL, NULL));

  OK(lagoon_value_make(segment, "x", 'd', lagoon_atomic, NULL, &value));
  OK(lagoon_segment_objects(segment, look_at, &objects));
  OK(lagoon_segment_sizes(segment, NULL, NULL, &used));
  CHECK(objects.count == 1 && objects.bytes != 0 && objects.bytes == used);
  CHECK(strcmp(objects.type, "Value<double, atomic>") == 0);
  OK(lagoon_value_gone(value, &yes));
  CHECK(yes == 0);
  OK(lagoon_segment_erase(segment, "x"));
  REFUSED(lagoon_segment_erase(segment, "x"), lagoon_not_found, "x");
  OK(lagoon_value_gone(value, &yes));
  CHECK(yes == 1);
  lagoon_value_close(value);
  OK(lagoon_segment_acknowledge_erased(segment));

  // The same from another's point of view: names outlive handles.
  OK(lagoon_segment_open_or_create(name, NULL, &other));
  lagoon_segment_close(other);

  lagoon_options wrong = {.size = 3};
  REFUSED(lagoon_segment_open(name, &wrong, &other), lagoon_invalid_argument, "size is 3");
  wrong = (lagoon_options){.size = sizeof wrong, .flags = 64};
  REFUSED(lagoon_segment_open(name, &wrong, &other), lagoon_invalid_argument, "64");
  wrong = (lagoon_options){.size = sizeof wrong, .directory = "/dev/shm/lagoon-test-nowhere"};
  REFUSED(lagoon_segment_create(name, &wrong, &other), lagoon_system_error, "nowhere");
  CHECK(errno == ENOENT);
  // From a program that knows more fields than this library: zero is what it does not know.
  struct {
    lagoon_options known;
    size_t more;
  } newer = {.known = {.size = sizeof newer}};
  OK(lagoon_segment_open(name, &newer.known, &other));
  lagoon_segment_close(other);
  newer.more = 1;
  REFUSED(lagoon_segment_open(name, &newer.known, &other), lagoon_invalid_argument, "zero");

  const int fd = memfd_create("lagoon-test", MFD_CLOEXEC);
  OK(lagoon_segment_adopt(fd, &small, &other));
  OK(lagoon_value_make(other, "x", 'i', lagoon_atomic, NULL, &value));
  lagoon_value_close(value);
  lagoon_segment_close(other);
  OK(lagoon_segment_adopt(fd, NULL, &other));
  OK(lagoon_value_find(other, "x", 'i', &value));
  lagoon_value_close(value);
  lagoon_segment_close(other);
  close(fd);
  REFUSED(lagoon_segment_adopt(-1, NULL, &other), lagoon_system_error, "-1");
}

static void test_null(void) {
  lagoon_value* value = NULL;
  lagoon_array* array = NULL;
  int64_t x = 0;
  size_t n = 0;
  int yes = 0;
  double seconds = 0;
  REFUSED(lagoon_segment_list(NULL, NULL, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_segment_sizes(NULL, &n, NULL, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_segment_objects(segment, NULL, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_segment_erase(NULL, "x"), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_segment_erase(segment, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_segment_acknowledge_erased(NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_make(NULL, "x", 'q', 0, NULL, &value), lagoon_invalid_argument, "'x'");
  REFUSED(lagoon_value_make(segment, "", 'q', 0, NULL, &value), lagoon_invalid_argument, "''");
  REFUSED(lagoon_value_make(segment, "x", 'q', 0, NULL, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_find(NULL, "x", 'q', &value), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_find(segment, NULL, 'q', &value), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_get_i64(NULL, &x), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_set_bool(NULL, 1), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_fetch_add_i64(NULL, 1, &x), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_wait_i64(NULL, 0, 0), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_notify(NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_value_typecode(NULL, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_array_find(segment, "x", 0, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_array_get_f64(NULL, 0, &seconds), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_array_length(array, &n), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_array_read_f64(NULL, 0, 0, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_lock_acquire(NULL, -1, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_lock_release(NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_semaphore_acquire(NULL, -1), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_event_wait(NULL, -1), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_event_is_set(NULL, &yes), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_condition_wait(NULL, -1), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_condition_lock(NULL, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_barrier_wait(NULL, -1, NULL), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_queue_put(NULL, "x", 1, -1), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_queue_get(NULL, NULL, &n, -1), lagoon_invalid_argument, "NULL");
  REFUSED(lagoon_dict_get(NULL, "x", NULL, &n), lagoon_invalid_argument, "NULL");
  lagoon_segment_close(NULL);
  lagoon_value_close(NULL);
  lagoon_array_close(NULL);
  lagoon_lock_close(NULL);
  lagoon_semaphore_close(NULL);
  lagoon_event_close(NULL);
  lagoon_condition_close(NULL);
  lagoon_barrier_close(NULL);
  lagoon_queue_close(NULL);
  lagoon_dict_close(NULL);
}

void test_segments(void) {
  test_errors();
  test_made_opened_removed();
  test_null();
}
