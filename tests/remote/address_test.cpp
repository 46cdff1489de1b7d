/// Addresses, and what only their owner can enter and read.

#include <lagoon/error.hpp>
#include <lagoon/remote/address.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using lagoon::remote::Address;

TEST(Address, IsReadAndWritten) {
  const Address path = Address::parse("/tmp/x y");
  EXPECT_EQ(path.kind(), Address::Kind::path);
  EXPECT_EQ(path.text(), "/tmp/x y");
  EXPECT_EQ(Address::parse("./x:1").kind(), Address::Kind::path);
  const Address abstract = Address::parse("@name");
  EXPECT_EQ(abstract.kind(), Address::Kind::abstract);
  EXPECT_EQ(abstract.name(), "name");
  EXPECT_EQ(abstract.text(), "@name");
  const Address tcp = Address::parse("localhost:5000");
  EXPECT_EQ(tcp.kind(), Address::Kind::tcp);
  EXPECT_EQ(tcp.name(), "localhost");
  EXPECT_EQ(tcp.port(), 5000);
  EXPECT_EQ(tcp, Address::tcp("localhost", 5000));
}

TEST(Address, WhatIsNoneIsSaid) {
  for (const std::string& wrong :
       {std::string("nonsense"), std::string(""), std::string("@"), std::string("host:"),
        std::string("host:65536"), std::string("host:x"), std::string(":5000"),
        "/" + std::string(200, 'x'), std::string("/a\0b", 4)})
    EXPECT_THROW((void)Address::parse(wrong), lagoon::InvalidArgument) << wrong;
  EXPECT_THROW((void)Address::of_owner("../x"), lagoon::InvalidArgument);
}

class PrivateDirectory : public testing::Test {
 protected:
  PrivateDirectory() {
    char name[] = "/tmp/lagoon-private-XXXXXX";
    directory = ::mkdtemp(name);
    ::setenv("XDG_RUNTIME_DIR", directory.c_str(), 1);
  }
  ~PrivateDirectory() override {
    ::unsetenv("XDG_RUNTIME_DIR");
    std::filesystem::remove_all(directory);
  }
  std::string directory;
};

mode_t mode_of(const std::string& path) {
  struct ::stat is {};
  EXPECT_EQ(::stat(path.c_str(), &is), 0);
  return is.st_mode & 0777;
}

TEST_F(PrivateDirectory, IsItsOwnersOnly) {
  EXPECT_EQ(lagoon::remote::private_directory(), directory + "/lagoon");
  EXPECT_EQ(mode_of(directory + "/lagoon"), 0700U);
  EXPECT_EQ(lagoon::remote::private_directory(), directory + "/lagoon");
  EXPECT_EQ(Address::of_owner("x").text(), directory + "/lagoon/x");
  ::chmod((directory + "/lagoon").c_str(), 0755);
  EXPECT_THROW((void)lagoon::remote::private_directory(), lagoon::InvalidArgument);
}

TEST_F(PrivateDirectory, AKeyIsMadeOnceAndReadByNobodyElse) {
  const std::string path = directory + "/key";
  const std::string key = lagoon::remote::private_key(path);
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(lagoon::remote::private_key(path), key);
  EXPECT_NE(lagoon::remote::private_key(directory + "/other"), key);

  std::ofstream(path) << "by hand\n";
  EXPECT_EQ(lagoon::remote::private_key(path), "by hand");
  std::ofstream(path) << "";
  EXPECT_THROW((void)lagoon::remote::private_key(path), lagoon::InvalidArgument);
  std::ofstream(path) << "by hand\n";
  ::chmod(path.c_str(), 0644);
  EXPECT_THROW((void)lagoon::remote::private_key(path), lagoon::InvalidArgument);
  EXPECT_THROW((void)lagoon::remote::private_key(directory + "/no/such"), lagoon::SystemError);
}

}  // namespace
