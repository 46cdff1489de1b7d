#ifndef LAGOON_LAGOON_H
#define LAGOON_LAGOON_H
/// The C interface: what lagoon has, for C programs and for languages that call C (ctypes, Rust,
/// Go). C99 and newer; also C++. It lies beside lagoon.hpp, in the same library.
///
///   lagoon_segment *market = NULL;
///   lagoon_value *hits = NULL;
///   int64_t before = 0;
///   if (lagoon_segment_open_or_create("market", NULL, &market) != lagoon_ok ||
///       lagoon_value_make(market, "hits", 'q', lagoon_atomic, NULL, &hits) != lagoon_ok ||
///       lagoon_value_fetch_add_i64(hits, 1, &before) != lagoon_ok)
///     fprintf(stderr, "%s\n", lagoon_last_error());
///   lagoon_value_close(hits);
///   lagoon_segment_close(market);
///
/// The objects are those of the C++ headers: a program in C++ finds what is made here and makes
/// what is found here. What each promises, its progress and what a crash leaves is told there in
/// full (value.hpp, array.hpp, lock.hpp, …) and here in short.
///
/// Functions return a status: lagoon_ok, or why not. None lets an exception out. A NULL where
/// something must be is lagoon_invalid_argument; where NULL is allowed it is said. After an error a
/// handle that was to be given is NULL, and other results say nothing.
///
/// A handle may be used by many threads at a time, and by children that are forked later. It is
/// closed once, when nobody uses it any more; closing NULL does nothing. Closing ends nothing but
/// the handle, unless the object has no name: that goes with its maker's last handle. A handle
/// keeps what it needs: the order of closing is free.
///
///   …_make   finds what has that name, or makes it; lagoon_type_mismatch if it is something else.
///            Without a name (NULL): in that segment, for those who get it by fork; and with no
///            segment either, in this process's own memory, for its children.
///   …_find   finds only: lagoon_not_found.
///
/// A time is in seconds, on the monotonic clock: 0 is one look, a negative one (or infinity) waits
/// for ever, as with poll() (so who computes what is left of a time sees that it does not fall
/// below 0); NaN is lagoon_invalid_argument. Seconds, because Python counts so, and no factor can
/// be forgotten. Signals neither end nor lengthen a wait. Yes and no are int, 1 and 0.
///
/// The binary interface stays: functions are added, never changed; numbers of constants stay; the
/// one struct says its size.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Errors -----------------------------------------------------------------------------------

/// As the exceptions of error.hpp, by their names; and four that are answers, not failures, and
/// leave no message: lagoon_timed_out, lagoon_full, lagoon_empty, lagoon_too_small.
typedef enum lagoon_status {
  lagoon_ok = 0,
  lagoon_invalid_argument = 1,  ///< NULL, a bad name, an unknown typecode, a negative length
  lagoon_out_of_range = 2,      ///< an index outside the array
  lagoon_type_mismatch = 3,     ///< another type, mode, or length is there than was asked for
  lagoon_layout_mismatch = 4,   ///< no segment, or one of another version, or a damaged one
  lagoon_not_found = 5,         ///< nothing of that name; no such key
  lagoon_already_exists = 6,
  lagoon_gone = 7,         ///< the object was erased
  lagoon_read_only = 8,    ///< the segment is open for reading only
  lagoon_usage_error = 9,  ///< not now, or not in this mode: released but free, waited without lock
  lagoon_broken_barrier = 10,
  lagoon_full = 11,           ///< no room in time
  lagoon_empty = 12,          ///< nothing came in time
  lagoon_timed_out = 13,      ///< not in time
  lagoon_system_error = 14,   ///< the system refused; errno says why
  lagoon_out_of_memory = 15,  ///< the segment cannot grow, or memory is full; nothing has changed
  lagoon_too_small = 16,      ///< the buffer; its size was set to what is needed
  lagoon_other_error = 17     ///< anything else, such as a defect of the library
} lagoon_status;

/// What went wrong in this thread's last call that failed: the object, what was found, what was
/// expected. Never NULL; good until the next failure in this thread, or its end. (One for each
/// thread, so that no call needs another argument and nothing must be freed. Who moves from thread
/// to thread between two calls, as a goroutine does, locks itself to one for both, or does with the
/// status.)
const char* lagoon_last_error(void);
/// Such as "type_mismatch"; "unknown status" for another number.
const char* lagoon_status_name(int status);

