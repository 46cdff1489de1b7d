/// The C interface from C: queues and dicts.
#include "check.h"

static void get_a_task(void) {
  lagoon_queue* queue = NULL;
  char buffer[8];
  size_t size = sizeof buffer;
  OK(lagoon_queue_find(segment, "tasks", &queue));
  OK(lagoon_queue_get(queue, buffer, &size, -1));
}

static void test_queues(void) {
  lagoon_queue *queue = NULL, *tasks = NULL;
  char buffer[8] = "-------", large[70000];
  size_t size = sizeof buffer, maxsize = 0;
  memset(large, 'x', sizeof large);

  OK(lagoon_queue_make(segment, "lines", 0, 2, &queue));
  REFUSED(lagoon_queue_make(segment, "lines", 1, 2, &tasks), lagoon_type_mismatch, "'lines'");
  CHECK(lagoon_queue_get(queue, buffer, &size, 0) == lagoon_empty);
  OK(lagoon_queue_put(queue, "a\0b", 3, -1));
  OK(lagoon_queue_put(queue, NULL, 0, -1));
  CHECK(lagoon_queue_put(queue, "c", 1, 0) == lagoon_full);
  CHECK(lagoon_queue_put(queue, "c", 1, 1e-6) == lagoon_full);
  OK(lagoon_queue_size(queue, &size, &maxsize));
  CHECK(size == 2 && maxsize == 2);
  size = 2;
  CHECK(lagoon_queue_get(queue, buffer, &size, -1) == lagoon_too_small);  // and it is still there
  CHECK(size == 3);
  OK(lagoon_queue_get(queue, buffer, &size, -1));
  CHECK(size == 3 && memcmp(buffer, "a\0b", 3) == 0);
  size = 0;
  OK(lagoon_queue_get(queue, NULL, &size, -1));
  CHECK(size == 0);
  CHECK(lagoon_queue_put(queue, NULL, 1, -1) == lagoon_invalid_argument);
  REFUSED(lagoon_queue_task_done(queue), lagoon_usage_error, "joinable");
  REFUSED(lagoon_queue_join(queue, 0), lagoon_usage_error, "joinable");
  // Where the count before the bytes takes one more.
  for (const size_t* n = (const size_t[]){1, 127, 128, 129, 16383, 16384, 16385, sizeof large, 0};
       *n != 0; ++n) {
    OK(lagoon_queue_put(queue, large, *n, 0));
    size = *n - 1;
    CHECK(lagoon_queue_get(queue, large, &size, 0) == lagoon_too_small);
    CHECK(size == *n);
    OK(lagoon_queue_get(queue, large, &size, 0));
    CHECK(size == *n && large[0] == 'x' && large[size - 1] == 'x');
  }
  OK(lagoon_segment_erase(segment, "lines"));
  REFUSED(lagoon_queue_put(queue, "c", 1, -1), lagoon_gone, "'lines'");
  REFUSED(lagoon_queue_get(queue, buffer, &size, -1), lagoon_gone, "'lines'");
  lagoon_queue_close(queue);
  REFUSED(lagoon_queue_find(segment, "none", &queue), lagoon_not_found, "'none'");
  REFUSED(lagoon_queue_find(segment, "bounded", &queue), lagoon_type_mismatch, "'bounded'");

  // What a dead one had got is got again.
  OK(lagoon_queue_make(segment, "tasks", 1, 0, &tasks));
  OK(lagoon_queue_put(tasks, "task", 4, -1));
  const pid_t worker = child_that(get_a_task);
  size = sizeof buffer;
  CHECK(lagoon_queue_get(tasks, buffer, &size, 0) == lagoon_empty);
  CHECK(lagoon_queue_join(tasks, 0) == lagoon_timed_out);
  kill_child(worker);
  size = 1;
  CHECK(lagoon_queue_get(tasks, buffer, &size, -1) == lagoon_too_small);
  OK(lagoon_queue_get(tasks, buffer, &size, -1));
  CHECK(size == 4 && memcmp(buffer, "task", 4) == 0);
  OK(lagoon_queue_task_done(tasks));
  REFUSED(lagoon_queue_task_done(tasks), lagoon_usage_error, "task_done");
  OK(lagoon_queue_join(tasks, -1));
  lagoon_queue_close(tasks);
}

static int add_up(void* context, const char* key, size_t key_size, const void* data, size_t size) {
  char* all = context;
  snprintf(all + strlen(all), 64 - strlen(all), "%.*s=%.*s;", (int)key_size, key, (int)size,
           (const char*)data);
  return 0;
}

static void test_dicts(void) {
  lagoon_dict* dict = NULL;
  char buffer[8], all[64] = "";
  size_t size = sizeof buffer;
  OK(lagoon_dict_make(segment, "dict", &dict));
  CHECK(lagoon_dict_get(dict, "gold", buffer, &size) == lagoon_not_found);
  OK(lagoon_dict_set(dict, "gold", "1.5", 3));
  OK(lagoon_dict_set(dict, "tin", NULL, 0));
  OK(lagoon_dict_set(dict, "lead", "2", 1));
  size = 2;
  CHECK(lagoon_dict_get(dict, "gold", buffer, &size) == lagoon_too_small && size == 3);
  OK(lagoon_dict_get(dict, "gold", buffer, &size));
  CHECK(size == 3 && memcmp(buffer, "1.5", 3) == 0);
  OK(lagoon_dict_erase(dict, "lead"));
  CHECK(lagoon_dict_erase(dict, "lead") == lagoon_not_found);
  OK(lagoon_dict_size(dict, &size));
  CHECK(size == 2);
  OK(lagoon_dict_items(dict, add_up, all));
  CHECK(strcmp(all, "gold=1.5;tin=;") == 0);
  CHECK(lagoon_dict_set(dict, NULL, "x", 1) == lagoon_invalid_argument);
  lagoon_dict_close(dict);
  OK(lagoon_dict_find(segment, "dict", &dict));
  lagoon_dict_close(dict);
  REFUSED(lagoon_dict_find(segment, "tasks", &dict), lagoon_type_mismatch, "'tasks'");
}

void test_containers(void) {
  test_queues();
  test_dicts();
}
