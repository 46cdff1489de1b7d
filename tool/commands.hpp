#pragma once
/// What `lagoon` can do, a function for each command: argv[0] is its name. Each returns the exit
/// code: 0; 1 if what was asked for could not be done, 2 if it was asked for in another way than
/// `--help` says; of cp and load 3 if something could not be copied.

namespace tool {

int ls(int argc, char** argv);      // which segments there are
int rm(int argc, char** argv);      // removes some
int show(int argc, char** argv);    // what is in one
int top(int argc, char** argv);     // what is done with it
int doctor(int argc, char** argv);  // what is wrong with any
int cp(int argc, char** argv);      // copies one to a file
int load(int argc, char** argv);    // and back
int serve(int argc, char** argv);   // what a segment holds, for Python programs

}  // namespace tool