// ---- Segments (segment.hpp) -------------------------------------------------------------------

/// A file in /dev/shm in which programs meet. Whoever may write there can destroy what is in it.
/// Killed while making one: no segment, or all of it. Killed while making or erasing an object in
/// it: the object, or not; what was half-made is freed by the next. These calls take turns, and
/// wait for nobody who is dead.
typedef struct lagoon_segment lagoon_segment;

/// NULL for all defaults; else size = sizeof(lagoon_options), and 0 for what is to be the default.
typedef struct lagoon_options {
  size_t size;            ///< which fields there are; later versions may have more
  size_t reserve;         ///< bytes to which it can grow, of address space: 4 GiB
  size_t participants;    ///< threads that write at the same time: 4096
  const char* directory;  ///< where the file lies: "/dev/shm"
  unsigned access;        ///< rights of the file: 0600
  unsigned flags;         ///< of lagoon_prefault and so on
} lagoon_options;
enum {
  lagoon_prefault = 1,    ///< touch all memory when it is got
  lagoon_huge_pages = 2,  ///< ask for huge pages
  lagoon_any_owner = 4    ///< open another user's
};

lagoon_status lagoon_segment_create(const char* name, const lagoon_options* options,
                                    lagoon_segment** segment);
lagoon_status lagoon_segment_open(const char* name, const lagoon_options* options,
                                  lagoon_segment** segment);
lagoon_status lagoon_segment_open_or_create(const char* name, const lagoon_options* options,
                                            lagoon_segment** segment);
/// Stores nothing; has values and arrays, but those with a lock.
lagoon_status lagoon_segment_open_read_only(const char* name, const lagoon_options* options,
                                            lagoon_segment** segment);
/// In a file that you bring, such as a memfd: attached if it holds a segment, made if it is empty
/// or all zero. The descriptor is duplicated.
lagoon_status lagoon_segment_adopt(int descriptor, const lagoon_options* options,
                                   lagoon_segment** segment);
void lagoon_segment_close(lagoon_segment* segment);

/// Removes the name; who has it open keeps it. lagoon_not_found.
lagoon_status lagoon_segment_remove(const char* name, const lagoon_options* options);
lagoon_status lagoon_segment_exists(const char* name, const lagoon_options* options, int* exists);
/// each(context, name) for all that there are, in alphabetical order, until it returns other than
/// 0. It must not throw, nor leave by longjmp.
lagoon_status lagoon_segment_list(const lagoon_options* options,
                                  int (*each)(void* context, const char* name), void* context);

/// Bytes of memory it has now, how far it can grow, how many are in use. Each may be NULL.
lagoon_status lagoon_segment_sizes(const lagoon_segment* segment, size_t* size, size_t* capacity,
                                   size_t* used);
/// The same for what it holds, in no order, with a type such as "Array<double, seqlocked>[64]" and
/// the bytes that it takes.
lagoon_status lagoon_segment_objects(const lagoon_segment* segment,
                                     int (*each)(void* context, const char* name, const char* type,
                                                 size_t bytes),
                                     void* context);
/// Ends the object of that name, which is free again: those who have handles get lagoon_gone.
/// lagoon_not_found.
lagoon_status lagoon_segment_erase(const lagoon_segment* segment, const char* name);
/// For who opens, makes and erases nothing for long: lets memory of erased objects be used again.
lagoon_status lagoon_segment_acknowledge_erased(const lagoon_segment* segment);

// ---- Types ------------------------------------------------------------------------------------

/// A typecode is Python's: c char, b B signed and unsigned char, u wchar_t, h H short, i I int, l L
/// long, q Q long long, f float, d double; and '?' is bool. The functions have the width in their
/// name, by which types are told apart, so l and q are one type here (of which q is told).
///
///   c char   b i8   h i16   i i32   q i64   f f32   u wchar
///   ? bool   B u8   H u16   I u32   Q u64   d f64
///
/// A bool is a byte, 0 or 1; whatever is not 0 goes in as 1. The function must be the type's own:
/// lagoon_type_mismatch. Integers wrap.
#define LAGOON_FOR_INTEGERS(of)                                                      \
  of(i8, int8_t) of(u8, uint8_t) of(i16, int16_t) of(u16, uint16_t) of(i32, int32_t) \
      of(u32, uint32_t) of(i64, int64_t) of(u64, uint64_t)
