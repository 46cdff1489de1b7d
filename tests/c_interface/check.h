#pragma once
/// What the tests in C have in common: checks that say where they failed, and children.

#define _GNU_SOURCE  // memfd_create
#include <lagoon/lagoon.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

extern int failures;
extern char name[64];
extern lagoon_segment* segment;

void fail(const char* file, int line, const char* what);
#define CHECK(what)                               \
  do {                                            \
    if (!(what)) fail(__FILE__, __LINE__, #what); \
  } while (0)
#define OK(call) CHECK((call) == lagoon_ok)
/// It fails so, and the message has these words in it.
#define REFUSED(call, status, words)                     \
  do {                                                   \
    CHECK((call) == (status));                           \
    CHECK(strstr(lagoon_last_error(), (words)) != NULL); \
  } while (0)

/// A child that does this, and then waits to be killed; it has been done when this returns.
pid_t child_that(void (*does)(void));
void kill_child(pid_t pid);
/// A child that does this and ends; it is waited for by reap.
pid_t child_to(void (*do_it)(void));
void reap(pid_t pid);

void test_segments(void);
void test_scalars(void);
void test_synchronization(void);
void test_containers(void);
