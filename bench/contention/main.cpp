#include "program.hpp"

int main(int argc, char** argv) { return contention::run(argc, argv); }