#define LAGOON_FOR_NUMBERS(of) LAGOON_FOR_INTEGERS(of) of(f32, float) of(f64, double)
#define LAGOON_FOR_ALL(of) \
  LAGOON_FOR_NUMBERS(of) of(char, char) of(wchar, wchar_t) of(bool, uint8_t)

/// How a value or an array is kept (mode.hpp).
enum {
  lagoon_atomic = 0,     ///< one atomic word; of an array each element
  lagoon_seqlocked = 1,  ///< arrays only: in copies; what is read is of one moment
  lagoon_locked = 2,     ///< Python's: beside a recursive lock
  lagoon_raw = 3         ///< plain memory
};

// ---- Values (value.hpp) -----------------------------------------------------------------------

/// One scalar. Atomic: each operation is one atomic instruction, sequentially consistent; nobody
/// waits; killed: before or after. After the erase they go on, on memory that is nobody else's:
/// lagoon_value_gone says it. Locked: each takes the lock for as long as it needs (blocking;
/// killed: as it was then; owner_died of its lock keeps the news). Raw: get and set only, not torn.
typedef struct lagoon_value lagoon_value;

/// `initial` is a T, or NULL for zero.
lagoon_status lagoon_value_make(const lagoon_segment* segment, const char* name, char typecode,
                                int mode, const void* initial, lagoon_value** value);
/// Atomic, locked by an RLock or raw; typecode 0: of whatever type.
lagoon_status lagoon_value_find(const lagoon_segment* segment, const char* name, char typecode,
                                lagoon_value** value);
void lagoon_value_close(lagoon_value* value);
lagoon_status lagoon_value_typecode(const lagoon_value* value, char* typecode);
lagoon_status lagoon_value_gone(const lagoon_value* value, int* gone);

/// Of these, for each T:
///   get(value, T *out)   set(value, T x)   exchange(value, T x, T *before)
///   compare_exchange(value, T *expected, T desired, int *exchanged)
///            if it is not as expected (bit for bit), *expected becomes what it is
///   wait(value, T old, double seconds)
///            atomic only: until it is another than `old`; who changes it calls notify
///   fetch_add fetch_sub (value, T x, T *before)             numbers
///   fetch_and fetch_or fetch_xor (value, T x, T *before)    integers
/// `before` and `exchanged` may be NULL.
#define LAGOON_VALUE(suffix, T)                                                          \
  lagoon_status lagoon_value_get_##suffix(const lagoon_value* value, T* out);            \
  lagoon_status lagoon_value_set_##suffix(lagoon_value* value, T x);                     \
  lagoon_status lagoon_value_exchange_##suffix(lagoon_value* value, T x, T* before);     \
  lagoon_status lagoon_value_compare_exchange_##suffix(lagoon_value* value, T* expected, \
                                                       T desired, int* exchanged);       \
  lagoon_status lagoon_value_wait_##suffix(const lagoon_value* value, T old, double seconds);
#define LAGOON_NUMBER(suffix, T)                                                      \
  lagoon_status lagoon_value_fetch_add_##suffix(lagoon_value* value, T x, T* before); \
  lagoon_status lagoon_value_fetch_sub_##suffix(lagoon_value* value, T x, T* before);
#define LAGOON_INTEGER(suffix, T)                                                     \
  lagoon_status lagoon_value_fetch_and_##suffix(lagoon_value* value, T x, T* before); \
  lagoon_status lagoon_value_fetch_or_##suffix(lagoon_value* value, T x, T* before);  \
  lagoon_status lagoon_value_fetch_xor_##suffix(lagoon_value* value, T x, T* before);
LAGOON_FOR_ALL(LAGOON_VALUE)
LAGOON_FOR_NUMBERS(LAGOON_NUMBER)
LAGOON_FOR_INTEGERS(LAGOON_INTEGER)
#undef LAGOON_VALUE
#undef LAGOON_NUMBER
#undef LAGOON_INTEGER

/// Wakes all who wait. (A killed notifier costs them 8 ms at most.)
lagoon_status lagoon_value_notify(lagoon_value* value);
/// The value itself: raw, for everyone; locked, for who holds the lock. Good while the handle is.
lagoon_status lagoon_value_pointer(const lagoon_value* value, void** pointer);

