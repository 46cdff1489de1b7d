#include <lagoon/lagoon.h>

int main(void) {
  lagoon_value* value = NULL;
  int32_t x = 41;
  if (lagoon_value_make(NULL, NULL, 'i', lagoon_atomic, &x, &value) != lagoon_ok) return 1;
  if (lagoon_value_fetch_add_i32(value, 1, &x) != lagoon_ok) return 1;
  if (lagoon_value_get_i32(value, &x) != lagoon_ok) return 1;
  lagoon_value_close(value);
  return x == 42 ? 0 : 1;
}