// ---- Arrays (array.hpp) -----------------------------------------------------------------------

/// Many of one type. Seqlocked: what is read at once is of one moment, and no reader ever waits;
/// what is written at once is seen whole or not at all; writers take turns. Killed while writing:
/// before or after the whole write, and the next writer takes over. Locked: under the lock, as it
/// goes. Atomic, raw: element by element.
typedef struct lagoon_array lagoon_array;

/// `initial` are `length` T, or NULL for zeros.
lagoon_status lagoon_array_make(const lagoon_segment* segment, const char* name, char typecode,
                                int mode, size_t length, const void* initial, lagoon_array** array);
/// Of whatever mode (but with another lock than an RLock) and length; typecode 0: of whatever type.
lagoon_status lagoon_array_find(const lagoon_segment* segment, const char* name, char typecode,
                                lagoon_array** array);
void lagoon_array_close(lagoon_array* array);
lagoon_status lagoon_array_typecode(const lagoon_array* array, char* typecode);
lagoon_status lagoon_array_length(const lagoon_array* array, size_t* length);
lagoon_status lagoon_array_gone(const lagoon_array* array, int* gone);
/// Seqlocked only: grows by one with each write, so who has read one version need not read again.
lagoon_status lagoon_array_version(const lagoon_array* array, uint64_t* version);

/// Of these, for each T:
///   get(array, i, T *out)   set(array, i, T x)
///   read(array, first, count, T *out)   write(array, first, count, const T *from)
///            these elements at once
///   add(array, i, T x, T *now)    numbers, not in raw arrays: one step; `now` may be NULL
#define LAGOON_ARRAY(suffix, T)                                                                   \
  lagoon_status lagoon_array_get_##suffix(const lagoon_array* array, size_t i, T* out);           \
  lagoon_status lagoon_array_set_##suffix(lagoon_array* array, size_t i, T x);                    \
  lagoon_status lagoon_array_read_##suffix(const lagoon_array* array, size_t first, size_t count, \
                                           T* out);                                               \
  lagoon_status lagoon_array_write_##suffix(lagoon_array* array, size_t first, size_t count,      \
                                            const T* from);
#define LAGOON_NUMBERS(suffix, T) \
  lagoon_status lagoon_array_add_##suffix(lagoon_array* array, size_t i, T x, T* now);
LAGOON_FOR_ALL(LAGOON_ARRAY)
LAGOON_FOR_NUMBERS(LAGOON_NUMBERS)
#undef LAGOON_ARRAY
#undef LAGOON_NUMBERS

/// The first element: raw, for everyone; locked, for who holds the lock. Good while the handle is.
lagoon_status lagoon_array_pointer(const lagoon_array* array, void** pointer);

#undef LAGOON_FOR_ALL
#undef LAGOON_FOR_NUMBERS
#undef LAGOON_FOR_INTEGERS

// ---- Locks (lock.hpp, locks/reader_writer.hpp) ------------------------------------------------

/// Blocking among the living, never by the dead. If a holder is killed, or its thread ends, exactly
/// one of those who want it gets it and is told, by *owner_died = 1; what it guards may be
/// half-changed. For all others lagoon_lock_owner_died says so until somebody has put that in order
/// and calls lagoon_lock_mark_consistent. A holder is a thread of the system's: a goroutine locks
/// itself to its thread as long as it has one.
typedef struct lagoon_lock lagoon_lock;
enum {
  lagoon_plain = 0,         ///< Lock: may be released by another than who took it
  lagoon_recursive = 1,     ///< RLock: only by its owner, as often as it took it
  lagoon_reader_writer = 2  ///< in C++ Shared<locks::ReaderWriterLock>
};

lagoon_status lagoon_lock_make(const lagoon_segment* segment, const char* name, int kind,
                               lagoon_lock** lock);
lagoon_status lagoon_lock_find(const lagoon_segment* segment, const char* name, int kind,
                               lagoon_lock** lock);
/// That of a locked value, or array; another handle to it.
lagoon_status lagoon_value_lock(const lagoon_value* value, lagoon_lock** lock);
lagoon_status lagoon_array_lock(const lagoon_array* array, lagoon_lock** lock);
void lagoon_lock_close(lagoon_lock* lock);

/// lagoon_ok: it is held now, and *owner_died (which may be NULL) says how. lagoon_timed_out.
lagoon_status lagoon_lock_acquire(lagoon_lock* lock, double seconds, int* owner_died);
/// lagoon_usage_error if it is free, or, where only its owner may release it, another's.
lagoon_status lagoon_lock_release(lagoon_lock* lock);
/// As a reader: reader-writer locks only.
lagoon_status lagoon_lock_acquire_shared(lagoon_lock* lock, double seconds, int* owner_died);
lagoon_status lagoon_lock_release_shared(lagoon_lock* lock);
lagoon_status lagoon_lock_is_mine(lagoon_lock* lock, int* is_mine);
lagoon_status lagoon_lock_owner_died(const lagoon_lock* lock, int* owner_died);
lagoon_status lagoon_lock_mark_consistent(lagoon_lock* lock);

// ---- Semaphores (semaphore.hpp) ---------------------------------------------------------------

/// Releasing is lock-free, and acquiring while there are permits. Bounded: never more than there
/// were at first, and those of the dead come back. Not bounded: a dead one's are lost.
typedef struct lagoon_semaphore lagoon_semaphore;

lagoon_status lagoon_semaphore_make(const lagoon_segment* segment, const char* name, int bounded,
                                    long permits, lagoon_semaphore** semaphore);
/// Bounded or not.
lagoon_status lagoon_semaphore_find(const lagoon_segment* segment, const char* name,
                                    lagoon_semaphore** semaphore);
void lagoon_semaphore_close(lagoon_semaphore* semaphore);
/// lagoon_timed_out.
lagoon_status lagoon_semaphore_acquire(lagoon_semaphore* semaphore, double seconds);
/// One. lagoon_usage_error if there would be too many.
lagoon_status lagoon_semaphore_release(lagoon_semaphore* semaphore);
lagoon_status lagoon_semaphore_value(const lagoon_semaphore* semaphore, size_t* permits);

// ---- Events (event.hpp) -----------------------------------------------------------------------

/// A flag. Set, clear and look are lock-free. Killed: set, or not; nobody is kept up.
typedef struct lagoon_event lagoon_event;

lagoon_status lagoon_event_make(const lagoon_segment* segment, const char* name,
                                lagoon_event** event);
lagoon_status lagoon_event_find(const lagoon_segment* segment, const char* name,
                                lagoon_event** event);
void lagoon_event_close(lagoon_event* event);
lagoon_status lagoon_event_set(lagoon_event* event);
lagoon_status lagoon_event_clear(lagoon_event* event);
/// Until it is set. lagoon_timed_out.
lagoon_status lagoon_event_wait(const lagoon_event* event, double seconds);
lagoon_status lagoon_event_is_set(const lagoon_event* event, int* is_set);

// ---- Conditions (condition.hpp) ---------------------------------------------------------------

/// A lock, and those who wait, without it, until somebody who has it notifies. What a killed waiter
/// was told passes to another. 256 can wait at a time.
typedef struct lagoon_condition lagoon_condition;

/// With that lock, which lies in the same segment, or, NULL, a recursive one of its own. All who
/// use it give the same, or none: lagoon_type_mismatch.
lagoon_status lagoon_condition_make(const lagoon_segment* segment, const char* name,
                                    const lagoon_lock* lock, lagoon_condition** condition);
lagoon_status lagoon_condition_find(const lagoon_segment* segment, const char* name,
                                    const lagoon_lock* lock, lagoon_condition** condition);
void lagoon_condition_close(lagoon_condition* condition);
/// Its lock; another handle to it.
lagoon_status lagoon_condition_lock(const lagoon_condition* condition, lagoon_lock** lock);
/// These with the lock held, or lagoon_usage_error. wait: lagoon_ok if notified, lagoon_timed_out.
lagoon_status lagoon_condition_wait(lagoon_condition* condition, double seconds);
lagoon_status lagoon_condition_notify(lagoon_condition* condition, long how_many);
lagoon_status lagoon_condition_notify_all(lagoon_condition* condition);

// ---- Barriers (barrier.hpp) -------------------------------------------------------------------

/// So many that wait for each other. One that is killed while it waits breaks it, and the others
/// get lagoon_broken_barrier.
typedef struct lagoon_barrier lagoon_barrier;

lagoon_status lagoon_barrier_make(const lagoon_segment* segment, const char* name, long parties,
                                  lagoon_barrier** barrier);
/// For however many.
lagoon_status lagoon_barrier_find(const lagoon_segment* segment, const char* name,
                                  lagoon_barrier** barrier);
void lagoon_barrier_close(lagoon_barrier* barrier);
/// To each another number (`number` may be NULL), from 0 on. A time that passes breaks it, for all.
lagoon_status lagoon_barrier_wait(lagoon_barrier* barrier, double seconds, size_t* number);
lagoon_status lagoon_barrier_abort(lagoon_barrier* barrier);
lagoon_status lagoon_barrier_reset(lagoon_barrier* barrier);
/// Each may be NULL.
lagoon_status lagoon_barrier_state(const lagoon_barrier* barrier, size_t* parties, size_t* waiting,
                                   int* broken);

// ---- Queues of messages (queue.hpp) -----------------------------------------------------------

/// Messages of bytes, of any size: in C++ a Queue<std::string>, or JoinableQueue<std::string>,
/// which is also what Python's str come in. Found are those of std::vector<std::byte> too, Python's
/// bytes. Put and get are lock-free. Killed: each is done, or not; what the dead had got is lost,
/// unless the queue is joinable: then another gets it again.
typedef struct lagoon_queue lagoon_queue;

/// At most so many messages at a time; 0: no limit.
lagoon_status lagoon_queue_make(const lagoon_segment* segment, const char* name, int joinable,
                                size_t maxsize, lagoon_queue** queue);
/// Joinable or not, of whatever limit.
lagoon_status lagoon_queue_find(const lagoon_segment* segment, const char* name,
                                lagoon_queue** queue);
void lagoon_queue_close(lagoon_queue* queue);
/// lagoon_full if there was no room in time. `data` may be NULL if size is 0.
lagoon_status lagoon_queue_put(lagoon_queue* queue, const void* data, size_t size, double seconds);
/// *size is the buffer's before, the message's after. lagoon_empty if nothing came in time;
/// lagoon_too_small: the message is still there, and *size is what it needs.
lagoon_status lagoon_queue_get(lagoon_queue* queue, void* buffer, size_t* size, double seconds);
/// How many are in it now, and may be (0: any number). Each may be NULL.
lagoon_status lagoon_queue_size(const lagoon_queue* queue, size_t* size, size_t* maxsize);
/// Joinable: what was got is done. lagoon_usage_error if nobody has anything.
lagoon_status lagoon_queue_task_done(lagoon_queue* queue);
/// Joinable: until all that was put is done. lagoon_timed_out.
lagoon_status lagoon_queue_join(lagoon_queue* queue, double seconds);

// ---- Dicts (dict.hpp) -------------------------------------------------------------------------

/// Bytes under names: in C++ a Dict<std::string, std::string>. Readers never wait; writers take
/// turns. Killed: each change is done, or not.
typedef struct lagoon_dict lagoon_dict;

lagoon_status lagoon_dict_make(const lagoon_segment* segment, const char* name, lagoon_dict** dict);
lagoon_status lagoon_dict_find(const lagoon_segment* segment, const char* name, lagoon_dict** dict);
void lagoon_dict_close(lagoon_dict* dict);
lagoon_status lagoon_dict_set(lagoon_dict* dict, const char* key, const void* data, size_t size);
/// *size is the buffer's before, the value's after. lagoon_too_small; lagoon_not_found, here and
/// below without a message.
lagoon_status lagoon_dict_get(const lagoon_dict* dict, const char* key, void* buffer, size_t* size);
lagoon_status lagoon_dict_erase(lagoon_dict* dict, const char* key);
lagoon_status lagoon_dict_size(const lagoon_dict* dict, size_t* size);
/// each(context, key, key_size, data, size) for all that was in it at one moment, in the order in
/// which they came, until it returns other than 0. As lagoon_segment_list calls it.
lagoon_status lagoon_dict_items(const lagoon_dict* dict,
                                int (*each)(void* context, const char* key, size_t key_size,
                                            const void* data, size_t size),
                                void* context);

#ifdef __cplusplus
}
#endif

#endif
